// Every bound of the addon, with its reason. What happens when a bound is reached is said, and tested, where the bound is applied.
#pragma once

#include <cstddef>
#include <cstdint>

namespace demi {

// --- sched: coroutine frames ---

// Frames are rounded up to a multiple of this. Half a cache line wastes 16 bytes of a frame on average, and a frame of ours takes some 200.
constexpr size_t kFrameGranuleBytes = 32;
// Frames up to this size, with 16 bytes for their header, are pooled; a larger one goes to the heap each time. A frame holds what lives
// across a suspension: a few references and counters, and 2 KiB is ten times as much as any coroutine of ours needs.
constexpr size_t kPooledFrameBytesMax = 2048;
// Frames of one size are carved out of blocks of this size: big enough for 100 frames and more, so that growing is rare, small enough
// that a size used only once costs little.
constexpr size_t kFrameBlockBytes = 32 * 1024;

// --- wire ---

// Extension headers of one IPv6 packet that are looked at; with more it is dropped. A packet that keeps to the recommended order has at most
// six (RFC 8200 4.1), and a packet of nothing but such headers would cost as much as it has bytes.
constexpr size_t kIpv6ExtensionHeadersMax = 8;
// Prefixes of one router advertisement that are kept; the rest is ignored. A link has one or two.
constexpr size_t kNdpPrefixesMax = 4;

// --- device ---

// The longest packet that a hub passes on: with Ethernet header and VLAN tag, a frame fits the largest room.
constexpr uint32_t kHubMtuMax = 65536 - 18;
// Ports of one hub. Each flooded frame is copied for every one of them; a network of more stacks is made of several hubs.
constexpr size_t kHubPortsMax = 256;
// Addresses that a hub remembers; frames to others go to all ports. A port has one, so only a flood of forged ones needs more.
constexpr size_t kHubAddressesMax = 4096;
// Frames that a port of a hub takes or gives at once: what a stack sends in a turn. More would leave the nearest cache.
constexpr uint32_t kHubBurstMax = 32;
// Frames that are on one bad link at a time; one more is lost. A path of 10 Gbit/s and 60 ms is full with as many of 1500 bytes.
constexpr size_t kImpairmentFramesMax = 50'000;
// Frames that faults pass on at once, and how many they take in by one call: more than a port of a hub holds by itself.
constexpr size_t kFaultsBurst = 32;
constexpr size_t kFaultsIntakeMax = 2048;
// What a capture keeps of a frame: everything, for the longest is shorter. tcpdump and Wireshark read up to this.
constexpr uint32_t kPcapSnapBytes = 262'144;
// A capture is written when so many bytes were collected, or the first of them so long ago: few system calls, and a file that a reader
// can follow.
constexpr size_t kPcapPieceBytes = 65'536;
constexpr int64_t kPcapWriteDelayMs = 1'000;

// --- libos ---

// Operations that one turn resumes before it looks at the backend and the timers again: a burst of 256 costs some 10 us, and what
// remains has its turn next.
constexpr size_t kReadyBudget = 256;

}  // namespace demi
