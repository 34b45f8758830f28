// The bounds of this room and why each has its value. Exceeding each of them is a tested path.
#pragma once

#include <cstddef>
#include <cstdint>

namespace demi {

// What one ArrayBuffer may show. JavaScript can lose a window (a transfer detaches it) and structuredClone of a small view copies
// all of it, so a window is no larger than what may be lost or copied without harm.
inline constexpr size_t kWindowBytes = size_t{1} << 20;

// Windows of one libOS. Window indices stay small integers everywhere, and even if every window were a mapping of its own, there
// would be room left below Linux's default of 65530 mappings for a process.
inline constexpr uint32_t kWindowsMax = uint32_t{1} << 15;

// Bytes of all windows of one libOS; a larger limit_bytes is cut to it. At most about 17500 windows, because a window is cut short
// by less than one room: kWindowsMax is never the bound that is met first.
inline constexpr uint64_t kMemoryBytesMax = uint64_t{16} << 30;

// A size class never takes more than this fraction of the budget at a time, so that under a small budget the first class that is
// asked does not take everything.
inline constexpr uint64_t kWindowsPerBudget = 16;

// The room sizes: a small message, a frame, a staging room, a large write. Each in payload bytes; the headroom comes on top.
inline constexpr size_t kRoomClasses = 4;
inline constexpr uint32_t kRoomBytes[kRoomClasses] = {256, 2048, 16384, 65536};
inline constexpr uint32_t kLargestRoomBytes = kRoomBytes[kRoomClasses - 1];

// Headroom is for protocol headers: Ethernet with VLAN tag, IPv6 with extensions, TCP with options need less than 256. Kept so
// small that a page always holds a room of the smallest class: then a budget is used up exactly when less than a page is left.
inline constexpr uint32_t kHeadroomMax = 512;

// Rooms start at cache lines: a device that writes one room never shares a line with the next.
inline constexpr size_t kRoomAlignment = 64;

// Buffers that stand in front of a pool's virtual calls: a few receive bursts of 32.
inline constexpr size_t kPoolCacheBuffers = 64;

// Segments that a libOS hands out at the wish of callers (24 bytes of heap each): 8 per open SgArray of a million, or all the
// rooms of 2 GiB at 256 bytes. Beyond it allocate, copy_in, clone and slice are refused.
inline constexpr uint32_t kSegmentsMax = uint32_t{1} << 23;
// Cutting and appending never fail: each takes one segment, and their number is bounded by the operations that are in progress.
// This hard bound is an assertion. It also keeps SgArray's count below 24 bits and its bytes below 40.
inline constexpr uint32_t kSegmentsHardMax = uint32_t{15} << 20;
inline constexpr size_t kSegmentsPerBlock = 1024;
static_assert(uint64_t{kSegmentsHardMax} * (kLargestRoomBytes + kHeadroomMax) < uint64_t{1} << 40);

// SgArrays in JavaScript's hands: 22 bits of slot and 9 bits of generation make an id that stays a small integer in V8.
inline constexpr uint32_t kSgaSlotBits = 22;
inline constexpr uint32_t kSgaGenerationBits = 9;
inline constexpr uint32_t kSgaSlotsMax = uint32_t{1} << kSgaSlotBits;
inline constexpr uint32_t kSgaEntriesPerChunk = 1024;

}  // namespace demi
