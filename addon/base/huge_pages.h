// Memory for very many objects of one kind, in pages of 2 MiB where the system has such: a million connections lie in so many small pages that
// the processor would look most of them up anew with each segment.
#pragma once

#include <cstddef>
#include <cstdlib>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace demi {

inline constexpr size_t kHugePageBytes = size_t{2} << 20;

// Uninitialized, and aligned to as much. `bytes` is a multiple of kHugePageBytes; nullptr when there is no memory. To be given back to
// std::free(). It is a wish: where there are no such pages it is ordinary memory.
inline void* allocate_huge_pages(size_t bytes) {
  void* memory = std::aligned_alloc(kHugePageBytes, bytes);
#ifdef __linux__
  if (memory != nullptr) (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

}  // namespace demi
