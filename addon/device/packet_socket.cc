#include "device/packet_socket.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "device/gather.h"
#include "device/segment_cutter.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23  // Linux 4.20
#endif

namespace demi {

namespace {

static_assert(kInterfaceMtuMax + EthernetView::kBytes + EthernetView::kTagBytes <= kLargestRoomBytes, "a frame is copied into one room");

// A driver that is busy has a place again by then.
constexpr Duration kBusyTime = Duration::milliseconds(100);

Made<PacketSocket> failed(Errno error, std::string problem) { return {nullptr, error, std::move(problem)}; }

Made<PacketSocket> failed_by_kernel(int number, const std::string& name) {
  const Errno error = number == ENFILE ? Errno::kEMFILE : static_cast<Errno>(number);
  switch (number) {
    case EPERM:
    case EACCES:
      return failed(Errno::kEPERM, "Opening a packet socket on '" + name +
                                       "' needs CAP_NET_RAW: run as root, or give the program that capability with `setcap cap_net_raw+ep`.");
    case EMFILE:
    case ENFILE:
      return failed(error, "Opening a packet socket on '" + name + "' takes file descriptors, and there are none left.");
    case EAFNOSUPPORT:
      return failed(error, "This kernel has no packet sockets: load its module with `modprobe af_packet`.");
    case ENOMEM:
      return failed(error, "The kernel has no memory for the ring of a packet socket on '" + name + "'.");
    default:
      return failed(error, "The kernel does not open a packet socket on '" + name + "': " + std::strerror(number) + ".");
  }
}

template <class Value>
bool set_option(int fd, int level, int option, const Value& value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

std::string text_of(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  uint8_t octets[IpAddress::kIPv6Bytes];
  address.store(octets);
  ::inet_ntop(address.is_ipv4() ? AF_INET : AF_INET6, octets, text, sizeof text);
  return text;
}

// Whatever is wrong with the interface for a stack like ours.
Made<PacketSocket> problem_with(const NetworkInterface& interface, const PacketSocketConfig& config) {
  const std::string quoted = "'" + config.interface + "'";
  if (!interface.is_ethernet()) return failed(Errno::kEINVAL, quoted + " is no Ethernet interface: take a network card, or one end of a veth pair.");
  if (!config.link_address.is_unicast()) return failed(Errno::kEINVAL, "The MAC address of our side of " + quoted + " is that of a group, or zero.");
  // With the kernel's own MAC address, which is all that many switches let through, the kernel sees what is for us. It drops what is for an address
  // that it has not, unless it is a router: then it would send that on once more.
  if (interface.link_address() == config.link_address && interface.forwards()) {
    return failed(Errno::kEADDRINUSE, "The kernel has our MAC address on " + quoted + " itself, and forwards what comes in there: give the stack another, or " +
                                          "switch that off with `sysctl -w net/ipv4/conf/" + config.interface + "/forwarding=0`.");
  }
  for (const IpAddress& address : config.addresses) {
    const std::string owner = NetworkInterface::of_kernel_address(address);
    if (owner.empty()) continue;
    return failed(Errno::kEADDRINUSE, "The kernel has the address " + text_of(address) + " itself, on '" + owner +
                                          "', and would answer for it: give the stack another, or take it away with `ip addr del`.");
  }
  return {};
}

// What can fail only for want of something that a kernel as old may not have, is tried and not insisted upon.
int set_up(int fd, int interface) {
  const int on = 1;
  set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, on);
  // No queue of the interface stands between us and its driver: it would cost time, and lose frames without telling.
  set_option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, on);
  // Frames that are too long for a slot wait at the socket.
  set_option(fd, SOL_PACKET, PACKET_COPY_THRESH, on);
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, kPacketLongBytes)) set_option(fd, SOL_SOCKET, SO_RCVBUF, kPacketLongBytes);
  // What was sent and is still with the driver: some long frames as well.
  if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, kPacketLongBytes)) set_option(fd, SOL_SOCKET, SO_SNDBUF, kPacketLongBytes);
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = interface;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return errno;
  // Ends with the socket.
  packet_mreq everything{};
  everything.mr_ifindex = interface;
  everything.mr_type = PACKET_MR_PROMISC;
  return set_option(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, everything) ? 0 : errno;
}

}  // namespace

