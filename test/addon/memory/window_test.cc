#include "memory/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "memory/memory_limits.h"

namespace demi {
namespace {

TEST(Mapping, IsZeroedPageAlignedAndWholePages) {
  const std::shared_ptr<Mapping> mapping = Mapping::create(100);
  ASSERT_NE(mapping, nullptr);
  EXPECT_EQ(mapping->size(), page_bytes());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(mapping->data()) % page_bytes(), 0u);
  EXPECT_TRUE(std::all_of(mapping->data(), mapping->data() + mapping->size(), [](uint8_t byte) { return byte == 0; }));
  mapping->data()[0] = 1;
  mapping->data()[mapping->size() - 1] = 2;
}

TEST(Mapping, IsNullWhenTheSystemRefuses) {
  // No address space has room for this.
  EXPECT_EQ(Mapping::create(size_t{1} << 60), nullptr);
}

struct Counted final : MappingSource {
  uint8_t* map(size_t bytes) override {
    if (is_exhausted) return nullptr;
    pieces.emplace_back(bytes);
    return pieces.back().data();
  }
  void unmap(uint8_t*, size_t bytes) override { given_back += bytes; }

  bool is_exhausted = false;
  std::deque<std::vector<uint8_t>> pieces;
  size_t given_back = 0;
};

TEST(Mapping, OfASourceGoesBackThere) {
  auto source = std::make_shared<Counted>();
  {
    const std::shared_ptr<Mapping> mapping = Mapping::create(100, source);
    EXPECT_EQ(mapping->size(), page_bytes());
    EXPECT_EQ(mapping->data(), source->pieces[0].data());
    EXPECT_EQ(source->given_back, 0u);
  }
  EXPECT_EQ(source->given_back, page_bytes());
  source->is_exhausted = true;
  EXPECT_EQ(Mapping::create(100, source), nullptr);
}

TEST(Mapping, OverMemoryOfOthersIsNotUnmapped) {
  auto keeper = std::make_shared<std::vector<uint8_t>>(100);
  std::shared_ptr<Mapping> mapping = Mapping::over(keeper->data(), 100, keeper);
  EXPECT_EQ(mapping->size(), 100u);
  EXPECT_EQ(keeper.use_count(), 2);
  mapping.reset();
  EXPECT_EQ(keeper.use_count(), 1);
}

TEST(WindowTable, TakesInWindowsThatAreMappedAlready) {
  WindowTable windows(std::make_shared<Counted>());
  EXPECT_EQ(*windows.add(1), 0u);
  auto keeper = std::make_shared<std::vector<uint8_t>>(100);
  EXPECT_EQ(*windows.add(Mapping::over(keeper->data(), 100, keeper)), 1u);
  EXPECT_EQ(windows.at(1)->data(), keeper->data());
}

TEST(WindowTable, NumbersWindowsInOrderAndKeepsThem) {
  WindowTable windows;
  EXPECT_EQ(*windows.add(1), 0u);
  uint8_t* const first = windows.at(0)->data();
  EXPECT_EQ(*windows.add(kWindowBytes), 1u);
  EXPECT_EQ(*windows.add(page_bytes() + 1), 2u);
  EXPECT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows.at(0)->data(), first);
  EXPECT_EQ(windows.at(1)->size(), kWindowBytes);
  EXPECT_EQ(windows.at(2)->size(), 2 * page_bytes());
}

TEST(WindowTable, RefusesMoreThanItsBound) {
  WindowTable windows;
  for (uint32_t i = 0; i < kWindowsMax; ++i) ASSERT_EQ(*windows.add(1), i);
  EXPECT_EQ(windows.add(1).error(), Errno::kENOMEM);
  EXPECT_EQ(windows.size(), kWindowsMax);
}

TEST(WindowTable, AMappingOutlivesTheTableByWhoSharesIt) {
  std::shared_ptr<Mapping> kept;
  {
    WindowTable windows;
    kept = windows.at(*windows.add(1));
    EXPECT_EQ(kept.use_count(), 2);
  }
  EXPECT_EQ(kept.use_count(), 1);
  kept->data()[0] = 1;
}

TEST(WindowTableDeathTest, AnUnknownIndexIsABug) {
  WindowTable windows;
  EXPECT_DEATH(windows.at(0), "no such window");
}

}  // namespace
}  // namespace demi
