#include "inet/tcp/sack_scoreboard.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/random.h"

namespace demi {
namespace {

constexpr uint32_t kMss = 100;
// Just below the wrap.
constexpr SeqNumber kUna{0xffffff00};
SackBlock range(uint32_t begin, uint32_t end) { return {kUna + begin, kUna + end}; }

class SackScoreboardTest : public testing::Test {
 protected:
  int32_t lost_below() const { return board.lost_below(kMss, kUna) - kUna; }
  SackScoreboard board;
};

TEST_F(SackScoreboardTest, TellsWhatItHas) {
  EXPECT_TRUE(board.empty());
  EXPECT_EQ(board.add(range(100, 200)), 100u);
  EXPECT_EQ(board.add(range(300, 400)), 100u);
  EXPECT_EQ(board.add(range(100, 200)), 0u) << "the same again is no news";
  EXPECT_EQ(board.count(), 2u);
  EXPECT_EQ(board.sacked_bytes(), 200u);
  EXPECT_EQ(board.highest(), kUna + 400);
  EXPECT_TRUE(board.is_sacked(kUna + 100));
  EXPECT_TRUE(board.is_sacked(kUna + 199));
  EXPECT_FALSE(board.is_sacked(kUna + 200));
  EXPECT_FALSE(board.is_sacked(kUna + 99));
  EXPECT_EQ(board.sacked_in(kUna + 150, kUna + 350), 100u);
  EXPECT_EQ(board.sacked_in(kUna, kUna + 1000), 200u);
}

TEST_F(SackScoreboardTest, JoinsWhatTouchesAndWhatOverlaps) {
  board.add(range(100, 200));
  board.add(range(300, 400));
  board.add(range(500, 600));
  EXPECT_EQ(board.add(range(200, 300)), 100u);
  EXPECT_EQ(board.count(), 2u);
  EXPECT_EQ(board.add(range(50, 550)), 150u);
  EXPECT_EQ(board.count(), 1u);
  EXPECT_EQ(board.sacked_bytes(), 550u);
  EXPECT_EQ(board.add(range(600, 700)), 100u);
  EXPECT_EQ(board.count(), 1u);
}

TEST_F(SackScoreboardTest, ForgetsWhatIsAcknowledged) {
  board.add(range(100, 200));
  board.add(range(300, 400));
  board.drop_below(kUna + 150);
  EXPECT_EQ(board.sacked_bytes(), 150u);
  board.drop_below(kUna + 300);
  EXPECT_EQ(board.sacked_bytes(), 100u);
  EXPECT_TRUE(board.is_sacked(kUna + 300));
  board.drop_below(kUna + 1000);
  EXPECT_TRUE(board.empty());
  EXPECT_EQ(board.sacked_bytes(), 0u);
}

TEST_F(SackScoreboardTest, TwoSegmentsAboveAreNotEnoughThreeAre) {
  board.add(range(100, 300));
  EXPECT_EQ(lost_below(), 0) << "two segments of bytes";
  board.add(range(300, 301));
  EXPECT_EQ(lost_below(), 100) << "one byte more";
}

TEST_F(SackScoreboardTest, ThreeRangesAreEnoughHoweverSmall) {
  board.add(range(100, 101));
  board.add(range(200, 201));
  EXPECT_EQ(lost_below(), 0);
  board.add(range(300, 301));
  EXPECT_EQ(lost_below(), 100);
  board.add(range(400, 401));
  EXPECT_EQ(lost_below(), 200) << "the hole below the third from the top is lost, too";
}

TEST_F(SackScoreboardTest, FindsHolesInOrder) {
  board.add(range(100, 200));
  board.add(range(300, 400));
  SackBlock hole;
  ASSERT_TRUE(board.next_hole(kUna, kUna + 1000, hole));
  EXPECT_EQ(hole, range(0, 100));
  ASSERT_TRUE(board.next_hole(kUna + 100, kUna + 1000, hole));
  EXPECT_EQ(hole, range(200, 300));
  ASSERT_TRUE(board.next_hole(kUna + 250, kUna + 280, hole));
  EXPECT_EQ(hole, range(250, 280));
  ASSERT_TRUE(board.next_hole(kUna + 350, kUna + 500, hole));
  EXPECT_EQ(hole, range(400, 500));
  EXPECT_FALSE(board.next_hole(kUna + 350, kUna + 400, hole));
  EXPECT_FALSE(board.next_hole(kUna + 500, kUna + 500, hole));
}

TEST_F(SackScoreboardTest, ARangeTooManyIsNotRemembered) {
  for (uint32_t i = 0; i < kSackRangesMax; ++i) EXPECT_EQ(board.add(range(10 * i + 5, 10 * i + 6)), 1u);
  EXPECT_EQ(board.add(range(1'000'000, 1'000'001)), 0u);
  EXPECT_EQ(board.refused(), 1u);
  EXPECT_EQ(board.count(), kSackRangesMax);
  // What joins others needs no place.
  EXPECT_EQ(board.add(range(6, 15)), 9u);
  EXPECT_EQ(board.count(), kSackRangesMax - 1);
  EXPECT_EQ(board.add(range(1'000'000, 1'000'001)), 1u);
}

// Against a plain array of bits.
TEST_F(SackScoreboardTest, AgreesWithAPlainModel) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    SackScoreboard tested;
    std::vector<bool> model(1000);
    uint32_t una = 0;
    for (int step = 0; step < 60; ++step) {
      if (random.below(5) == 0) {
        una += static_cast<uint32_t>(random.below(40));
        if (una >= 1000) break;
        tested.drop_below(kUna + una);
      } else {
        const auto begin = una + static_cast<uint32_t>(random.below(1000 - una));
        const auto end = begin + 1 + static_cast<uint32_t>(random.below(std::min<uint64_t>(60, 1000 - begin)));
        uint32_t fresh = 0;
        for (uint32_t i = begin; i < end; ++i) {
          fresh += !model[i];
          model[i] = true;
        }
        ASSERT_EQ(tested.add(range(begin, end)), fresh) << "seed " << seed;
      }
      uint32_t sacked = 0;
      for (uint32_t i = una; i < 1000; ++i) {
        sacked += model[i];
        ASSERT_EQ(tested.is_sacked(kUna + i), model[i]) << "seed " << seed << " place " << i;
      }
      ASSERT_EQ(tested.sacked_bytes(), sacked) << "seed " << seed;
      const auto from = una + static_cast<uint32_t>(random.below(1000 - una));
      SackBlock hole;
      uint32_t first = from;
      while (first < 1000 && model[first]) ++first;
      ASSERT_EQ(tested.next_hole(kUna + from, kUna + 1000, hole), first < 1000) << "seed " << seed;
      if (first < 1000) {
        ASSERT_EQ(hole.begin, kUna + first) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace demi