Made<PacketSocket> PacketSocket::open(const PacketSocketConfig& config, Memory& memory) {
  const std::string& name = config.interface;
  Result<NetworkInterface> interface = NetworkInterface::find(name);
  if (interface.error() == Errno::kENODEV) return failed(Errno::kENODEV, "There is no interface '" + name + "': `ip link` shows which there are.");
  if (!interface.ok()) return failed_by_kernel(static_cast<int>(interface.error()), name);
  if (Made<PacketSocket> wrong = problem_with(*interface, config); wrong.error != Errno::kOk) return wrong;

  // Of no protocol, it hears nothing until it is bound.
  FileDescriptor fd(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed_by_kernel(errno, name);
  DeviceCapabilities capabilities;
  capabilities.link_address = config.link_address;
  capabilities.mtu_bytes = std::clamp<uint32_t>(interface->mtu_bytes(), 1, kInterfaceMtuMax);
  capabilities.burst_max = kInterfaceBurstMax;
  capabilities.finishes_checksums = true;
  capabilities.cut_text_bytes_max = interface->cuts_segments() ? kCutTextBytesMax : 0;
  capabilities.cut_pieces_max = kGatherMax - 1;
  Result<PacketRing> ring = PacketRing::map(fd.get(), capabilities.frame_bytes_max(), kPacketRingSlots);
  if (!ring.ok()) return failed_by_kernel(static_cast<int>(ring.error()), name);
  if (const int number = set_up(fd.get(), interface->index()); number != 0) return failed_by_kernel(number, name);
  Result<WakeupFd> wakeup = WakeupFd::over(fd.get());
  if (!wakeup.ok()) return failed_by_kernel(static_cast<int>(wakeup.error()), name);
  capabilities.wakeup_fd = wakeup->get();
  return {std::unique_ptr<PacketSocket>(
              new PacketSocket(capabilities, std::move(fd), std::move(*ring), std::move(*wakeup), std::move(*interface), memory)),
          Errno::kOk, ""};
}

PacketSocket::PacketSocket(const DeviceCapabilities& capabilities, FileDescriptor fd, PacketRing ring, WakeupFd wakeup,
                           NetworkInterface interface, Memory& memory)
    : Device(capabilities),
      fd_(std::move(fd)),
      ring_(std::move(ring)),
      wakeup_(std::move(wakeup)),
      interface_(std::move(interface)),
      memory_(memory) {
  look_at_link(Instant());
}

// --- the link ---

void PacketSocket::look_at_link(Instant now) {
  look_due_ = now + Duration::milliseconds(kLinkLookMs);
  take_error();
  if (state_ != LinkState::kGone) state_ = interface_.state();
}

// When the link goes down the socket has an error. It would wake us until somebody takes it, and be that of the next call, whatever has
// become of the link.
void PacketSocket::take_error() {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
}

const PacketSocketCounters& PacketSocket::counters() {
  // The kernel counts anew from each time that it is asked.
  tpacket_stats since{};
  socklen_t length = sizeof since;
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &since, &length) == 0) counters_.ring_full += since.tp_drops;
  return counters_;
}

// --- out ---

size_t PacketSocket::transmit(std::span<Frame> frames, Instant now) {
  const size_t count = std::min<size_t>(frames.size(), capabilities_.burst_max);
  size_t taken = 0;
  while (send_segments(now) && taken < count) {
    size_t end = cuts_here_ ? taken : count;
    while (end < count && frames[end].segment_bytes == 0) ++end;
    if (end == taken) {
      ++counters_.cut_here;
      counters_.uncut += cut_segments(std::move(frames[taken++]), memory_, true, segments_);
      continue;
    }
    const bool cut_before = cuts_here_;
    const size_t offered = end - taken;
    const size_t done = send(frames.subspan(taken, offered), now);
    taken += done;
    if (done < offered && cuts_here_ == cut_before) break;
  }
  return taken;
}

// Those of the frames before: false when the kernel takes no more of them.
bool PacketSocket::send_segments(Instant now) {
  while (!segments_.empty()) [[unlikely]] {
    if (send({&segments_.front(), 1}, now) == 0) return false;
    segments_.pop_front();
  }
  return true;
}

