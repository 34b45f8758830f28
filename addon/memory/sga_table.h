// SgaTable: the SgArrays that JavaScript owns, each under an id.
//
// An id is 31 bits: 22 of slot, 9 of generation. It is never 0, and after its SgArray was taken or released it is not found any
// more (until its slot has been reused 511 times). What JavaScript hands in is looked up and never trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "memory/memory_limits.h"
#include "memory/sg_array.h"

namespace demi {

class SgaTable {
 public:
  explicit SgaTable(uint32_t max_entries = kSgaSlotsMax);
  SgaTable(const SgaTable&) = delete;
  SgaTable& operator=(const SgaTable&) = delete;

  // The id of the array, which is moved in; 0 when the table is full, and then the array stays where it is.
  [[nodiscard]] uint32_t put(SgArray&& array);
  // nullptr if the id is stale, foreign or nonsense. The pointer is good until the id is taken or released.
  SgArray* find(uint32_t id) {
    Entry* entry = find_entry(id);
    return entry == nullptr ? nullptr : &entry->array;
  }
  // Moves the array out and forgets the id. An empty array if there is none: find() tells the difference.
  SgArray take(uint32_t id);
  // Gives the array's memory back and forgets the id. False if there is none.
  bool release(uint32_t id);
  // Releases everything; all ids become stale.
  void clear();
  size_t live() const { return live_; }

 private:
  struct Entry {
    SgArray array;
    // 1 ... 511: 0 is left out so that no id is 0.
    uint16_t generation = 1;
    bool used = false;
    uint32_t next_free = kNone;
  };
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kGenerations = uint32_t{1} << kSgaGenerationBits;

  Entry& entry_at(uint32_t slot) { return chunks_[slot / kSgaEntriesPerChunk][slot % kSgaEntriesPerChunk]; }
  Entry* find_entry(uint32_t id) {
    const uint32_t slot = id & (kSgaSlotsMax - 1);
    const uint32_t generation = id >> kSgaSlotBits;
    if (slot >= slots_) return nullptr;
    Entry& entry = entry_at(slot);
    return entry.used && entry.generation == generation ? &entry : nullptr;
  }
  bool grow();
  void free_slot(Entry& entry, uint32_t slot);

  const uint32_t max_entries_;
  size_t live_ = 0;
  // Slots that exist, in chunks that never move.
  uint32_t slots_ = 0;
  // The slot freed last is used next, because it is warm.
  uint32_t free_ = kNone;
  std::vector<std::unique_ptr<Entry[]>> chunks_;
};

inline uint32_t SgaTable::put(SgArray&& array) {
  if (free_ == kNone && !grow()) [[unlikely]] return 0;
  const uint32_t slot = free_;
  Entry& entry = entry_at(slot);
  free_ = entry.next_free;
  // Constructed over the entry's own array, which is empty: there is nothing to give back.
  std::construct_at(&entry.array, std::move(array));
  entry.used = true;
  ++live_;
  return uint32_t{entry.generation} << kSgaSlotBits | slot;
}

inline void SgaTable::free_slot(Entry& entry, uint32_t slot) {
  entry.used = false;
  entry.generation = entry.generation == kGenerations - 1 ? 1 : entry.generation + 1;
  entry.next_free = free_;
  free_ = slot;
  --live_;
}

inline SgArray SgaTable::take(uint32_t id) {
  Entry* entry = find_entry(id);
  if (entry == nullptr) return SgArray();
  SgArray array = std::move(entry->array);
  free_slot(*entry, id & (kSgaSlotsMax - 1));
  return array;
}

inline bool SgaTable::release(uint32_t id) {
  Entry* entry = find_entry(id);
  if (entry == nullptr) return false;
  entry->array.clear();
  free_slot(*entry, id & (kSgaSlotsMax - 1));
  return true;
}

}  // namespace demi
