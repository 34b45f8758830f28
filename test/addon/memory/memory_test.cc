#include "memory/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "heap_count.h"
#include "memory/sga_table.h"

namespace demi {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::vector<uint32_t> rooms(const SgArray& array) {
  std::vector<uint32_t> result;
  for (const Segment& segment : array) result.push_back(segment.buffer->payload_capacity());
  return result;
}

std::vector<uint8_t> pattern(size_t bytes) {
  std::vector<uint8_t> result(bytes);
  for (size_t i = 0; i < bytes; ++i) result[i] = static_cast<uint8_t>(i * 31 + (i >> 8));
  return result;
}

std::vector<uint8_t> contents(const SgArray& array) {
  std::vector<uint8_t> result(array.bytes());
  EXPECT_EQ(array.copy_out(result), array.bytes());
  return result;
}

// Everything that the memory can give, in rooms of one class, by its own pool.
std::vector<BufferRef> drain(SlabPool& pool) {
  std::vector<BufferRef> result;
  while (Buffer* buffer = pool.allocate()) result.push_back(BufferRef::adopt(buffer));
  return result;
}

TEST(Memory, AllocatesFewLargeRoomsAndALastOneThatFits) {
  using List = std::vector<uint32_t>;
  Memory memory;
  const auto rooms_for = [&memory](uint64_t bytes) {
    Result<SgArray> array = memory.allocate(bytes);
    EXPECT_EQ(array->bytes(), bytes);
    return rooms(*array);
  };
  EXPECT_EQ(rooms_for(0), List());
  EXPECT_EQ(rooms_for(1), List({256}));
  EXPECT_EQ(rooms_for(256), List({256}));
  EXPECT_EQ(rooms_for(257), List({2048})) << "what fits a frame stays one segment";
  EXPECT_EQ(rooms_for(2048), List({2048}));
  EXPECT_EQ(rooms_for(2049), List({2048, 256})) << "less waste than one room of 16 KiB";
  EXPECT_EQ(rooms_for(4096), List({2048, 2048}));
  EXPECT_EQ(rooms_for(4097), List({16384}));
  EXPECT_EQ(rooms_for(16385), List({16384, 256}));
  EXPECT_EQ(rooms_for(40000), List({65536}));
  EXPECT_EQ(rooms_for(65536), List({65536}));
  EXPECT_EQ(rooms_for(65537), List({65536, 256}));
  EXPECT_EQ(rooms_for(3 * 65536 + 300), List({65536, 65536, 65536, 2048}));
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

TEST(Memory, LeavesTheHeadroomFree) {
  Memory memory({.limit_bytes = 4 * kMiB, .headroom = 128});
  EXPECT_EQ(memory.headroom(), 128u);
  Result<SgArray> array = memory.allocate(100000);
  for (const Segment& segment : *array) EXPECT_EQ(segment.offset, 128u);
  SgArray copied;
  EXPECT_EQ(memory.copy_in(pattern(100), copied), 100u);
  EXPECT_EQ(copied.front()->offset, 128u);
  EXPECT_EQ(copied.front()->length, 100u);
  BufferRef room = memory.allocate_room(16384);
  EXPECT_EQ(room->headroom, 128u);
  EXPECT_EQ(room->payload_capacity(), 16384u);
}

TEST(Memory, SegmentsNameTheirPlaceInTheWindows) {
  Memory memory;
  SgArray array;
  memory.copy_in(pattern(200000), array);
  std::vector<uint8_t> read;
  for (const Segment& segment : array) {
    const Mapping& window = *memory.windows().at(segment.window());
    ASSERT_LE(segment.window_offset() + segment.length, window.size());
    read.insert(read.end(), window.data() + segment.window_offset(), window.data() + segment.window_offset() + segment.length);
  }
  EXPECT_EQ(read, pattern(200000));
}

TEST(Memory, A64MiBArray) {
  Memory memory({.limit_bytes = 80 * kMiB});
  SgArray array;
  const std::vector<uint8_t> bytes = pattern(64 * kMiB);
  ASSERT_EQ(memory.copy_in(bytes, array), bytes.size());
  EXPECT_EQ(array.count(), 1024u);
  EXPECT_EQ(contents(array), bytes);
  SgArray middle = array.slice(kMiB - 1, 63 * kMiB + 1);
  EXPECT_EQ(middle.bytes(), 62 * kMiB + 2);
  EXPECT_TRUE(std::equal(bytes.begin() + kMiB - 1, bytes.begin() + 63 * kMiB + 1, contents(middle).begin()));
  Result<SgArray> second = memory.allocate(64 * kMiB);
  EXPECT_EQ(second.error(), Errno::kENOMEM);
  array.clear();
  middle.clear();
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  EXPECT_TRUE(memory.allocate(64 * kMiB).ok());
}

TEST(Memory, CopyInStopsAtTheMaximumAndAppends) {
  Memory memory;
  SgArray array;
  const std::vector<uint8_t> bytes = pattern(100000);
  EXPECT_EQ(memory.copy_in(bytes, array, 30000), 30000u);
  EXPECT_EQ(memory.copy_in(std::span(bytes).subspan(30000), array), 70000u);
  EXPECT_EQ(memory.copy_in({}, array), 0u);
  EXPECT_EQ(memory.copy_in(bytes, array, 0), 0u);
  EXPECT_EQ(contents(array), bytes);
  EXPECT_EQ(memory.exhausted_count(), 0u);
}

// When a class has run out and the budget is used up, larger rooms stand in first, then smaller ones.
TEST(Memory, OtherClassesStandInForOneThatRanOut) {
  for (size_t wanted = 0; wanted < kRoomClasses; ++wanted) {
    Memory memory({.limit_bytes = 2 * kMiB});
    // One window of each class, then the rest of the budget goes to `wanted`, all of it in use.
    for (size_t index = 0; index < kRoomClasses; ++index) drop_reference(*memory.pool(index).allocate());
    std::vector<BufferRef> used = drain(memory.pool(wanted));
    EXPECT_LT(memory.limit_bytes() - memory.bytes_in_windows(), page_bytes());

    Result<SgArray> array = memory.allocate(kRoomBytes[wanted]);
    ASSERT_TRUE(array.ok());
    EXPECT_EQ(array->bytes(), kRoomBytes[wanted]);
    const uint32_t expected = wanted + 1 < kRoomClasses ? kRoomBytes[wanted + 1] : kRoomBytes[wanted - 1];
    EXPECT_EQ(rooms(*array)[0], expected) << kRoomBytes[wanted];

    // Everything that is left comes in whatever rooms there are.
    const uint64_t left = memory.available_bytes();
    Result<SgArray> rest = memory.allocate(left);
    ASSERT_TRUE(rest.ok());
    EXPECT_EQ(memory.available_bytes(), 0u);
    EXPECT_EQ(memory.exhausted_count(), 0u);
    EXPECT_EQ(memory.allocate(1).error(), Errno::kENOMEM);
    EXPECT_FALSE(memory.has(1));
    EXPECT_EQ(memory.exhausted_count(), 1u);
  }
}

TEST(Memory, SeveralSmallerRoomsMakeALargeArray) {
  Memory memory({.limit_bytes = kMiB});
  { std::vector<BufferRef> all = drain(memory.pool(0)); }
  SgArray array;
  const std::vector<uint8_t> bytes = pattern(kMiB);
  EXPECT_EQ(memory.copy_in(bytes, array), kMiB);
  EXPECT_EQ(array.count(), 4096u);
  EXPECT_EQ(contents(array), bytes);
  EXPECT_FALSE(memory.allocate_room(257));
}

TEST(Memory, AnyRoomIsASmallerOneIfThereIsNoOther) {
  Memory memory({.limit_bytes = 2 * kMiB});
  BufferRef small = memory.allocate_room(1);
  EXPECT_EQ(memory.allocate_any_room(65536)->payload_capacity(), 65536u);
  std::vector<BufferRef> large;
  while (BufferRef room = memory.allocate_room(257)) large.push_back(std::move(room));
  EXPECT_EQ(memory.allocate_any_room(65536)->payload_capacity(), 256u);
  std::vector<BufferRef> all;
  while (BufferRef room = memory.allocate_any_room(65536)) all.push_back(std::move(room));
  EXPECT_FALSE(memory.has(1));
}

TEST(Memory, ARefusedAllocationTakesNothing) {
  Memory memory({.limit_bytes = kMiB});
  SgArray array = std::move(*memory.allocate(kMiB / 2));
  const size_t outstanding = memory.buffers_outstanding();
  EXPECT_EQ(memory.allocate(kMiB / 2 + 1).error(), Errno::kENOMEM);
  EXPECT_EQ(memory.buffers_outstanding(), outstanding);
  EXPECT_EQ(memory.segments().live(), array.count());
  EXPECT_TRUE(memory.allocate(kMiB / 2).ok());
}

TEST(Memory, ABudgetTooSmallForAnyRoomIsENOMEM) {
  Memory memory({.limit_bytes = 0});
  EXPECT_EQ(memory.allocate(1).error(), Errno::kENOMEM);
  EXPECT_FALSE(memory.has(1));
  SgArray array;
  EXPECT_EQ(memory.copy_in(pattern(10), array), 0u);
  EXPECT_FALSE(memory.allocate_room(1));
  EXPECT_EQ(memory.exhausted_count(), 3u);
}

TEST(Memory, TellsWhenEnoughCameBack) {
  Memory memory({.limit_bytes = kMiB});
  std::vector<SgArray> held;
  for (int i = 0; i < 16; ++i) held.push_back(std::move(*memory.allocate(65536)));
  EXPECT_FALSE(memory.has(1));
  held.back().drop_front(65535);
  EXPECT_FALSE(memory.has(1)) << "a room comes back as a whole";
  held.pop_back();
  EXPECT_TRUE(memory.has(65536));
  EXPECT_FALSE(memory.has(65537)) << "one room is not enough";
  held.pop_back();
  EXPECT_TRUE(memory.has(100000));
  EXPECT_TRUE(memory.allocate(100000).ok());
}

TEST(Memory, AWholeCopyIsAllOrNothing) {
  Memory memory({.limit_bytes = kMiB});
  for (const size_t bytes : {size_t{100000}, size_t{60000}}) {
    SgArray held = std::move(*memory.allocate(kMiB - bytes / 16384 * 16384));
    const size_t outstanding = memory.buffers_outstanding();
    const std::vector<uint8_t> wanted = pattern(bytes);
    SgArray copy;
    EXPECT_FALSE(memory.copy_whole(wanted, copy));
    EXPECT_TRUE(copy.empty());
    EXPECT_EQ(memory.buffers_outstanding(), outstanding);
    held.clear();
    EXPECT_TRUE(memory.copy_whole(wanted, copy));
    EXPECT_EQ(contents(copy), wanted);
  }
  EXPECT_EQ(memory.exhausted_count(), 2u);
  SgArray nothing;
  EXPECT_TRUE(memory.copy_whole({}, nothing));
}

TEST(Memory, TheLargestWholeCanBeHadHoweverWindowsWereCut) {
  for (const uint32_t headroom : {0u, 96u, kHeadroomMax}) {
    Memory memory({.limit_bytes = kMiB, .headroom = headroom});
    { std::vector<BufferRef> smallest = drain(memory.pool(0)); }
    const uint64_t largest = memory.largest_whole_bytes();
    if (headroom == 0) { EXPECT_EQ(largest, kMiB - kMiB / 16); }
    const std::vector<BufferRef> kept = {memory.allocate_room(200), memory.allocate_room(200)};
    EXPECT_TRUE(memory.allocate(largest).ok());
  }
  EXPECT_EQ(Memory({.limit_bytes = kMiB, .max_segments = 16}).largest_whole_bytes(), 16u * 256 * 15 / 16);
}

TEST(Memory, MoreThanTheLimitIsRefusedAtOnce) {
  Memory memory({.limit_bytes = kMiB});
  EXPECT_EQ(memory.allocate(kMiB + 1).error(), Errno::kENOMEM);
  EXPECT_EQ(memory.allocate(UINT64_MAX).error(), Errno::kENOMEM);
  EXPECT_EQ(memory.bytes_in_windows(), 0u);
}

TEST(Memory, SegmentsAreBounded) {
  Memory memory({.limit_bytes = kMiB, .max_segments = 4});
  SgArray array = std::move(*memory.allocate(2 * 65536));
  Result<SgArray> clone = memory.clone(array);
  ASSERT_TRUE(clone.ok());
  EXPECT_EQ(contents(*clone), contents(array));
  EXPECT_EQ(memory.clone(array).error(), Errno::kENOMEM);
  EXPECT_EQ(memory.slice(array, 0, 100000).error(), Errno::kENOMEM);
  EXPECT_TRUE(memory.slice(array, 7, 7).ok());
  EXPECT_EQ(memory.allocate(1).error(), Errno::kENOMEM);
  SgArray copied;
  EXPECT_EQ(memory.copy_in(pattern(1), copied), 0u);
  EXPECT_FALSE(memory.has(1));
  // A stream can be cut all the same.
  SgArray front = array.split_front(1);
  EXPECT_EQ(memory.segments().live(), 5u);
  front.clear();
  clone->clear();
  EXPECT_TRUE(memory.has(1));
  EXPECT_TRUE(memory.slice(array, 0, 100000).ok());
  EXPECT_EQ(memory.exhausted_count(), 4u);
}

TEST(Memory, PoisonShowsBytesThatAreNoLongerYours) {
  Memory memory;
  memory.set_poison(true);
  for (const size_t bytes : {size_t{1}, size_t{2000}, size_t{10000}, size_t{65536}}) {
    SgArray array;
    memory.copy_in(pattern(bytes), array);
    const uint8_t* stale = array.front()->data();
    array.clear();
    EXPECT_TRUE(std::all_of(stale, stale + bytes, [](uint8_t byte) { return byte == BufferPool::kPoison; }));
  }
}

TEST(Memory, MappingsOutliveIt) {
  std::shared_ptr<Mapping> window;
  uint32_t offset = 0;
  {
    Memory memory;
    SgArray array;
    memory.copy_in(pattern(100), array);
    window = memory.windows().at(array.front()->window());
    offset = array.front()->window_offset();
  }
  EXPECT_EQ(window.use_count(), 1);
  const std::vector<uint8_t> bytes = pattern(100);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), window->data() + offset));
}