size_t PacketSocket::send(std::span<Frame> frames, Instant now) {
  const size_t count = frames.size();
  std::array<Fate, kInterfaceBurstMax> fates{};
  std::array<size_t, kInterfaceBurstMax> frame_of{};
  size_t messages = 0;
  for (size_t i = 0; i < count; ++i) {
    fates[i] = prepare(frames[i], messages);
    if (fates[i] == Fate::kToSend) frame_of[messages++] = i;
  }
  const size_t done = messages == 0 ? 0 : send_messages(messages, now);
  // What cannot be sent is taken in its turn, too.
  const size_t taken = done < messages ? frame_of[done] : count;
  for (size_t i = 0; i < taken; ++i) {
    if (fates[i] == Fate::kMalformed) ++counters_.malformed;
    if (fates[i] == Fate::kNotGathered) ++counters_.not_gathered;
    frames[i].clear();
  }
  return taken;
}

PacketSocket::Fate PacketSocket::prepare(Frame& frame, size_t message) {
  DEMI_ASSERT(!frame.empty(), "an empty frame cannot be sent");
  if (!capabilities_.allows_length_of(frame)) return Fate::kMalformed;
  headers_[message] = VirtioNetHeader::of(frame);
  auto& pieces = pieces_[message];
  pieces[0] = {&headers_[message], sizeof headers_[message]};
  size_t count = gather(frame, std::span(pieces).subspan(1));
  if (count == 0) {
    // The same frame for whoever has it in the end.
    Frame whole = frame.copied_into(memory_);
    if (whole.empty()) return Fate::kNotGathered;
    frame = std::move(whole);
    count = gather(frame, std::span(pieces).subspan(1));
  }
  messages_[message].msg_hdr.msg_iov = pieces.data();
  messages_[message].msg_hdr.msg_iovlen = 1 + count;
  return Fate::kToSend;
}

// How many were sent, or -1.
int PacketSocket::send_some(mmsghdr* messages, size_t count) {
  if (count > 1) return ::sendmmsg(fd_.get(), messages, static_cast<unsigned>(count), MSG_DONTWAIT);
  // One by itself is mostly the answer to one that has come. The kernel takes longer to learn from where it lies than copying it takes.
  const size_t bytes = flatten(messages->msg_hdr);
  const ssize_t sent = bytes > 0 ? ::send(fd_.get(), flat_.data(), bytes, MSG_DONTWAIT) : ::sendmsg(fd_.get(), &messages->msg_hdr, MSG_DONTWAIT);
  return sent < 0 ? -1 : 1;
}

// Copies a message to flat_. Returns its length, or 0 if it is too long for that.
size_t PacketSocket::flatten(const msghdr& message) {
  size_t bytes = 0;
  for (const iovec& piece : std::span(message.msg_iov, message.msg_iovlen)) {
    if (piece.iov_len > flat_.size() - bytes) return 0;
    std::memcpy(flat_.data() + bytes, piece.iov_base, piece.iov_len);
    bytes += piece.iov_len;
  }
  return bytes;
}

size_t PacketSocket::send_messages(size_t count, Instant now) {
  size_t done = 0;
  bool has_tried_again = false;
  while (done < count && state_ != LinkState::kGone) {
    const int sent = send_some(messages_.data() + done, count - done);
    if (sent > 0) {
      state_ = LinkState::kUp;
      uncut_refused_since_ = Instant::never();
      counters_.transmitted += static_cast<uint64_t>(sent);
      done += static_cast<size_t>(sent);
      continue;
    }
    const Failure failure = failure_of(errno, headers_[done].segmentation != VirtioNetHeader::kOneFrame, now);
    if (failure == Failure::kCutHere) cuts_here_ = true;
    if (failure == Failure::kOfferLater || failure == Failure::kCutHere) return done;
    if (failure == Failure::kLinkIsDown) break;
    if (failure == Failure::kTryAgain && !std::exchange(has_tried_again, true)) continue;
    ++counters_.refused;
    ++done;
  }
  counters_.link_down += count - done;
  return count;
}

