#include "device/tap.h"

#ifdef __linux__

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "device/gather.h"
#include "device/network_interface.h"
#include "device/virtio_net_header.h"

namespace demi {

namespace {

constexpr char kControl[] = "/dev/net/tun";

static_assert(kInterfaceMtuMax + EthernetView::kBytes + EthernetView::kTagBytes <= kLargestRoomBytes, "a frame is read into one room");

Made<Tap> failed(Errno error, std::string problem) { return {nullptr, error, std::move(problem)}; }

std::string problem_with_control(int number) {
  const std::string opening = std::string("Opening ") + kControl;
  if (number == EACCES || number == EPERM) return opening + " is not allowed: run as root, or have an administrator make the file accessible.";
  if (number == EMFILE || number == ENFILE) return opening + " takes a file descriptor, and there is none left.";
  return std::string("There is no ") + kControl + ": load the kernel's module with `modprobe tun`, or give the container that device.";
}

std::string problem_with_attaching(int number, const std::string& name) {
  switch (number) {
    case EPERM:
      return "Making or using the TAP interface '" + name +
             "' needs CAP_NET_ADMIN: run as root, or have an administrator make it with `ip tuntap add " + name + " mode tap user USER`.";
    case EBUSY:
      return "The TAP interface '" + name + "' is in use by another process, or by another libOS of this one: take one of another name.";
    case EINVAL:
      return "'" + name + "' is no TAP interface, or one with several queues: take another name, or make one with `ip tuntap add NAME mode tap`.";
    default:
      return "The kernel does not attach to the TAP interface '" + name + "': " + std::strerror(number) + ".";
  }
}

// Errors of the kernel as the interface knows them.
Errno code_of(int number) {
  if (number == ENFILE) return Errno::kEMFILE;
  if (number == ENXIO) return Errno::kENOENT;
  if (number == EBUSY) return Errno::kEADDRINUSE;
  return static_cast<Errno>(number);
}

}  // namespace

Made<Tap> Tap::open(const TapConfig& config, Memory& memory) {
  const std::string& name = config.interface;
  if (!NetworkInterface::is_name(name)) {
    return failed(Errno::kEINVAL, "'" + name + "' is no name of an interface: it has 1 to 15 characters, and no '/', ':', '%' or space.");
  }
  if (!config.link_address.is_unicast()) return failed(Errno::kEINVAL, "The MAC address of our side of '" + name + "' is that of a group, or zero.");
  FileDescriptor fd(::open(kControl, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return failed(code_of(errno), problem_with_control(errno));

  const bool is_new = !NetworkInterface::find(name).ok();
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) return failed(code_of(errno), problem_with_attaching(errno, name));
  int header_bytes = sizeof(VirtioNetHeader);
  const unsigned long offloads = config.offloads ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0;
  if (::ioctl(fd.get(), TUNSETVNETHDRSZ, &header_bytes) != 0 || ::ioctl(fd.get(), TUNSETOFFLOAD, offloads) != 0) {
    return failed(code_of(errno), problem_with_attaching(errno, name));
  }

  Result<NetworkInterface> kernels = NetworkInterface::find(name);
  if (!kernels.ok()) return failed(kernels.error(), "The TAP interface '" + name + "' has disappeared: another program has removed it.");
  if (kernels->link_address() == config.link_address) {
    return failed(Errno::kEADDRINUSE, "The kernel has the MAC address of our side on '" + name + "' itself: give ours another.");
  }
  // One that is there already is its administrator's affair.
  if (is_new && !kernels->bring_up().ok()) return failed(Errno::kEPERM, problem_with_attaching(EPERM, name));
  Result<WakeupFd> wakeup = WakeupFd::over(fd.get());
  if (!wakeup.ok()) return failed(wakeup.error(), "Waiting for '" + name + "' takes a file descriptor, and there is none left.");

  DeviceCapabilities capabilities;
  capabilities.link_address = config.link_address;
  capabilities.mtu_bytes = std::clamp<uint32_t>(kernels->mtu_bytes(), 1, kInterfaceMtuMax);
  capabilities.burst_max = kInterfaceBurstMax;
  capabilities.finishes_checksums = config.offloads;
  // The kernel takes them as its own TCP does, whatever becomes of them behind the interface.
  capabilities.cut_text_bytes_max = config.offloads ? kCutTextBytesMax : 0;
  capabilities.cut_pieces_max = kGatherMax - 1;
  capabilities.wakeup_fd = wakeup->get();
  return {std::unique_ptr<Tap>(new Tap(capabilities, std::move(fd), std::move(*wakeup), memory)), Errno::kOk, ""};
}

Tap::Tap(const DeviceCapabilities& capabilities, FileDescriptor fd, WakeupFd wakeup, Memory& memory)
    : Device(capabilities), fd_(std::move(fd)), wakeup_(std::move(wakeup)), memory_(memory), spill_(kLargestRoomBytes) {
  look_at_link(Instant());
}

// --- the link ---

void Tap::set_gone() {
  state_ = LinkState::kGone;
  // It would be in error for ever.
  wakeup_.silence();
}

// The descriptor knows, wherever the interface has been moved to: it can be written when the interface is up, and has an error when it is gone.
void Tap::look_at_link(Instant now) {
  look_due_ = now + Duration::milliseconds(kLinkLookMs);
  pollfd look{fd_.get(), POLLOUT, 0};
  if (state_ == LinkState::kGone || ::poll(&look, 1, 0) < 0) return;
  if ((look.revents & POLLERR) != 0) return set_gone();
  state_ = (look.revents & POLLOUT) != 0 ? LinkState::kUp : LinkState::kDown;
}

// --- out ---

size_t Tap::transmit(std::span<Frame> frames, Instant) {
  const size_t count = std::min<size_t>(frames.size(), capabilities_.burst_max);
  // Of a link that is down, the first frame of each burst finds out whether it still is.
  bool is_down = state_ == LinkState::kGone;
  for (size_t i = 0; i < count; ++i) {
    Frame& frame = frames[i];
    DEMI_ASSERT(!frame.empty(), "an empty frame cannot be sent");
    DEMI_ASSERT(frame.checksum_start == 0 || capabilities_.finishes_checksums, "a checksum is left to a device that does not finish it");
    if (!capabilities_.allows_length_of(frame)) {
      ++counters_.malformed;
    } else if (is_down) {
      ++counters_.link_down;
    } else if (send(frame) == Fate::kLater) {
      return i;
    } else {
      is_down = state_ != LinkState::kUp;
    }
    frame.clear();
  }
  return count;
}

Tap::Fate Tap::send(const Frame& frame) {
  VirtioNetHeader header = VirtioNetHeader::of(frame);
  std::array<iovec, 1 + kGatherMax> pieces;
  pieces[0] = {&header, sizeof header};
  size_t count = gather(frame, std::span(pieces).subspan(1));
  Frame whole;
  if (count == 0) {
    whole = frame.copied_into(memory_);
    if (whole.empty()) {
      ++counters_.not_gathered;
      return Fate::kLost;
    }
    count = gather(whole, std::span(pieces).subspan(1));
  }
  if (::writev(fd_.get(), pieces.data(), static_cast<int>(1 + count)) < 0) return send_failed();
  state_ = LinkState::kUp;
  ++counters_.transmitted;
  return Fate::kSent;
}

Tap::Fate Tap::send_failed() {
  switch (errno) {
    case EAGAIN:
    case EINTR:
      return Fate::kLater;
    case EIO:
      state_ = LinkState::kDown;
      ++counters_.link_down;
      return Fate::kLost;
    case EBADFD:
      set_gone();
      ++counters_.link_down;
      return Fate::kLost;
    default:
      ++counters_.refused;
      return Fate::kLost;
  }
}

// --- in ---

size_t Tap::receive(std::span<Frame> frames, Instant now) {
  const size_t wanted = std::min<size_t>(frames.size(), capabilities_.burst_max);
  size_t count = 0;
  bool any = true;
  Intake intake;
  // Without memory, as many as the queue of the interface holds are lost by one call, and not more.
  for (size_t tried = 0; any && count < wanted && tried < kTapQueueMax && state_ != LinkState::kGone; ++tried) {
    prepare(intake);
    any = read_into(intake, frames[count]);
    if (!frames[count].empty()) ++count;
  }
  may_have_more_ = wanted > 0 ? any && state_ != LinkState::kGone : may_have_more_;
  counters_.received += count;
  wakeup_.note_frames(count);
  if (count == 0 && now >= look_due_) look_at_link(now);
  return count;
}

// Rooms that the last frame did not use are there already.
void Tap::prepare(Intake& intake) {
  const size_t longest = capabilities_.finishes_checksums ? kLargestRoomBytes : capabilities_.frame_bytes_max();
  const std::array<size_t, 3> wanted = {kRoomBytes[0], capabilities_.frame_bytes_max(), longest};
  intake.capacity = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    BufferRef& room = intake.rooms[i];
    if (wanted[i] > intake.capacity && !room) room = memory_.allocate_room(wanted[i]);
    // One that is no larger than the one before, which may stand in for a smaller one, is of no use.
    if (room && room->payload_capacity() <= intake.capacity) room.reset();
    if (room) intake.capacity = room->payload_capacity();
  }
}

Frame Tap::taken_from(Intake& intake, uint32_t bytes) {
  size_t last = 0;
  while (!intake.rooms[last] || intake.rooms[last]->payload_capacity() < bytes) ++last;
  BufferRef room = std::move(intake.rooms[last]);
  // What went into the smaller rooms belongs in front; they are for the next frame.
  size_t from = 0;
  for (const BufferRef& smaller : std::span(intake.rooms).first(last)) {
    if (!smaller) continue;
    std::memcpy(room->payload() + from, smaller->payload() + from, smaller->payload_capacity() - from);
    from = smaller->payload_capacity();
  }
  const uint32_t first = room->headroom;
  return Frame(std::move(room), first, bytes);
}

bool Tap::read_into(Intake& intake, Frame& frame) {
  VirtioNetHeader header;
  std::array<iovec, 5> pieces;
  pieces[0] = {&header, sizeof header};
  int count = 1;
  size_t begin = 0;
  for (const BufferRef& room : intake.rooms) {
    if (!room) continue;
    pieces[count++] = {room->payload() + begin, room->payload_capacity() - begin};
    begin = room->payload_capacity();
  }
  pieces[count++] = {spill_.data(), spill_.size()};
  const ssize_t got = ::readv(fd_.get(), pieces.data(), count);
  if (got < 0) {
    if (errno == EBADFD) set_gone();
    return false;
  }
  const size_t bytes = static_cast<size_t>(got) - std::min(sizeof header, static_cast<size_t>(got));
  if (bytes < EthernetView::kBytes || !header.is_one_packet()) {
    ++counters_.unusable;
  } else if (bytes > intake.capacity) {
    ++counters_.no_memory;
  } else {
    frame = taken_from(intake, static_cast<uint32_t>(bytes));
    frame.verdict = header.verdict();
  }
  return true;
}

}  // namespace demi

#endif  // __linux__
