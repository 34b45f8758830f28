// Counts the allocations of the whole test binary, so that a test can say: this loop takes nothing from the heap.
#pragma once

#include <cstddef>

namespace demi {

// How often the global operator new has been called so far.
size_t heap_allocations();

}  // namespace demi