// Sees to what the link is like by now, too.
PacketSocket::Failure PacketSocket::failure_of(int number, bool is_uncut, Instant now) {
  switch (number) {
    case EAGAIN:
    case EINTR:
      return Failure::kOfferLater;
    case ENOBUFS:
      // The driver has no place at present. Or there is no carrier, and then it will not have any.
      state_ = interface_.state();
      if (state_ != LinkState::kUp) return Failure::kLinkIsDown;
      if (!is_uncut) return Failure::kOfferLater;
      // It says the same when it would have to cut the frame itself, which it does not do on the way past its queues.
      uncut_refused_since_ = std::min(uncut_refused_since_, now);
      return interface_.cuts_segments() && now - uncut_refused_since_ < kBusyTime ? Failure::kOfferLater : Failure::kCutHere;
    case ENETDOWN:
    case ENXIO:
    case ENODEV:
      // It may be up again, and this is what was left of the time when it was not.
      take_error();
      state_ = interface_.state();
      return state_ == LinkState::kUp ? Failure::kTryAgain : Failure::kLinkIsDown;
    default:
      return is_uncut ? Failure::kCutHere : Failure::kLost;
  }
}

// --- in ---

size_t PacketSocket::receive(std::span<Frame> frames, Instant now) {
  const size_t wanted = std::min<size_t>(frames.size(), capabilities_.burst_max);
  size_t count = 0;
  // Without memory, as many as the ring holds are lost by one call, and not more.
  for (uint32_t looked = 0; count < wanted && looked < ring_.slots() && has_frame(); ++looked) {
    frames[count] = next_frame();
    if (!frames[count].empty()) ++count;
  }
  counters_.received += count;
  wakeup_.note_frames(count);
  if (count == 0 && now >= look_due_) look_at_link(now);
  return count;
}

Frame PacketSocket::next_frame() {
  if (!cutter_.empty()) {
    Frame datagram = cutter_.next(memory_);
    if (datagram.empty()) ++counters_.no_memory;
    return datagram;
  }
  const PacketRing::Slot slot = ring_.front();
  Frame frame = take(slot);
  ring_.release();
  if (slot.header.is_one_packet() || frame.empty()) return frame;
  if (!cutter_.begin(std::move(frame), slot.header, slot.vlan_tag != 0)) ++counters_.unusable;
  return Frame();
}

Frame PacketSocket::take(const PacketRing::Slot& slot) {
  const size_t tag_bytes = slot.vlan_tag != 0 ? EthernetView::kTagBytes : 0;
  const size_t bytes = slot.frame_bytes + tag_bytes;
  const bool is_whole = slot.waits_at_socket || slot.bytes.size() == slot.frame_bytes;
  const bool is_usable = is_whole && slot.frame_bytes >= EthernetView::kBytes && bytes <= kLargestRoomBytes;
  BufferRef room;
  if (slot.is_outgoing) {
    ++counters_.outgoing;
  } else if (!is_usable) {
    ++counters_.unusable;
  } else {
    room = memory_.allocate_room(bytes);
    if (!room) ++counters_.no_memory;
  }
  uint8_t* const first = room ? room->payload() : nullptr;
  if (slot.waits_at_socket) {
    // Also when it is lost: the next one waits behind it.
    const bool came = fetch(room ? MutableBytes(first + tag_bytes, slot.frame_bytes) : MutableBytes());
    if (room && !came) {
      ++counters_.unusable;
      return Frame();
    }
  } else if (room) {
    std::memcpy(first + tag_bytes, slot.bytes.data(), slot.bytes.size());
  }
  if (!room) return Frame();
  if (tag_bytes > 0) {
    constexpr size_t kAddresses = 2 * MacAddress::kBytes;
    std::memmove(first, first + tag_bytes, kAddresses);
    store_be32(first + kAddresses, slot.vlan_tag);
  }
  const uint32_t offset = room->headroom;
  Frame frame(std::move(room), offset, static_cast<uint32_t>(bytes));
  frame.verdict = slot.header.verdict();
  return frame;
}

// The next frame that waits at the socket, which has as many bytes as fit; it is lost if they are not so many.
bool PacketSocket::fetch(MutableBytes into) {
  VirtioNetHeader header;
  iovec pieces[] = {{&header, sizeof header}, {into.data(), into.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  ssize_t got = -1;
  // An error of the link, which waits there as well, comes first.
  for (int attempt = 0; attempt < 2 && got < 0; ++attempt) got = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_TRUNC);
  return got >= 0 && static_cast<size_t>(got) == sizeof header + into.size();
}

}  // namespace demi

#endif  // __linux__
