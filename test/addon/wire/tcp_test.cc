#include "wire/tcp.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

const IpAddress kSource = IpAddress::ipv4(10, 0, 0, 1), kDestination = IpAddress::ipv4(10, 0, 0, 2);
const Octets kSyn = hex("c000 0050 00000064 00000000 a0c2 ffff 0000 0000  020405b4 0402 080a 00000001 00000000 01 030307");
const Octets kData = hex("0050 c000 ffffffff 00000065 5118 0200 0000 0000  616263");

Octets with_words(Octets segment, unsigned words) {
  segment[12] = static_cast<uint8_t>(words << 4 | (segment[12] & 15));
  return segment;
}

TEST(Tcp, ParsesASyn) {
  const auto view = TcpView::parse(kSyn);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source_port(), 49152);
  EXPECT_EQ(view->destination_port(), 80);
  EXPECT_EQ(view->sequence_number(), SeqNumber(100));
  EXPECT_EQ(view->flags(), TcpFlags{TcpFlags::kSyn | TcpFlags::kEce | TcpFlags::kCwr});
  EXPECT_EQ(view->window(), 65'535);
  EXPECT_EQ(view->options().maximum_segment_size, 1460);
  EXPECT_TRUE(view->text().empty());
  EXPECT_EQ(view->segment_length(), 1u);
}

TEST(Tcp, ParsesText) {
  const auto view = TcpView::parse(kData);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->flags(), TcpFlags{TcpFlags::kPsh | TcpFlags::kAck | TcpFlags::kNs});
  EXPECT_EQ(view->acknowledgment_number(), SeqNumber(101));
  EXPECT_EQ(view->options(), TcpOptions{});
  EXPECT_EQ(exact(view->text()), hex("616263"));
  EXPECT_EQ(view->segment_length(), 3u);
}

TEST(Tcp, SynAndFinCountInTheLength) {
  for (int bits = 0; bits < 512; ++bits) {
    Octets segment = kData;
    store_be16(segment.data() + 12, static_cast<uint16_t>(0x5000 | bits));
    const auto view = TcpView::parse(segment);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->flags().bits, bits);
    EXPECT_EQ(view->segment_length(), 3u + (bits & 1) + (bits >> 1 & 1));
    EXPECT_EQ(view->flags().rst(), (bits & 4) != 0);
    EXPECT_EQ(view->flags().has_all(TcpFlags::kSyn | TcpFlags::kAck), (bits & 0x12) == 0x12);
    EXPECT_EQ(view->flags().has_any(TcpFlags::kSyn | TcpFlags::kAck), (bits & 0x12) != 0);
  }
}

TEST(Tcp, ReservedBitsAreIgnored) {
  Octets segment = kData;
  segment[12] |= 0x0e;
  EXPECT_EQ(TcpView::parse(segment)->header(), TcpView::parse(kData)->header());
}

TEST(Tcp, OptionsOfASynAreIgnoredElsewhere) {
  Octets segment = kSyn;
  segment[13] = TcpFlags::kAck;
  EXPECT_FALSE(TcpView::parse(segment)->options().maximum_segment_size);
  EXPECT_TRUE(TcpView::parse(segment)->options().timestamps);
}

TEST(Tcp, EmitsTheBytesItWasParsedFrom) {
  for (const Octets& segment : {kSyn, kData}) {
    const auto view = TcpView::parse(segment);
    ASSERT_TRUE(view);
    Octets emitted(view->header().bytes());
    view->header().emit(emitted);
    EXPECT_EQ(concat(emitted, view->text()), segment);
  }
}

