#include "wire/tcp_options.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

TcpOptions parse(const Octets& options, bool is_syn = true) {
  // The cookie points into the bytes, so they stay where they are while a test looks at it.
  static Octets kept;
  kept = exact(options);
  return TcpOptions::parse(kept, is_syn);
}

Octets emit(const TcpOptions& options) {
  Octets emitted(options.bytes());
  options.emit(emitted);
  return emitted;
}

// What a Linux host sends with its SYN: MSS 1460, SACK permitted, timestamps, no-operation, window scale 7.
const Octets kSyn = hex("020405b4 0402 080a 00000001 00000000 01 030307");
const Octets kSackBlocks = hex("01 01 05 12 00000010 00000020 fffffff0 00000008");

TEST(TcpOptions, ParsesThoseOfASyn) {
  const TcpOptions options = parse(kSyn);
  EXPECT_EQ(options.maximum_segment_size, 1460);
  EXPECT_EQ(options.window_scale, 7);
  EXPECT_TRUE(options.sack_permitted);
  EXPECT_EQ(options.timestamps, (TcpTimestamps{1, 0}));
  EXPECT_EQ(options.sack_block_count, 0);
  EXPECT_FALSE(options.fast_open_cookie || options.is_malformed);
  EXPECT_EQ(emit(options), kSyn);
}

TEST(TcpOptions, ParsesSackBlocks) {
  const TcpOptions options = parse(kSackBlocks, false);
  ASSERT_EQ(options.sack_block_count, 2);
  EXPECT_EQ(options.sack_blocks[0], (SackBlock{SeqNumber(0x10), SeqNumber(0x20)}));
  EXPECT_EQ(options.sack_blocks[1], (SackBlock{SeqNumber(0xfffffff0), SeqNumber(8)}));
  EXPECT_EQ(emit(options), kSackBlocks);
}

TEST(TcpOptions, NoneAreNothing) {
  EXPECT_EQ(parse({}), TcpOptions{});
  EXPECT_EQ(TcpOptions{}.bytes(), 0u);
}

TEST(TcpOptions, WhatBelongsIntoASynIsIgnoredElsewhere) {
  const TcpOptions options = parse(concat(kSyn, hex("22 06 01020304")), false);
  EXPECT_FALSE(options.maximum_segment_size || options.window_scale || options.sack_permitted || options.fast_open_cookie);
  EXPECT_EQ(options.timestamps, (TcpTimestamps{1, 0}));
}

TEST(TcpOptions, UnknownOnesAreSkipped) {
  // MD5 signature (RFC 2385), an experiment (RFC 6994), a kind that nobody has.
  const TcpOptions options = parse(hex("13 12 00112233445566778899aabbccddeeff  fe 04 f989  c8 02  02 04 0218"));
  EXPECT_EQ(options.maximum_segment_size, 536);
  EXPECT_FALSE(options.is_malformed);
}

TEST(TcpOptions, NothingIsReadBehindTheEnd) {
  const TcpOptions options = parse(hex("02 04 05b4 00 03 03 07"));
  EXPECT_EQ(options.maximum_segment_size, 1460);
  EXPECT_FALSE(options.window_scale || options.is_malformed);
}

TEST(TcpOptions, OfTwoTheLaterCounts) {
  EXPECT_EQ(parse(hex("02 04 0001 02 04 0218")).maximum_segment_size, 536);
  const TcpOptions options = parse(hex("05 12 00000001 00000002 00000003 00000004  05 0a 00000005 00000006"));
  TcpOptions expected;
  expected.sack_block_count = 1;
  expected.sack_blocks[0] = {SeqNumber(5), SeqNumber(6)};
  EXPECT_EQ(options, expected);
}

TEST(TcpOptions, TheWindowScaleIsAtMost14) {
  EXPECT_EQ(parse(hex("03 03 0e")).window_scale, 14);
  EXPECT_EQ(parse(hex("03 03 0f")).window_scale, 14);
  EXPECT_EQ(parse(hex("03 03 ff")).window_scale, 14);
}

// Every kind, with every length, and with every number of bytes that there are: what is before it counts, and what is behind only if
// the length leads there.
TEST(TcpOptions, EveryKindAtEveryLength) {
  for (int kind = 2; kind < 256; ++kind) {
    for (int length = 0; length < 256; ++length) {
      for (const size_t following : {size_t{0}, size_t{1}, size_t{2}, size_t{8}, size_t{20}}) {
        Octets octets = hex("08 0a 11111111 22222222");
        octets.push_back(static_cast<uint8_t>(kind));
        octets.push_back(static_cast<uint8_t>(length));
        octets.resize(octets.size() + following, 1);
        const TcpOptions options = parse(octets);
        const bool leads_on = length >= 2 && static_cast<size_t>(length) <= 2 + following;
        ASSERT_EQ(options.is_malformed, !leads_on) << kind << ' ' << length << ' ' << following;
        const bool is_replaced = kind == 8 && length == 10 && leads_on;
        ASSERT_EQ(options.timestamps->value, is_replaced ? 0x01010101u : 0x11111111u) << kind << ' ' << length;
        ASSERT_EQ(options.maximum_segment_size.has_value(), leads_on && kind == 2 && length == 4);
        ASSERT_EQ(options.window_scale.has_value(), leads_on && kind == 3 && length == 3);
        ASSERT_EQ(options.sack_permitted, leads_on && kind == 4 && length == 2);
        ASSERT_EQ(options.sack_block_count > 0, leads_on && kind == 5 && (length == 10 || length == 18));
        ASSERT_EQ(options.fast_open_cookie.has_value(),
                  leads_on && kind == 34 && (length == 2 || (length >= 6 && length <= 18 && length % 2 == 0)));
      }
    }
  }
}

