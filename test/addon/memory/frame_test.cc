#include "memory/frame.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "memory/memory.h"

namespace demi {
namespace {

using Octets = std::vector<uint8_t>;

Octets counting(size_t count, uint8_t first = 0) {
  Octets octets(count);
  std::iota(octets.begin(), octets.end(), first);
  return octets;
}

Octets bytes_of(const Frame& frame) {
  Octets octets(frame.bytes());
  EXPECT_EQ(frame.copy_out(octets), octets.size());
  return octets;
}

class FrameTest : public ::testing::Test {
 protected:
  // The head in a room of its own, the payload in rooms of as many bytes as are named.
  Frame make(const Octets& head, std::initializer_list<Octets> payload = {}) {
    BufferRef room = memory.allocate_room(head.size());
    Frame frame(room, room->headroom, static_cast<uint32_t>(head.size()));
    std::copy(head.begin(), head.end(), frame.writable_head().begin());
    frame.payload = memory.make_array();
    for (const Octets& part : payload) {
      SgArray array;
      EXPECT_TRUE(memory.copy_whole(part, array));
      frame.payload.append(std::move(array));
    }
    return frame;
  }
  ~FrameTest() override { EXPECT_EQ(memory.buffers_outstanding(), 0u); }

  Memory memory{MemoryConfig{.limit_bytes = 8 << 20, .headroom = 128, .max_segments = 1000}};
};

TEST_F(FrameTest, IsEmptyUntilItHasAHead) {
  Frame frame;
  EXPECT_TRUE(frame.empty());
  EXPECT_EQ(frame.bytes(), 0u);
  EXPECT_TRUE(frame.head_bytes().empty() && frame.writable_head().empty());
  EXPECT_EQ(frame.checksum_start, 0);
  EXPECT_EQ(frame.verdict, ChecksumVerdict::kUnknown);
}

TEST_F(FrameTest, IsItsHeadAndWhatFollows) {
  const Frame frame = make(counting(54), {counting(10, 54), counting(30, 64)});
  EXPECT_FALSE(frame.empty());
  EXPECT_EQ(frame.bytes(), 94u);
  EXPECT_EQ(frame.head_bytes().size(), 54u);
  EXPECT_EQ(bytes_of(frame), counting(94));
}

TEST_F(FrameTest, IsCopiedOutAsFarAsItFits) {
  const Frame frame = make(counting(20), {counting(20, 20)});
  for (const size_t room : {0, 1, 19, 20, 21, 39, 40, 50}) {
    Octets to(room, 0xee);
    const size_t expected = std::min<size_t>(room, 40);
    EXPECT_EQ(frame.copy_out(to), expected);
    Octets wanted = counting(expected);
    wanted.resize(room, 0xee);
    EXPECT_EQ(to, wanted);
  }
}

TEST_F(FrameTest, MovesWholeAndLeavesNothing) {
  Frame first = make(counting(20), {counting(20, 20)});
  first.checksum_start = 34;
  first.checksum_offset = 16;
  first.verdict = ChecksumVerdict::kGood;
  Frame second = std::move(first);
  for (const Frame* moved : {&first}) {
    EXPECT_TRUE(moved->empty());
    EXPECT_EQ(moved->bytes(), 0u);
    EXPECT_EQ(moved->checksum_start, 0);
    EXPECT_EQ(moved->verdict, ChecksumVerdict::kUnknown);
  }
  Frame third = make(counting(7));
  third = std::move(second);
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(second.bytes(), 0u);
  EXPECT_EQ(bytes_of(third), counting(40));
  EXPECT_EQ(third.checksum_start, 34);
  EXPECT_EQ(third.checksum_offset, 16);
  EXPECT_EQ(third.verdict, ChecksumVerdict::kGood);
  EXPECT_EQ(memory.buffers_outstanding(), 2u);
  third.clear();
  EXPECT_TRUE(third.empty());
  EXPECT_EQ(third.bytes(), 0u);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

TEST_F(FrameTest, ACopyIsOnePieceInTheOtherMemory) {
  Memory other(MemoryConfig{.limit_bytes = 1 << 20, .headroom = 64, .max_segments = 10});
  Frame frame = make(counting(54), {counting(100, 54), counting(100, 154)});
  frame.checksum_start = 34;
  frame.checksum_offset = 16;
  frame.verdict = ChecksumVerdict::kBad;
  const Frame copy = frame.copied_into(other);
  EXPECT_EQ(bytes_of(copy), bytes_of(frame));
  EXPECT_EQ(copy.head_bytes().size(), 254u);
  EXPECT_TRUE(copy.payload.empty());
  EXPECT_EQ(copy.offset, 64u);
  EXPECT_EQ(copy.head->references, 1u);
  EXPECT_EQ(copy.checksum_start, 34);
  EXPECT_EQ(copy.checksum_offset, 16);
  EXPECT_EQ(copy.verdict, ChecksumVerdict::kBad);
  EXPECT_EQ(other.buffers_outstanding(), 1u);
}

TEST_F(FrameTest, ThereIsNoCopyWithoutARoom) {
  Memory none(MemoryConfig{.limit_bytes = 0, .headroom = 0, .max_segments = 10});
  const Frame frame = make(counting(54));
  EXPECT_TRUE(frame.copied_into(none).empty());
  const Frame large = make(counting(kLargestRoomBytes), {counting(1)});
  EXPECT_TRUE(large.copied_into(memory).empty());
}

using FrameDeathTest = FrameTest;

TEST_F(FrameDeathTest, LiesWithinItsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  BufferRef room = memory.allocate_room(256);
  EXPECT_DEATH(Frame(room, room->capacity - 10, 11), "outside of its room");
  EXPECT_DEATH(Frame(BufferRef(), 0, 0), "outside of its room");
}

}  // namespace
}  // namespace demi
