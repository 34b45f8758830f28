#include "inet/tcp/reassembly_queue.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"
#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

using Inserted = ReassemblyQueue::Inserted;

class ReassemblyQueueTest : public testing::Test {
 protected:
  static constexpr SeqNumber kNxt{0xffffff80};

  Inserted insert(uint32_t begin, uint32_t end) { return queue->insert(kNxt + begin, text_at(memory, begin, end - begin)); }
  // The bytes that can be read from `place` on, checked; 0 if there is a hole.
  uint64_t take(uint32_t place) {
    const SgArray text = queue->take_at(kNxt + place);
    EXPECT_TRUE(is_text_at(text, place));
    return text.bytes();
  }
  std::vector<std::pair<int, int>> sack(size_t limit = 4) {
    TcpOptions options;
    queue->add_sack_blocks(options, limit);
    std::vector<std::pair<int, int>> blocks;
    for (size_t i = 0; i < options.sack_block_count; ++i) {
      blocks.emplace_back(options.sack_blocks[i].begin - kNxt, options.sack_blocks[i].end - kNxt);
    }
    return blocks;
  }
  void TearDown() override {
    queue.reset();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
    EXPECT_EQ(memory.segments().live(), 0u);
    EXPECT_EQ(pool.live(), 0u);
  }

  Memory memory;
  ReassemblyBlockPool pool;
  std::unique_ptr<ReassemblyQueue> queue = std::make_unique<ReassemblyQueue>(pool);
};

using Blocks = std::vector<std::pair<int, int>>;

TEST_F(ReassemblyQueueTest, KeepsTextUntilItsTurn) {
  EXPECT_EQ(insert(100, 200), Inserted::kKept);
  EXPECT_EQ(take(0), 0u);
  EXPECT_EQ(queue->text_bytes(), 100u);
  EXPECT_EQ(take(100), 100u);
  EXPECT_TRUE(queue->empty());
  EXPECT_EQ(queue->charged_bytes(), 0u);
}

TEST_F(ReassemblyQueueTest, WhatTouchesBecomesOneBlock) {
  insert(100, 200);
  insert(300, 400);
  EXPECT_EQ(queue->count(), 2u);
  insert(200, 300);
  EXPECT_EQ(queue->count(), 1u);
  EXPECT_EQ(take(100), 300u);
}

TEST_F(ReassemblyQueueTest, OverlapsAreCutOff) {
  insert(100, 200);
  EXPECT_EQ(insert(100, 200), Inserted::kDuplicate);
  EXPECT_EQ(insert(150, 180), Inserted::kDuplicate);
  EXPECT_EQ(insert(150, 250), Inserted::kKept);
  EXPECT_EQ(insert(50, 120), Inserted::kKept);
  EXPECT_EQ(queue->text_bytes(), 200u);
  insert(300, 400);
  insert(500, 600);
  EXPECT_EQ(insert(10, 700), Inserted::kKept);
  EXPECT_EQ(queue->count(), 1u);
  EXPECT_EQ(queue->text_bytes(), 690u);
  EXPECT_EQ(take(10), 690u);
}

TEST_F(ReassemblyQueueTest, WhatLiesBelowIsCutOffWhenItIsTaken) {
  insert(100, 200);
  insert(300, 400);
  EXPECT_EQ(take(150), 50u);
  EXPECT_EQ(take(450), 0u);
  EXPECT_TRUE(queue->empty());
}

TEST_F(ReassemblyQueueTest, SackBlocksNewestFirst) {
  insert(100, 200);
  insert(300, 400);
  insert(500, 600);
  EXPECT_EQ(sack(), (Blocks{{500, 600}, {300, 400}, {100, 200}}));
  insert(200, 250);
  EXPECT_EQ(sack(), (Blocks{{100, 250}, {500, 600}, {300, 400}}));
  insert(300, 350);
  EXPECT_EQ(sack(2), (Blocks{{300, 400}, {100, 250}})) << "what came again counts as new";
  take(100);
  EXPECT_EQ(sack(), (Blocks{{300, 400}, {500, 600}}));
}

TEST_F(ReassemblyQueueTest, ChargesRoomsAndNotText) {
  BufferRef room = memory.allocate_room(2048);
  SgArray text = memory.make_array();
  const uint32_t capacity = room->capacity;
  room->payload()[0] = byte_at(100);
  text.append_segment(room, room->headroom, 1);
  room.reset();
  queue->insert(kNxt + 100, std::move(text));
  EXPECT_EQ(queue->charged_bytes(), capacity);
  insert(101, 102);
  EXPECT_GT(queue->charged_bytes(), capacity);
  EXPECT_EQ(take(100), 2u);
  EXPECT_EQ(queue->charged_bytes(), 0u);
}

TEST_F(ReassemblyQueueTest, ABlockTooManyIsRefused) {
  for (uint32_t i = 0; i < kReassemblyBlocksMax; ++i) ASSERT_EQ(insert(2 * i + 1, 2 * i + 2), Inserted::kKept);
  EXPECT_EQ(insert(100'000, 100'100), Inserted::kRefused);
  EXPECT_EQ(queue->count(), kReassemblyBlocksMax);
  // What joins others needs no place.
  EXPECT_EQ(insert(2, 3), Inserted::kKept);
  EXPECT_EQ(queue->count(), kReassemblyBlocksMax - 1);
  EXPECT_EQ(insert(100'000, 100'100), Inserted::kKept);
}

TEST_F(ReassemblyQueueTest, AgreesWithAPlainModel) {
  constexpr uint32_t kPlaces = 2000;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    queue = std::make_unique<ReassemblyQueue>(pool);
    std::vector<bool> model(kPlaces);
    uint32_t nxt = 0;
    while (nxt < kPlaces) {
      const auto begin = static_cast<uint32_t>(nxt + random.below(kPlaces - nxt));
      const auto end = static_cast<uint32_t>(begin + 1 + random.below(std::min<uint64_t>(100, kPlaces - begin)));
      bool fresh = false;
      for (uint32_t i = begin; i < end; ++i) {
        fresh |= !model[i];
        model[i] = true;
      }
      ASSERT_EQ(insert(begin, end), fresh ? Inserted::kKept : Inserted::kDuplicate) << "seed " << seed;
      uint64_t kept = 0;
      for (uint32_t i = nxt; i < kPlaces; ++i) kept += model[i];
      ASSERT_EQ(queue->text_bytes(), kept) << "seed " << seed;
      if (random.below(4) > 0) continue;
      const auto expected_end = static_cast<uint32_t>(std::find(model.begin() + nxt, model.end(), false) - model.begin());
      ASSERT_EQ(take(nxt), expected_end - nxt) << "seed " << seed;
      nxt = expected_end;
    }
    ASSERT_TRUE(queue->empty());
    ASSERT_EQ(queue->charged_bytes(), 0u);
  }
}

}  // namespace
}  // namespace demi
