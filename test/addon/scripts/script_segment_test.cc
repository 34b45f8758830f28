#include "scripts/script_segment.h"

#include <gtest/gtest.h>

#include <string>

namespace demi {
namespace {

constexpr SegmentBases kBases{SeqNumber(0xfffffff0), SeqNumber(1000)};

ScriptSegment parsed(const std::string& text) {
  TextCursor cursor(text);
  ScriptSegment segment;
  std::string error;
  EXPECT_TRUE(segment.parse(cursor, error)) << error;
  EXPECT_TRUE(cursor.at_end());
  return segment;
}

TEST(ScriptSegment, TextAndBackIsTheSame) {
  for (const char* text : {"S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>", "S. 0:0(0) ack 1 <...>",
                           "FP. 1:101(100) ack 5 win 10 urg 3", "- 1:1(0)", ". 1:1(0) ack 1 <nop,nop,sack 101:201 -5:7>",
                           "SEW 0:0(0) win 5 <bytes fd 04 0a 00>", "R. 0:0(0) ack 1"}) {
    EXPECT_EQ(parsed(text).to_text(), text);
  }
}

TEST(ScriptSegment, TheWireAndBackIsTheSame) {
  for (const char* text : {"S 0:0(0) win 65535 <mss 1460,sackOK,TS val 4000000000 ecr 7,nop,wscale 7>", "P. 17:21(4) ack 5 win 10",
                           "U. 1:2(1) ack 1 win 9 urg 1", ". 1:1(0) ack 1 win 1 <nop,nop,sack 101:201 301:401>",
                           "S 0:0(0) win 5 <bytes fd 04 0a 00>", ". 1:1(0) ack 1 win 1 <nop,nop,nop,eol>"}) {
    const ScriptSegment segment = parsed(text);
    const std::vector<uint8_t> bytes(segment.text_length(), 'x');
    const std::vector<uint8_t> encoded = segment.encode(1, 2, kBases, bytes);
    EXPECT_EQ(ScriptSegment::decode(encoded, kBases).to_text(), text);
    const Parsed<TcpView> view = TcpView::parse(encoded);
    ASSERT_TRUE(view.ok()) << text;
    EXPECT_EQ(view->source_port(), 1);
    EXPECT_EQ(view->sequence_number(), kBases.seq + static_cast<uint32_t>(segment.begin));
    EXPECT_EQ(view->text().size(), segment.text_length());
  }
}

TEST(ScriptSegment, WhatTheExpectedOneLeavesOpenIsNotTold) {
  const ScriptSegment got = parsed(". 1:1(0) ack 1 win 10 <nop,nop,TS val 1 ecr 2>");
  EXPECT_EQ(got.to_text_as(parsed(". 5:5(0) ack 1 <...>")), ". 1:1(0) ack 1 <...>");
  EXPECT_EQ(got.to_text_as(parsed(". 5:5(0) ack 1 win 3")), got.to_text());
}

}  // namespace
}  // namespace demi
