// cut_segments: what a device does that cuts segments of TCP itself, in software: for middleware that stands in front of the wire, and for when the
// kernel turns out not to do it.
#pragma once

#include <cstddef>

#include "base/ring_queue.h"
#include "memory/frame.h"

namespace demi {

class Memory;

// Appends to `into` the segments that a frame with segment_bytes stands for, as they go onto the wire. The headers are in rooms of `memory`, the text is
// shared. Each checksum is complete, or left to a device as that of the frame was if `leaves_checksums`. A segment for which there is no memory
// is lost. Returns how many were.
size_t cut_segments(Frame frame, Memory& memory, bool leaves_checksums, RingQueue<Frame>& into);

}  // namespace demi
