// The control region: the memory through which JavaScript and one libOS talk. lib/native/layout.ts says the same, and a test compares.
//
// All of it is 32-bit words, written by one side at a time, since both are the same thread. Calls that return a token pass their
// arguments and results here instead of through Node-API, where each integer costs 7 ns and each object 400.
#pragma once

#include <cstdint>

namespace demi::control {

// --- header words ---
constexpr uint32_t kSubmitCount = 0;    // JS: entries to be submitted
constexpr uint32_t kAttention = 1;      // native: some completion ring of this environment has entries; JS sets it back to 0
constexpr uint32_t kPublished = 2;      // native: entries ever written to the completion ring
constexpr uint32_t kConsumed = 3;       // JS: entries ever read from it
constexpr uint32_t kStageWindow = 4;    // native: the staging room, where JS writes small payloads
constexpr uint32_t kStageOffset = 5;    // native: its first free byte, from the start of the window
constexpr uint32_t kStageEnd = 6;       // native: the byte behind it
constexpr uint32_t kReturnCount = 7;    // JS: SgArrays given back since the last call
constexpr uint32_t kMemoryWaits = 8;    // native: a push waits for memory, so what is given back is needed at once
constexpr uint32_t kHeaderWords = 16;

// --- areas, in words from the start ---
constexpr uint32_t kEntryWords = 16;    // one cache line
constexpr uint32_t kSubmissions = kHeaderWords;
constexpr uint32_t kSubmissionEntries = 256;
constexpr uint32_t kRing = kSubmissions + kSubmissionEntries * kEntryWords;
constexpr uint32_t kRingEntries = 1024;  // a power of two
constexpr uint32_t kReturns = kRing + kRingEntries * kEntryWords;
constexpr uint32_t kReturnEntries = 1024;
// Float64: slot -> the descriptor that is open there, or 0.
constexpr uint32_t kDescriptors = kReturns + kReturnEntries;

// --- words of an entry ---
// Submission in: opcode and flags. Submission out: a status. Completion: the slot of the operation.
constexpr uint32_t kWord0 = 0;
constexpr uint32_t kQueueSlot = 1;      // in; out: errno of a failure, 0 if it succeeded
constexpr uint32_t kArgument = 2;       // in: bytes of a push, limit of a pop (0: none), how of a shutdown; out: bytes accepted or popped, low word
constexpr uint32_t kOffset = 3;         // in: where a staged payload begins; out: high word of the bytes
constexpr uint32_t kSga = 4;            // in: the SgArray to be pushed; out: the one that was popped
constexpr uint32_t kSegmentWindow = 5;  // out: its first segment
constexpr uint32_t kSegmentOffset = 6;
constexpr uint32_t kSegmentLength = 7;
constexpr uint32_t kSegmentCount = 8;
constexpr uint32_t kNewQueue = 9;       // out: slot of the accepted queue
constexpr uint32_t kPortAndFamily = 10; // port << 16 | family (4, 6, or 0: there is no endpoint)
constexpr uint32_t kScope = 11;
constexpr uint32_t kAddress = 12;       // four words

constexpr uint32_t kOpcodeMask = 0xff;
constexpr uint32_t kFlagStaged = 0x100;        // push: the payload is in the staging room
constexpr uint32_t kFlagSga = 0x200;           // push: the payload is an SgArray
constexpr uint32_t kFlagAcknowledged = 0x400;  // push: complete when the peer has acknowledged
constexpr uint32_t kFlagDestination = 0x800;   // push: to the entry's endpoint

// --- statuses: a slot (>= 0) while the operation is pending ---
constexpr int32_t kStatusDone = -1;         // succeeded, and there is nothing more to say
constexpr int32_t kStatusDetails = -2;      // done: the rest of the entry says how
constexpr int32_t kStatusRefused = -3;      // refused with errno = kStatusRefused - status, 0 excluded

constexpr int32_t refused_status(int32_t errno_number) { return kStatusRefused - errno_number; }

}  // namespace demi::control
