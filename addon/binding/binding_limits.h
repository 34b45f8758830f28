// The bounds of the binding, with their reasons. The figures were measured.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace demi {

// A native slice of a blocking wait. JavaScript can only be terminated between slices, and must be within 50 ms.
constexpr Duration kLongestSlice = Duration::milliseconds(1);
// A sleep shorter than this costs more than it saves: waking up takes about 50 us.
constexpr Duration kShortestSleep = Duration::microseconds(60);
// The driver spins this long without progress before it lets the event loop sleep, whose waking costs 35 us.
constexpr Duration kSpinWithoutProgress = Duration::microseconds(50);
// The same where nobody tells of frames, and who sleeps has only an alarm (LibOS::must_be_asked).
constexpr Duration kSpinUntold = Duration::microseconds(500);
// While the driver spins, timers, other sockets and the garbage collector get their turn this often.
constexpr Duration kLoopTurnEvery = Duration::microseconds(50);
// Rounds in which libOSes of one environment may wake each other within one call; what is left has its turn in the next.
constexpr size_t kSettleRounds = 64;
// A staging room serves this many bytes of small payloads; larger payloads are copied by native code.
constexpr uint32_t kStagingBytes = 16 * 1024;
// libOSes of a process, by the 13 bits that a descriptor has for them. Numbers of stopped ones are used again after that many.
constexpr uint32_t kLibOSNumbers = 1u << 13;

}  // namespace demi
