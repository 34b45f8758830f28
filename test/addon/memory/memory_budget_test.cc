#include "memory/memory_budget.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

TEST(MemoryBudget, GivesWhatItHasAndNoMore) {
  MemoryBudget budget(4 * page_bytes());
  EXPECT_TRUE(budget.take(3 * page_bytes()));
  EXPECT_FALSE(budget.take(2 * page_bytes()));
  EXPECT_EQ(budget.used(), 3 * page_bytes());
  EXPECT_EQ(budget.remaining(), page_bytes());
  EXPECT_TRUE(budget.take(page_bytes()));
  EXPECT_FALSE(budget.take(page_bytes()));
  budget.give_back(2 * page_bytes());
  EXPECT_EQ(budget.remaining(), 2 * page_bytes());
}

TEST(MemoryBudget, IsWholePagesAndBounded) {
  EXPECT_EQ(MemoryBudget(2 * page_bytes() - 1).limit(), page_bytes());
  EXPECT_EQ(MemoryBudget(page_bytes() - 1).limit(), 0u);
  EXPECT_EQ(MemoryBudget(UINT64_MAX).limit(), kMemoryBytesMax);
}

TEST(MemoryBudget, CutsWindowsToAShareOfItself) {
  EXPECT_EQ(MemoryBudget(uint64_t{1} << 30).window_bytes(), kWindowBytes);
  EXPECT_EQ(MemoryBudget(uint64_t{8} << 20).window_bytes(), kWindowBytes / 2);
  EXPECT_EQ(MemoryBudget(page_bytes()).window_bytes(), kLargestRoomBytes);
}

TEST(MemoryBudgetDeathTest, GivingBackWhatWasNotTakenIsABug) {
  MemoryBudget budget(page_bytes());
  EXPECT_DEATH(budget.give_back(page_bytes()), "more came back");
}

}  // namespace
}  // namespace demi
