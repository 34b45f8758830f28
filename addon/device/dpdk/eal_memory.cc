#include "device/dpdk/eal_memory.h"

#include <cstdio>
#include <map>
#include <mutex>
#include <vector>

#include <rte_eal.h>
#include <rte_memory.h>
#include <rte_memzone.h>

namespace demi::dpdk {

namespace {

struct Kept {
  std::mutex mutex;
  std::map<size_t, std::vector<void*>> by_size;
  uint64_t zones = 0;
};

// Never destroyed: ArrayBuffers give memory back while the process ends.
Kept& kept() {
  static Kept& only = *new Kept;
  return only;
}

constexpr unsigned kPageBytes = 4096;

}  // namespace

void* take_memory(size_t bytes) {
  Kept& all = kept();
  std::lock_guard lock(all.mutex);
  if (const auto found = all.by_size.find(bytes); found != all.by_size.end() && !found->second.empty()) {
    void* memory = found->second.back();
    found->second.pop_back();
    return memory;
  }
  char name[RTE_MEMZONE_NAMESIZE];
  std::snprintf(name, sizeof name, "demi-%llu", static_cast<unsigned long long>(all.zones++));
  const rte_memzone* zone = rte_memzone_reserve_aligned(name, bytes, SOCKET_ID_ANY, RTE_MEMZONE_IOVA_CONTIG, kPageBytes);
  return zone == nullptr ? nullptr : zone->addr;
}

void give_memory(void* memory, size_t bytes) {
  Kept& all = kept();
  std::lock_guard lock(all.mutex);
  all.by_size[bytes].push_back(memory);
}

uint64_t iova_of(const void* byte) {
  if (rte_eal_iova_mode() == RTE_IOVA_VA) return reinterpret_cast<uint64_t>(byte);
  const rte_memseg* segment = rte_mem_virt2memseg(byte, nullptr);
  if (segment == nullptr) return RTE_BAD_IOVA;
  return segment->iova + (reinterpret_cast<uint64_t>(byte) - segment->addr_64);
}

}  // namespace demi::dpdk
