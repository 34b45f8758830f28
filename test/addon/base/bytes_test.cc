#include "base/bytes.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

TEST(Bytes, NumbersAreBigEndianAtAnyAlignment) {
  uint8_t bytes[12] = {};
  for (size_t offset = 0; offset < 8; ++offset) {
    store_be16(bytes + offset, 0x8001);
    EXPECT_EQ(bytes[offset], 0x80);
    EXPECT_EQ(bytes[offset + 1], 0x01);
    EXPECT_EQ(load_be16(bytes + offset), 0x8001);
    store_be32(bytes + offset, 0xfedcba98);
    EXPECT_EQ(bytes[offset], 0xfe);
    EXPECT_EQ(bytes[offset + 3], 0x98);
    EXPECT_EQ(load_be32(bytes + offset), 0xfedcba98u);
  }
}

TEST(Bytes, NeighboursAreLeftAlone) {
  uint8_t bytes[6] = {1, 1, 1, 1, 1, 1};
  store_be32(bytes + 1, 0);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[5], 1);
  store_be16(bytes + 2, 0xffff);
  EXPECT_EQ(bytes[1], 0);
  EXPECT_EQ(bytes[4], 0);
}

}  // namespace
}  // namespace demi
