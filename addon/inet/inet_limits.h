// The bounds of the stack around the connections, and why each has its value. What is dropped at a bound is counted (stack_counters.h,
// neighbor_cache.h), and exceeding each of them is a tested path.
#pragma once

#include <cstddef>
#include <cstdint>

namespace demi {

// RFC 791 3.2: every network carries 68 bytes, and below that a header with options has no room for anything else.
inline constexpr uint32_t kMtuMin = 68;
// What the length field of an IPv4 header can say.
inline constexpr uint32_t kMtuMax = 65'535;

// Addresses of one stack: clients of a million connections spread over a few dozen. They are looked through for each packet.
inline constexpr size_t kAddressesMax = 64;
// Routes are looked through from the longest prefix on: a host has few, a router would need another structure.
inline constexpr size_t kRoutesMax = 64;

// Neighbors that are remembered: a link of 1000 hosts. With one more, the one that was not used for longest is forgotten.
inline constexpr size_t kNeighborsMax = 1024;
// Frames that wait for one neighbor's address: RFC 1122 2.3.2.2 asks for the latest one at least. A burst of a connection, and no more: it is
// memory that anybody can bind who makes us answer to addresses that do not exist.
inline constexpr size_t kNeighborQueueFrames = 16;

// Frames that are made and wait to be transmitted: replies of ours to strangers, and UDP datagrams. TCP makes a segment when it is asked.
inline constexpr size_t kTransmitQueueFrames = 512;
// Frames to ourselves that wait for their turn.
inline constexpr size_t kLoopbackQueueFrames = 512;

// Frames that are parsed, and whose connections are prefetched, before the first of them is processed: a burst of a device. What they need
// stays in the nearest cache.
inline constexpr size_t kInputBurst = 32;

// With more connections than this, what they refer to is prefetched as well: with fewer it is in some cache, and the steps would cost more.
inline constexpr size_t kConnectionsInCache = 4096;

// Segments that one connection transmits before it is another one's turn.
inline constexpr uint32_t kSegmentsPerTurn = 8;

// Datagrams that wait in one UDP socket, beside the bound of their bytes: empty ones take none.
inline constexpr size_t kUdpQueueDatagrams = 1024;

// The part of the memory in which no text that arrives is kept: so acknowledgments find room, and free what waits for them.
inline constexpr uint64_t kMemoryReserveShare = 32;

// The largest port. All ephemeral ones are tried before a search ends: RFC 6056 3.3.4 goes on until it was everywhere.
inline constexpr uint32_t kPortMax = 65'535;
// Counters of RFC 6056 algorithm 4: "table of 1 KiB" is what 3.3.4 suggests; more make the numbers of one peer less telling for others.
inline constexpr size_t kPortCounters = 256;

// RFC 1122 3.2.2: of the datagram that an ICMP error is about, the header and 8 bytes at least. RFC 1812 4.3.2.3: as much as fits in 576.
inline constexpr size_t kIcmpQuoteBytesMax = 576 - 20 - 8;

}  // namespace demi
