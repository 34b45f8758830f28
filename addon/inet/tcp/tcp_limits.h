// The bounds of one connection and of one listener, and why each has its value. What is dropped at a bound is counted (tcp_counters.h),
// and exceeding each of them is a tested path.
#pragma once

#include <cstddef>
#include <cstdint>

namespace demi {

// Ranges of acknowledged text that a sender remembers behind the first hole. 3 % loss on a path of 12.5 MB (100 ms at 1 Gbit/s) makes 260
// holes. A range more is not remembered: that text is sent again, and nothing else happens. It bounds what a SACK block of one byte can
// cost (CVE-2019-11477): a binary search and 4 KiB moved.
inline constexpr size_t kSackRangesMax = 512;

// Contiguous pieces of text that a receiver keeps behind the first hole, for the same path. Text that would make one more is dropped as if
// it had been lost (SegmentSmack, CVE-2018-5390): finding the place for a segment is a binary search among so many.
inline constexpr size_t kReassemblyBlocksMax = 256;

// The least text per segment that a peer can make us send: with 12 bytes of timestamps and 8 bytes of text in the least segment that
// RFC 879 knows. A peer that asks for less would have us send a header for every byte.
inline constexpr uint32_t kSendMssMin = 48;

// Segments that carry less are not left to a device to cut. Network cards have such a bound (256 bytes with some), and nobody shall have one make
// more than a hundred segments of a frame by asking for small ones (CVE-2019-11478 has the same reason).
inline constexpr uint32_t kOffloadedMssMin = 512;

// RFC 9293 3.7.1 (MUST-15): what a peer takes that does not say what it takes.
inline constexpr uint32_t kDefaultMssIPv4 = 536;
inline constexpr uint32_t kDefaultMssIPv6 = 1220;

// RFC 5927 7.2: no network of interest carries less (RFC 1191 has 576 for X.25), and a smaller claim is an attack.
inline constexpr uint32_t kPathMssMin = 512;

// RFC 7323 2.3: windows are below 2^30, so that old and new text cannot be mistaken for each other.
inline constexpr uint32_t kWindowMax = uint32_t{1} << 30;

// RFC 5681 (2): IW and ssthresh have no bound; a congestion window beyond the largest peer window would be of no use.
inline constexpr uint32_t kCongestionWindowMax = kWindowMax;

// Back-offs of a timer: 2^16 times any RTO is beyond RTOmax.
inline constexpr uint8_t kBackOffsMax = 16;

// Half-open connections of one listener whose SYN brought text that is kept. Such SYNs are rare, and each keeps a room; of the others the text is
// dropped and comes again with the ACK.
inline constexpr uint32_t kSynTextsMax = 16;

// SYN-ACKs of one half-open connection. More would be sent when the peer has long given up.
inline constexpr uint8_t kSynAckTransmissionsMax = 16;

// ACKs by which one half-open connection answers what is not acceptable. A peer needs one of them; the bound is each entry's own, so that
// nobody learns from it what others do (CVE-2016-5696).
inline constexpr uint8_t kHalfOpenAcksMax = 4;

// Connections that wait to be accepted, at one listener: Linux's net.core.somaxconn.
inline constexpr uint32_t kBacklogMax = 4096;

}  // namespace demi
