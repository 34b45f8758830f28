#include "inet/tcp/object_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <cstdint>
#include <vector>

namespace demi {
namespace {

struct Counted {
  explicit Counted(int number) : value(number) { ++alive; }
  ~Counted() { --alive; }
  static inline int alive = 0;
  int value;
  alignas(32) long aligned = 0;
};

TEST(ObjectPoolTest, MakesAndTakesBack) {
  ObjectPool<Counted> pool;
  EXPECT_EQ(pool.bytes(), 0u);
  Counted* first = pool.make(7);
  EXPECT_EQ(first->value, 7);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&first->aligned) % 32, 0u);
  EXPECT_EQ(pool.live(), 1u);
  pool.release(first);
  EXPECT_EQ(Counted::alive, 0);
  EXPECT_EQ(pool.make(8), first) << "the last one that came back is the next";
  pool.release(first);
}

TEST(ObjectPoolTest, SteadyStateTakesNothingFromTheHeap) {
  ObjectPool<Counted> pool;
  std::vector<Counted*> objects;
  for (int i = 0; i < 5000; ++i) objects.push_back(pool.make(i));
  EXPECT_EQ(std::set<Counted*>(objects.begin(), objects.end()).size(), 5000u);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(objects[static_cast<size_t>(i)]->value, i);
  for (Counted* object : objects) pool.release(object);
  const size_t bytes = pool.bytes();
  for (Counted*& object : objects) object = pool.make(0);
  EXPECT_EQ(pool.bytes(), bytes);
  for (Counted* object : objects) pool.release(object);
  EXPECT_EQ(Counted::alive, 0);
}

TEST(ObjectPoolTest, ManyObjectsLieInLargeBlocks) {
  struct alignas(64) Line {
    char bytes[640];
  };
  ObjectPool<Line> pool;
  std::vector<Line*> lines;
  while (pool.bytes() < (size_t{8} << 20)) lines.push_back(pool.make());
  for (Line* line : lines) EXPECT_EQ(reinterpret_cast<uintptr_t>(line) % 64, 0u);
  std::set<Line*> different(lines.begin(), lines.end());
  EXPECT_EQ(different.size(), lines.size());
  // Neighbors, but for where a block ends.
  size_t apart = 0;
  for (size_t i = 1; i < lines.size(); ++i) apart += lines[i] != lines[i - 1] + 1;
  EXPECT_LT(apart, 80u);
  for (Line* line : lines) pool.release(line);
}

TEST(ObjectPoolDeathTest, AnObjectThatOutlivesItIsABug) {
  EXPECT_DEATH(
      {
        ObjectPool<int> pool;
        pool.make(1);
      },
      "outlives its pool");
}

}  // namespace
}  // namespace demi
