// EalMemory: pages that devices reach, in pieces of the size of a window. EAL gives them once; what is given back is kept for the next who asks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace demi::dpdk {

// `bytes` of contiguous memory, page aligned, for the process and for devices. nullptr when there is none. Any thread.
void* take_memory(size_t bytes);
void give_memory(void* memory, size_t bytes);

// Where devices find a byte of it.
uint64_t iova_of(const void* byte);

}  // namespace demi::dpdk
