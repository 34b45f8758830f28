#include "memory/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace demi {
namespace {

// A pool of a few rooms that counts its virtual calls.
class CountingPool final : public BufferPool {
 public:
  explicit CountingPool(size_t rooms) : BufferPool(64, 0), buffers_(rooms), bytes_(rooms * 64) {
    for (size_t i = 0; i < rooms; ++i) {
      buffers_[i] = Buffer{0, 0, this, &bytes_[i * 64], 64, 0, 0, static_cast<uint32_t>(i * 64), nullptr};
      free_.push_back(&buffers_[i]);
    }
  }
  size_t bulk_allocations = 0;
  size_t bulk_releases = 0;

 protected:
  size_t allocate_bulk(Buffer** buffers, size_t wanted) override {
    ++bulk_allocations;
    size_t count = 0;
    for (; count < wanted && !free_.empty(); ++count) {
      buffers[count] = free_.back();
      free_.pop_back();
    }
    return count;
  }
  void release_bulk(Buffer** buffers, size_t count) override {
    ++bulk_releases;
    free_.insert(free_.end(), buffers, buffers + count);
  }

 private:
  std::vector<Buffer> buffers_;
  std::vector<uint8_t> bytes_;
  std::vector<Buffer*> free_;
};

TEST(BufferPool, TheCacheSparesVirtualCalls) {
  CountingPool pool(1000);
  for (int i = 0; i < 1000; ++i) drop_reference(*pool.allocate());
  EXPECT_EQ(pool.bulk_allocations, 1u);
  EXPECT_EQ(pool.bulk_releases, 0u);
}

TEST(BufferPool, TheBufferReleasedLastIsUsedNext) {
  CountingPool pool(1000);
  Buffer* first = pool.allocate();
  Buffer* second = pool.allocate();
  drop_reference(*second);
  drop_reference(*first);
  EXPECT_EQ(pool.allocate(), first);
  EXPECT_EQ(pool.allocate(), second);
}

TEST(BufferPool, GivesEveryBufferOnceAndThenNone) {
  CountingPool pool(100);
  std::vector<Buffer*> all;
  while (Buffer* buffer = pool.allocate()) {
    EXPECT_EQ(buffer->references, 1u);
    all.push_back(buffer);
  }
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(pool.outstanding(), 100u);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_EQ(pool.allocate(), nullptr);
  drop_reference(*all[0]);
  EXPECT_EQ(pool.allocate(), all[0]);
  for (Buffer* buffer : all) drop_reference(*buffer);
  EXPECT_EQ(pool.outstanding(), 0u);
  EXPECT_GE(pool.bulk_releases, 1u);
  for (int i = 0; i < 100; ++i) EXPECT_NE(pool.allocate(), nullptr);
}

TEST(BufferPool, AReturnBumpsTheGeneration) {
  CountingPool pool(1);
  Buffer* buffer = pool.allocate();
  EXPECT_EQ(buffer->generation, 0u);
  drop_reference(*buffer);
  EXPECT_EQ(pool.allocate(), buffer);
  EXPECT_EQ(buffer->generation, 1u);
}

TEST(BufferPool, PoisonOverwritesWhatReturns) {
  CountingPool pool(1);
  Buffer* buffer = pool.allocate();
  buffer->room[0] = 7;
  drop_reference(*buffer);
  EXPECT_EQ(buffer->room[0], 7);
  pool.set_poison(true);
  pool.allocate();
  drop_reference(*buffer);
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(buffer->room[i], BufferPool::kPoison);
}

TEST(BufferPoolDeathTest, ReleasingWhatIsInUseIsABug) {
  CountingPool pool(1);
  Buffer* buffer = pool.allocate();
  EXPECT_DEATH(pool.release(buffer), "still in use");
}

}  // namespace
}  // namespace demi
