// gather: the bytes of a frame where they lie, for a system call that takes them from several places.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

#include "memory/frame.h"

namespace demi {

// Lists the head and the pieces of the payload, in order, and returns how many there are. 0 when they are more than fit.
size_t gather(const Frame& frame, std::span<iovec> pieces);

}  // namespace demi
