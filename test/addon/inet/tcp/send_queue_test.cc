#include "inet/tcp/send_queue.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

class SendQueueTest : public testing::Test {
 protected:
  static constexpr SeqNumber kBegin{0xffffff80};

  void append(uint64_t length) {
    queue.append(text_at(memory, appended, length));
    appended += length;
  }
  // Whether these bytes come out, and are the right ones.
  testing::AssertionResult shares(uint32_t from, uint32_t length, bool again) {
    SgArray out = memory.make_array();
    queue.share(kBegin + from, length, again, out);
    if (out.bytes() != length) return testing::AssertionFailure() << out.bytes() << " bytes";
    if (!is_text_at(out, from)) return testing::AssertionFailure() << "other bytes";
    return testing::AssertionSuccess();
  }

  uint32_t bytes_in_pieces_of_one() {
    append(1000);
    return queue.bytes_in_pieces(kBegin, 1000, 1);
  }

  Memory memory;
  SendQueue queue{kBegin};
  uint64_t appended = 0;
};

TEST_F(SendQueueTest, SharesAndCopiesNothing) {
  append(1000);
  const size_t buffers = memory.buffers_outstanding();
  EXPECT_TRUE(shares(0, 600, false));
  EXPECT_TRUE(shares(600, 400, false));
  EXPECT_TRUE(shares(0, 1000, true));
  EXPECT_EQ(memory.buffers_outstanding(), buffers);
  EXPECT_EQ(queue.bytes(), 1000u);
  EXPECT_EQ(queue.end(), kBegin + 1000);
}

TEST_F(SendQueueTest, ASegmentMayBeOfManyPieces) {
  for (int i = 0; i < 50; ++i) append(7);
  EXPECT_TRUE(shares(0, 350, false));
  EXPECT_TRUE(shares(3, 100, true));
  EXPECT_TRUE(shares(13, 1, true));
}

TEST_F(SendQueueTest, SaysHowMuchLiesInSomePieces) {
  EXPECT_EQ(bytes_in_pieces_of_one(), 1000u);
  for (int i = 0; i < 9; ++i) append(1000);
  EXPECT_EQ(queue.bytes_in_pieces(kBegin, 10'000, 10), 10'000u);
  EXPECT_EQ(queue.bytes_in_pieces(kBegin, 10'000, 9), 9'000u);
  EXPECT_EQ(queue.bytes_in_pieces(kBegin, 2'500, 9), 2'500u);
  EXPECT_TRUE(shares(0, 1'500, false));
  EXPECT_EQ(queue.bytes_in_pieces(kBegin + 1'500, 8'000, 1), 500u);
  EXPECT_EQ(queue.bytes_in_pieces(kBegin + 1'500, 8'000, 3), 2'500u);
  EXPECT_EQ(queue.bytes_in_pieces(kBegin + 3'000, 7'000, 2), 2'000u);
  EXPECT_TRUE(shares(1'500, 4'000, false));
  queue.drop_below(kBegin + 5'500);
  EXPECT_EQ(queue.bytes_in_pieces(kBegin + 5'500, 4'500, 2), 1'500u);
  EXPECT_TRUE(shares(5'500, 4'500, false));
}

TEST_F(SendQueueTest, GivesBackWhatIsAcknowledged) {
  append(1000);
  append(1000);
  EXPECT_TRUE(shares(0, 1500, false));
  queue.drop_below(kBegin + 1000);
  EXPECT_EQ(queue.begin(), kBegin + 1000);
  EXPECT_EQ(memory.buffers_outstanding(), 1u);
  EXPECT_TRUE(shares(1500, 500, false));
  EXPECT_TRUE(shares(1000, 1000, true));
  queue.drop_below(kBegin + 500);
  EXPECT_EQ(queue.begin(), kBegin + 1000) << "it never goes back";
  queue.drop_below(kBegin + 2000);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  append(10);
  EXPECT_TRUE(shares(2000, 10, false));
}

TEST_F(SendQueueTest, ACursorAtTheEndSeesWhatComesLater) {
  append(100);
  EXPECT_TRUE(shares(0, 100, false));
  append(100);
  queue.drop_below(kBegin + 100);
  EXPECT_TRUE(shares(100, 100, false));
  // The same for a piece that is lengthened in place.
  SgArray longer = memory.make_array();
  BufferRef room = memory.allocate_room(256);
  for (uint32_t i = 0; i < 20; ++i) room->payload()[i] = byte_at(200 + i);
  longer.append_segment(room, room->headroom, 10);
  queue.append(std::move(longer));
  EXPECT_TRUE(shares(200, 10, false));
  SgArray rest = memory.make_array();
  rest.append_segment(room, room->headroom + 10, 10);
  queue.append(std::move(rest));
  EXPECT_TRUE(shares(210, 10, false));
}

TEST_F(SendQueueTest, AnyOrderOfCallsGivesTheRightBytes) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    SendQueue tested(kBegin);
    uint64_t end = 0, una = 0, next = 0;
    for (int step = 0; step < 200; ++step) {
      switch (random.below(4)) {
        case 0: {
          const uint64_t length = 1 + random.below(300);
          tested.append(text_at(memory, end, length));
          end += length;
          break;
        }
        case 1: {
          const uint64_t length = random.below(end - next + 1);
          SgArray out = memory.make_array();
          tested.share(kBegin + static_cast<uint32_t>(next), static_cast<uint32_t>(length), false, out);
          ASSERT_TRUE(out.bytes() == length && is_text_at(out, next)) << "seed " << seed;
          next += length;
          break;
        }
        case 2: {
          const uint64_t from = una + random.below(next - una + 1);
          const uint64_t length = random.below(next - from + 1);
          SgArray out = memory.make_array();
          tested.share(kBegin + static_cast<uint32_t>(from), static_cast<uint32_t>(length), true, out);
          ASSERT_TRUE(out.bytes() == length && is_text_at(out, from)) << "seed " << seed;
          break;
        }
        default:
          una += random.below(next - una + 1);
          tested.drop_below(kBegin + static_cast<uint32_t>(una));
          ASSERT_EQ(tested.bytes(), end - una);
      }
    }
  }
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

}  // namespace
}  // namespace demi