TEST(Memory, CountsWhatIsOutstandingAndMapped) {
  Memory memory({.limit_bytes = 64 * kMiB});
  EXPECT_EQ(memory.bytes_in_windows(), 0u);
  EXPECT_EQ(memory.available_bytes(), 64 * kMiB);
  {
    SgArray array = std::move(*memory.allocate(65536 + 1));
    SgArray shared = array.clone();
    EXPECT_EQ(memory.buffers_outstanding(), 2u);
    EXPECT_EQ(memory.bytes_in_windows(), 2 * kMiB);
    EXPECT_EQ(memory.available_bytes(), 64 * kMiB - 65536 - 256);
    BufferRef room = memory.allocate_room(300);
    EXPECT_EQ(memory.buffers_outstanding(), 3u);
  }
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  EXPECT_EQ(memory.bytes_in_windows(), 3 * kMiB);
}

// Every way that a message takes, once to warm up, then counted.
TEST(Memory, NeverTouchesTheHeapInSteadyState) {
  Memory memory;
  SgaTable table;
  const std::vector<uint8_t> bytes = pattern(200000);
  BufferRef staging = memory.allocate_room(16384);
  const auto messages = [&] {
    SgArray stream;
    memory.copy_in(bytes, stream);
    for (uint32_t i = 0; i < 100; ++i) stream.append_segment(staging, staging->headroom + i * 64, 64, i % 2 == 0);
    while (!stream.empty()) {
      SgArray popped = stream.split_front(1000);
      const uint32_t id = table.put(popped.clone());
      popped = table.take(id);
      table.release(table.put(std::move(popped)));
    }
    table.release(table.put(std::move(*memory.allocate(64))));
    table.release(table.put(std::move(*memory.allocate(kMiB))));
  };
  messages();
  const size_t counted = heap_allocations();
  for (int i = 0; i < 10; ++i) messages();
  EXPECT_EQ(heap_allocations(), counted);
  staging.reset();
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

}  // namespace
}  // namespace demi
