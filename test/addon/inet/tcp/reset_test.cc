#include "inet/tcp/reset.h"

#include <gtest/gtest.h>

#include "inet/tcp/segment_text.h"

namespace demi {
namespace {

std::string reset_of(const char* line) {
  const ParsedSegment segment = segment_from(line, SeqNumber(0), SeqNumber(0));
  const uint32_t length = segment.text_length + segment.header.flags.syn() + segment.header.flags.fin();
  const std::optional<TcpHeader> reset = reset_for(segment.header, length);
  return reset ? text_of(*reset, 0, SeqNumber(0), SeqNumber(0)) : "";
}

// RFC 9293 3.10.7.1
TEST(ResetTest, AnswersAnAckWithItsNumber) { EXPECT_EQ(reset_of(". 10:10(0) ack 700 win 5"), "R 700:700(0)"); }
TEST(ResetTest, AcknowledgesWhatHasNoAck) {
  EXPECT_EQ(reset_of("S 10:10(0) win 5"), "R. 0:0(0) ack 11");
  EXPECT_EQ(reset_of("SF 10:20(10) win 5"), "R. 0:0(0) ack 22");
  EXPECT_EQ(reset_of("- 10:10(0) win 5"), "R. 0:0(0) ack 10");
}
TEST(ResetTest, NeverAnswersAReset) {
  EXPECT_EQ(reset_of("R 10:10(0)"), "");
  EXPECT_EQ(reset_of("R. 10:10(0) ack 5"), "");
}
TEST(ResetTest, GoesTheWayBack) {
  TcpHeader segment;
  segment.source_port = 1;
  segment.destination_port = 2;
  const std::optional<TcpHeader> reset = reset_for(segment, 0);
  ASSERT_TRUE(reset.has_value());
  EXPECT_EQ(reset->source_port, 2);
  EXPECT_EQ(reset->destination_port, 1);
}

}  // namespace
}  // namespace demi
