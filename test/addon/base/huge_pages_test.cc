#include "base/huge_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace demi {
namespace {

TEST(HugePagesTest, AreAlignedAndWritable) {
  for (size_t pages : {1, 3}) {
    void* memory = allocate_huge_pages(pages * kHugePageBytes);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % kHugePageBytes, 0u);
    std::memset(memory, 0x5a, pages * kHugePageBytes);
    EXPECT_EQ(static_cast<uint8_t*>(memory)[pages * kHugePageBytes - 1], 0x5a);
    std::free(memory);
  }
}

}  // namespace
}  // namespace demi