TEST(TcpOptions, AKindWithoutALengthIsMalformed) {
  for (int kind = 0; kind < 256; ++kind) {
    const TcpOptions options = parse({1, static_cast<uint8_t>(kind)});
    EXPECT_EQ(options.is_malformed, kind > 1) << kind;
  }
}

TEST(TcpOptions, TruncatedOnesKeepWhatIsWhole) {
  for_each_truncation(kSyn, [](Bytes cut) {
    const TcpOptions options = TcpOptions::parse(cut, true);
    EXPECT_EQ(options.maximum_segment_size.has_value(), cut.size() >= 4);
    EXPECT_EQ(options.sack_permitted, cut.size() >= 6);
    EXPECT_EQ(options.timestamps.has_value(), cut.size() >= 16);
    EXPECT_FALSE(options.window_scale);
    const bool is_between = cut.size() == 0 || cut.size() == 4 || cut.size() == 6 || cut.size() == 16 || cut.size() == 17;
    EXPECT_EQ(options.is_malformed, !is_between) << cut.size();
  });
}

TEST(TcpOptions, CookiesOfFastOpen) {
  EXPECT_TRUE(parse(hex("22 02")).fast_open_cookie->empty());
  const TcpOptions options = parse(hex("01 01 22 06 a1a2a3a4"));
  EXPECT_EQ(exact(*options.fast_open_cookie), hex("a1a2a3a4"));
  EXPECT_EQ(emit(options), hex("01 01 22 06 a1a2a3a4"));
  EXPECT_FALSE(parse(hex("22 05 a1a2a3")).fast_open_cookie);
  EXPECT_FALSE(parse(hex("22 07 a1a2a3a4a5")).fast_open_cookie);
}

TEST(TcpOptions, EachIsPaddedToAWord) {
  TcpOptions sack_permitted, timestamps, window_scale;
  sack_permitted.sack_permitted = true;
  EXPECT_EQ(emit(sack_permitted), hex("01 01 04 02"));
  timestamps.timestamps = TcpTimestamps{0xaabbccdd, 0x11223344};
  EXPECT_EQ(emit(timestamps), hex("01 01 08 0a aabbccdd 11223344"));
  window_scale.window_scale = 14;
  EXPECT_EQ(emit(window_scale), hex("01 03 03 0e"));
}

TEST(TcpOptions, ASynWithEverythingFillsTheHeader) {
  const Octets cookie(16, 0xcc);
  TcpOptions options = parse(kSyn);
  options.fast_open_cookie = cookie;
  EXPECT_EQ(options.bytes(), 40u);
  exercise_tcp_options(options, true);
}

TEST(TcpOptions, WhatDoesNotFitIsLeftOut) {
  const Octets cookie(16, 0xcc);
  TcpOptions options;
  options.timestamps = TcpTimestamps{1, 2};
  options.sack_block_count = 4;
  for (uint32_t i = 0; i < 4; ++i) options.sack_blocks[i] = {SeqNumber(i * 100), SeqNumber(i * 100 + 50)};
  // RFC 2018 3: three blocks beside timestamps.
  TcpOptions again = parse(emit(options), false);
  EXPECT_EQ(again.sack_block_count, 3);
  EXPECT_EQ(again.sack_blocks[2], options.sack_blocks[2]);
  options.timestamps.reset();
  EXPECT_EQ(parse(emit(options), false).sack_block_count, 4);
  options.maximum_segment_size = 1460;
  options.fast_open_cookie = cookie;
  again = parse(emit(options));
  EXPECT_EQ(again.sack_block_count, 1);
  EXPECT_TRUE(again.fast_open_cookie);
}

TcpOptions random_options(Random& random, const Octets& cookie) {
  const auto word = [&] { return static_cast<uint32_t>(random.next()); };
  TcpOptions options;
  if (random.below(2) == 0) options.maximum_segment_size = static_cast<uint16_t>(word());
  if (random.below(2) == 0) options.window_scale = static_cast<uint8_t>(random.below(15));
  options.sack_permitted = random.below(2) == 0;
  if (random.below(2) == 0) options.timestamps = TcpTimestamps{word(), word()};
  options.sack_block_count = static_cast<uint8_t>(random.below(5));
  for (size_t i = 0; i < options.sack_block_count; ++i) options.sack_blocks[i] = {SeqNumber(word()), SeqNumber(word())};
  if (random.below(2) == 0) options.fast_open_cookie = Bytes(cookie).first(random.below(2) * (4 + 2 * random.below(7)));
  return options;
}

TEST(TcpOptions, AnySetOfThemIsEmittedWithinFortyBytes) {
  Random random(1);
  const Octets cookie = random_octets(random, 16);
  for (int i = 0; i < 50'000; ++i) exercise_tcp_options(random_options(random, cookie), true);
}

TEST(TcpOptions, AnyBytesDoNoHarm) {
  for_random_inputs(2, {kSyn, kSackBlocks, hex("22 06 a1a2a3a4")}, [](Bytes octets) {
    const Bytes options = octets.first(std::min(octets.size(), TcpOptions::kBytesMax));
    exercise_tcp_options(TcpOptions::parse(options, true), true);
    exercise_tcp_options(TcpOptions::parse(options, false), false);
  });
}

TEST(TcpOptionsDeathTest, NeedRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(19);
  EXPECT_DEATH(parse(kSyn).emit(room), "no room");
}

}  // namespace
}  // namespace demi
