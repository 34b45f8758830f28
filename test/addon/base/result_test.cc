#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace demi {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Errno::kEINVAL;
  return number / 2;
}

TEST(Result, HoldsAValue) {
  Result<int> result = half(42);
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result.error(), Errno::kOk);
  EXPECT_EQ(result.value(), 21);
  EXPECT_EQ(*result, 21);
}

TEST(Result, HoldsAnError) {
  Result<int> result = half(7);
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(static_cast<bool>(result));
  EXPECT_EQ(result.error(), Errno::kEINVAL);
}

TEST(Result, GivesAccessToMembers) {
  Result<std::string> result = std::string("three");
  EXPECT_EQ(result->size(), 5u);
}

TEST(Result, ValueCanBeMovedOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  std::unique_ptr<int> taken = std::move(*result);
  EXPECT_EQ(*taken, 5);
}

TEST(Result, MovingMovesTheValueAndDestroysItOnce) {
  auto shared = std::make_shared<int>(1);
  {
    Result<std::shared_ptr<int>> first = shared;
    Result<std::shared_ptr<int>> second = std::move(first);
    EXPECT_EQ(shared.use_count(), 2);
    EXPECT_EQ(*second, shared);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(Result, MovingAnErrorKeepsIt) {
  Result<std::string> first = Errno::kENOMEM;
  Result<std::string> second = std::move(first);
  EXPECT_EQ(second.error(), Errno::kENOMEM);
}

TEST(Result, OfVoidIsSuccessUnlessTold) {
  Result<void> success;
  EXPECT_TRUE(success.ok());
  EXPECT_EQ(success.error(), Errno::kOk);
  Result<void> failure = Errno::kEIO;
  EXPECT_FALSE(static_cast<bool>(failure));
  EXPECT_EQ(failure.error(), Errno::kEIO);
}

TEST(ResultDeathTest, ValueOfAFailureIsOurBug) {
  Result<int> result = Errno::kEIO;
  EXPECT_DEATH(result.value(), "value\\(\\) of a failed Result");
}

TEST(ResultDeathTest, FailureNeedsAnError) { EXPECT_DEATH(Result<int>(Errno::kOk), "needs an error"); }

}  // namespace
}  // namespace demi
