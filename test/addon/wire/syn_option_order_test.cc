#include "wire/syn_option_order.h"

#include <gtest/gtest.h>

#include "wire/tcp_options.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

SynOptionOrder order_of(std::initializer_list<SynOption> options) {
  SynOptionOrder order;
  for (const SynOption option : options) EXPECT_TRUE(order.append(option));
  return order;
}

TcpOptions all_options() {
  TcpOptions options;
  options.maximum_segment_size = 1460;
  options.window_scale = 7;
  options.sack_permitted = true;
  options.timestamps = TcpTimestamps{1, 2};
  return options;
}

Octets emit(TcpOptions options, const SynOptionOrder& order) {
  options.syn_order = &order;
  Octets emitted(options.bytes());
  options.emit(emitted);
  return emitted;
}

TEST(SynOptionOrder, KnowsWhatItHas) {
  SynOptionOrder order;
  EXPECT_TRUE(order.empty());
  EXPECT_TRUE(order.append(SynOption::kTimestamps));
  EXPECT_FALSE(order.empty());
  EXPECT_TRUE(order.has(SynOption::kTimestamps));
  EXPECT_FALSE(order.has(SynOption::kWindowScale));
}

TEST(SynOptionOrder, AHeaderHasRoomForFortyBytes) {
  SynOptionOrder order;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(order.append(SynOption::kTimestamps));
  EXPECT_FALSE(order.append(SynOption::kNoOperation));
  EXPECT_EQ(std::distance(order.begin(), order.end()), 4);
}

// FreeBSD and macOS begin like this.
TEST(SynOptionOrder, OptionsAreSentInIt) {
  const SynOptionOrder order = order_of({SynOption::kMaximumSegmentSize, SynOption::kNoOperation, SynOption::kWindowScale,
                                         SynOption::kSackPermitted, SynOption::kTimestamps});
  EXPECT_EQ(emit(all_options(), order), hex("020405b4 01 030307 0402 080a 00000001 00000002"));
}

TEST(SynOptionOrder, TheEndIsPaddedToAWord) {
  const SynOptionOrder order = order_of({SynOption::kWindowScale, SynOption::kMaximumSegmentSize});
  EXPECT_EQ(emit(all_options(), order), hex("030307 020405b4 01"));
}

TEST(SynOptionOrder, WhatIsNotThereTakesItsPaddingWithIt) {
  const SynOptionOrder order = order_of({SynOption::kMaximumSegmentSize, SynOption::kNoOperation, SynOption::kWindowScale,
                                         SynOption::kNoOperation, SynOption::kNoOperation, SynOption::kTimestamps});
  TcpOptions options = all_options();
  options.window_scale.reset();
  EXPECT_EQ(emit(options, order), hex("020405b4 0101 080a 00000001 00000002"));
  options.timestamps.reset();
  EXPECT_EQ(emit(options, order), hex("020405b4"));
}

TEST(SynOptionOrder, APeerReadsTheSameOptions) {
  const SynOptionOrder order = order_of({SynOption::kTimestamps, SynOption::kSackPermitted, SynOption::kWindowScale,
                                         SynOption::kMaximumSegmentSize});
  EXPECT_EQ(TcpOptions::parse(emit(all_options(), order), true), all_options());
}

}  // namespace
}  // namespace demi
