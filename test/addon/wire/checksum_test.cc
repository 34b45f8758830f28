#include "wire/checksum.h"

#include <gtest/gtest.h>

#include "wire/wire_bytes.h"

namespace demi {
namespace {

// RFC 1071 as it is written: 16-bit words one by one, an odd byte at the end padded by zero, the carries added at once.
uint16_t reference_sum(Bytes bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}

uint16_t sum(Bytes bytes) {
  Checksum checksum;
  checksum.add(bytes);
  return checksum.folded();
}

// The example of RFC 1071 3.
TEST(Checksum, OfTheExampleInTheRfc) {
  const Octets bytes = hex("00 01 f2 03 f4 f5 f6 f7");
  EXPECT_EQ(sum(bytes), 0xddf2);
  Checksum checksum;
  checksum.add(bytes);
  EXPECT_EQ(checksum.value(), 0x220d);
}

TEST(Checksum, OfNothing) {
  EXPECT_EQ(sum({}), 0);
  EXPECT_EQ(Checksum().value(), 0xffff);
}

TEST(Checksum, EveryLengthAtEveryAlignmentAgreesWithTheReference) {
  Random random(1);
  const Octets bytes = random_octets(random, 2'008);
  for (size_t offset = 0; offset < 8; ++offset) {
    for (size_t length = 0; length <= 2'000; ++length) {
      const Bytes part = Bytes(bytes).subspan(offset, length);
      ASSERT_EQ(sum(part), reference_sum(part)) << offset << ' ' << length;
    }
  }
}

TEST(Checksum, ReadsNothingBehindTheEnd) {
  Random random(2);
  for (size_t length = 0; length <= 300; ++length) {
    const Octets bytes = exact(random_octets(random, length));
    ASSERT_EQ(sum(bytes), reference_sum(bytes));
  }
}

TEST(Checksum, TheLargestSumsDoNotOverflow) {
  for (const size_t length : {size_t{65'535}, size_t{1} << 20, (size_t{1} << 20) + 1, (size_t{1} << 20) + 17, size_t{3'000'001}}) {
    const Octets bytes(length, 0xff);
    ASSERT_EQ(sum(bytes), reference_sum(bytes)) << length;
  }
}

// Words that are all ones make carries at every step, those of what is left over behind the long part, too.
TEST(Checksum, NoCarryOfLongRunsOfOnesIsLost) {
  for (size_t length = 0; length <= 600; ++length) {
    const Octets ones(length, 0xff);
    ASSERT_EQ(sum(ones), reference_sum(ones)) << length;
    for (size_t zeros = 7; zeros < length; zeros += 7) {
      Octets octets = ones;
      std::fill_n(octets.begin(), zeros, uint8_t{0});
      octets[zeros / 2] = 0x0f;
      ASSERT_EQ(sum(octets), reference_sum(octets)) << length << ' ' << zeros;
    }
  }
}

TEST(Checksum, EverySplitIntoTwoGivesTheSame) {
  Random random(3);
  for (const size_t length : {size_t{1}, size_t{2}, size_t{63}, size_t{129}, size_t{1'460}}) {
    const Octets bytes = random_octets(random, length);
    for (size_t split = 0; split <= length; ++split) {
      Checksum checksum;
      checksum.add(Bytes(bytes).first(split));
      checksum.add(Bytes(bytes).subspan(split));
      ASSERT_EQ(checksum.folded(), reference_sum(bytes)) << length << ' ' << split;
    }
  }
}

TEST(Checksum, RandomSplitsGiveTheSame) {
  Random random(4);
  for (int round = 0; round < 5'000; ++round) {
    const Octets bytes = random_octets(random, random.below(400));
    Checksum checksum;
    for (size_t at = 0; at < bytes.size();) {
      const size_t step = std::min(bytes.size() - at, static_cast<size_t>(random.below(40)));
      const Bytes part = Bytes(bytes).subspan(at, step);
      // Half of them are added up elsewhere first.
      if (random.below(2) == 0) {
        checksum.add(part);
      } else {
        Checksum elsewhere;
        elsewhere.add(part);
        checksum.add(elsewhere);
      }
      at += step;
    }
    ASSERT_EQ(checksum.folded(), reference_sum(bytes)) << "round " << round;
  }
}

TEST(Checksum, IsValidOnlyUnchanged) {
  Random random(5);
  for (int round = 0; round < 2'000; ++round) {
    Octets bytes = random_octets(random, 2 + random.below(200));
    store_be16(bytes.data(), 0);
    Checksum checksum;
    checksum.add(bytes);
    store_be16(bytes.data(), checksum.value());
    Checksum check;
    check.add(bytes);
    ASSERT_TRUE(check.is_valid());
    bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1u << random.below(8));
    Checksum damaged;
    damaged.add(bytes);
    ASSERT_FALSE(damaged.is_valid());
  }
}

TEST(Checksum, ThePseudoHeaderIsTheSumOfItsFields) {
  const IpAddress four = IpAddress::ipv4(192, 0, 2, 1), other_four = IpAddress::ipv4(255, 255, 255, 254);
  EXPECT_EQ(Checksum::pseudo_header(four, other_four, IpProtocol::kUdp, 0xfffe).folded(),
            reference_sum(hex("c0000201 fffffffe 0011 fffe")));
  const IpAddress six = IpAddress::ipv6(0x20010db8, 0xffffffff, 0x80000000, 1), other_six = IpAddress::ipv6(0xfe800000, 0, 0xffffffff, 2);
  // RFC 8200 8.1: the length has 32 bits.
  EXPECT_EQ(Checksum::pseudo_header(six, other_six, IpProtocol::kTcp, 0x12345).folded(),
            reference_sum(hex("20010db8 ffffffff 80000000 00000001  fe800000 00000000 ffffffff 00000002  00012345 00000006")));
}

// The example of RFC 1624 4: a field of 0x5555 becomes 0x3285 in a header whose checksum was 0xdd2f.
TEST(Checksum, AChangeOfTheExampleInTheRfc) { EXPECT_EQ(checksum_after_change(0xdd2f, 0x5555, 0x3285), 0x0000); }

TEST(Checksum, AfterAChangeIsThatOfTheChangedBytes) {
  Random random(6);
  for (int round = 0; round < 20'000; ++round) {
    Octets bytes = random_octets(random, 20);
    bytes[0] = 0x45;  // as in every header, not all is zero
    Checksum before;
    before.add(bytes);
    const size_t at = 2 * (1 + random.below(9));
    const uint16_t old_word = load_be16(bytes.data() + at);
    const auto new_word = static_cast<uint16_t>(random.below(3) == 0 ? (random.below(2) == 0 ? 0 : 0xffff) : random.next());
    store_be16(bytes.data() + at, new_word);
    Checksum after;
    after.add(bytes);
    ASSERT_EQ(checksum_after_change(before.value(), old_word, new_word), after.value());
  }
}

}  // namespace
}  // namespace demi
