#include "memory/sga_table.h"

#include <algorithm>

#include "base/assert.h"

namespace demi {

SgaTable::SgaTable(uint32_t max_entries) : max_entries_(max_entries) {
  DEMI_ASSERT(max_entries > 0 && max_entries <= kSgaSlotsMax, "an id has no bits for that many slots");
}

bool SgaTable::grow() {
  const uint32_t added = std::min(kSgaEntriesPerChunk, max_entries_ - slots_);
  if (added == 0) return false;
  chunks_.emplace_back(new Entry[added]);
  // The lowest slot is used first.
  for (uint32_t slot = slots_ + added; slot-- > slots_;) {
    chunks_.back()[slot - slots_].next_free = free_;
    free_ = slot;
  }
  slots_ += added;
  return true;
}

void SgaTable::clear() {
  for (uint32_t slot = 0; slot < slots_ && live_ > 0; ++slot) {
    Entry& entry = entry_at(slot);
    if (!entry.used) continue;
    entry.array.clear();
    free_slot(entry, slot);
  }
}

}  // namespace demi