// The sum: 0a00+0001+0a00+0002+0006+0017 (pseudo header), 0050+c000+ffff+ffff+0000+0065+5118+0200, 6162+6300.
TEST(Tcp, TheChecksumCoversPseudoHeaderHeaderAndText) {
  const auto view = TcpView::parse(kData);
  Checksum rest = Checksum::pseudo_header(kSource, kDestination, IpProtocol::kTcp, 23);
  rest.add(view->text());
  Octets segment = kData;
  view->header().emit(segment, rest);
  EXPECT_EQ(load_be16(segment.data() + TcpHeader::kChecksumOffset), 0x13af);
  EXPECT_TRUE(TcpView::parse(segment)->checksum_is_valid(kSource, kDestination));
  EXPECT_FALSE(TcpView::parse(segment)->checksum_is_valid(kSource, IpAddress::ipv4(10, 0, 0, 3)));
  // Bit by bit, except where the parse itself would fail.
  for (size_t bit = 0; bit < segment.size() * 8; ++bit) {
    Octets damaged = segment;
    damaged[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    const auto parsed = TcpView::parse(damaged);
    EXPECT_FALSE(parsed && parsed->checksum_is_valid(kSource, kDestination)) << bit;
  }
}

TEST(Tcp, TruncatedSegmentsAreTold) {
  for_each_truncation(kSyn, [](Bytes cut) {
    EXPECT_EQ(TcpView::parse(cut).error(), cut.size() < 20 ? ParseError::kTruncated : ParseError::kBadHeaderLength);
  });
  // TCP has no length of its own: text that is missing is missed by the checksum and by IP.
  for_each_truncation(kData, [](Bytes cut) {
    EXPECT_EQ(TcpView::parse(cut).error(), cut.size() < 20 ? ParseError::kTruncated : ParseError::kNone);
  });
}

TEST(Tcp, EveryDataOffset) {
  for (unsigned words = 0; words < 16; ++words) {
    const Octets segment = with_words(kSyn, words);
    const auto view = TcpView::parse(segment);
    ASSERT_EQ(view.error(), words >= 5 && words <= 10 ? ParseError::kNone : ParseError::kBadHeaderLength) << words;
    if (view) {
      EXPECT_EQ(view->text().size(), 40 - words * 4);
    }
  }
}

TEST(Tcp, RandomHeadersSurvive) {
  Random random(1);
  const auto word = [&] { return static_cast<uint32_t>(random.next()); };
  for (int i = 0; i < 20'000; ++i) {
    TcpHeader header;
    header.source_port = static_cast<uint16_t>(word());
    header.destination_port = static_cast<uint16_t>(word());
    header.sequence_number = SeqNumber(word());
    header.acknowledgment_number = SeqNumber(word());
    header.flags = {static_cast<uint16_t>(random.below(512))};
    header.window = static_cast<uint16_t>(word());
    header.urgent_pointer = static_cast<uint16_t>(word());
    if (random.below(2) == 0) header.options.timestamps = TcpTimestamps{word(), word()};
    if (header.flags.syn()) {
      header.options.maximum_segment_size = static_cast<uint16_t>(word());
      header.options.window_scale = static_cast<uint8_t>(random.below(15));
    } else {
      header.options.sack_block_count = static_cast<uint8_t>(random.below(4));
      for (size_t k = 0; k < header.options.sack_block_count; ++k) header.options.sack_blocks[k] = {SeqNumber(word()), SeqNumber(word())};
    }
    const Octets text = random_octets(random, random.below(64));
    Octets segment = concat(Octets(header.bytes()), text);
    const auto length = static_cast<uint32_t>(segment.size());
    Checksum rest = Checksum::pseudo_header(kSource, kDestination, IpProtocol::kTcp, length);
    rest.add(text);
    header.emit(segment, rest);
    const auto view = TcpView::parse(segment);
    ASSERT_TRUE(view && view->header() == header && view->checksum_is_valid(kSource, kDestination)) << i;
    ASSERT_EQ(exact(view->text()), text);
  }
}

TEST(Tcp, AnyBytesDoNoHarm) { for_random_inputs(2, {kSyn, kData}, exercise_tcp); }

TEST(TcpDeathTest, NeedsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(39);
  EXPECT_DEATH(TcpView::parse(kSyn)->header().emit(room), "no room");
}

}  // namespace
}  // namespace demi
