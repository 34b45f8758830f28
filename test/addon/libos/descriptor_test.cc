#include "libos/descriptor.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

TEST(QDesc, ZeroIsNoDescriptor) {
  EXPECT_FALSE(QDesc().valid());
  EXPECT_TRUE(QDesc(0, 1, 0).valid());
}

TEST(QDesc, TheFirstLibOSHasSmallIntegers) {
  EXPECT_EQ(QDesc(0, 1, 5).bits(), (uint64_t{1} << 20) + 5);
}

TEST(QDesc, TheLargestIsASafeIntegerOfJavaScript) {
  const QDesc largest((1u << 13) - 1, (1u << 20) - 1, (1u << 20) - 1);
  EXPECT_EQ(largest.bits(), (uint64_t{1} << 53) - 1);
  EXPECT_EQ(largest.slot(), (1u << 20) - 1);
}

TEST(QDesc, EveryPartTellsThemApart) {
  const QDesc one(1, 2, 3);
  EXPECT_EQ(one, QDesc(1, 2, 3));
  EXPECT_NE(one, QDesc(2, 2, 3));
  EXPECT_NE(one, QDesc(1, 3, 3));
  EXPECT_NE(one, QDesc(1, 2, 4));
}

}  // namespace
}  // namespace demi
