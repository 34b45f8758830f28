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
// Frames that a device on an interface of the kernel takes or gives at once: as for a hub.
constexpr uint32_t kInterfaceBurstMax = 32;
// The longest packet that such a device passes on: as for a hub. No interface of Linux has a longer one.
constexpr uint32_t kInterfaceMtuMax = kHubMtuMax;
// Pieces of one frame that the kernel gathers where they lie. A segment of TCP has two or three; a frame of more is put together first.
constexpr size_t kGatherMax = 16;
// Text of one frame that a device cuts into segments: with the longest headers (Ethernet with a tag, IPv4, TCP) it fits the largest room, and so does the
// packet its length field.
constexpr uint32_t kCutHeadersBytesMax = 18 + 20 + 60;
constexpr uint32_t kCutTextBytesMax = 65'536 - kCutHeadersBytesMax;
// How often an interface is asked whether it is up, while nothing arrives: each time it costs some microseconds of system calls.
constexpr int64_t kLinkLookMs = 10;
// Frames that are taken from a TAP interface and lost by one call when there is no memory for them: twice what Linux lets wait there.
constexpr size_t kTapQueueMax = 2048;
// Frames that may wait in the ring of a packet socket: what 10 Gbit/s bring in a millisecond. What is longer than a slot (the kernel gives
// what it has not cut to the MTU) waits beside the ring, so many bytes of it.
constexpr uint32_t kPacketRingSlots = 1024;
constexpr int kPacketLongBytes = 4 << 20;
// The longest slot, for interfaces with a long MTU: the ring is 16 MiB then. It is made of blocks, each of which the kernel needs in one piece.
constexpr size_t kPacketSlotBytesMax = 16'384;
constexpr size_t kPacketBlockBytes = 65'536;
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
