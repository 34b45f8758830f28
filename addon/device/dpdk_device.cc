#include "device/dpdk_device.h"

#ifdef __linux__

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace demi {

namespace {
// Nobody says when frames come, so a thread that sleeps looks now and then: the later, the longer nothing has come.
constexpr Duration kShortestNap = Duration::microseconds(50);
constexpr Duration kLongestNap = Duration::milliseconds(1);
// While the link is down. A peer that is just starting is not kept waiting.
constexpr int64_t kBrokenLinkLookMs = 1;
// A network card takes some seconds to agree with its switch.
constexpr Duration kSettleTime = Duration::seconds(5);
// What a port has not taken for so long is lost: to offer it again keeps a thread awake.
constexpr Duration kStuckTime = Duration::milliseconds(100);
// More than what stacks send before they have heard of anybody.
constexpr size_t kHeldMax = 64;
}  // namespace

Made<DpdkDevice> DpdkDevice::open(const demi_dpdk_plugin& plugin, std::shared_ptr<EalMappings> mappings, const DpdkDeviceConfig& config, Memory& memory) {
  demi_dpdk_queue_config wanted{};
  wanted.port = config.port.c_str();
  wanted.queues = config.queues;
  wanted.queue = config.queue;
  wanted.mtu = config.mtu_bytes;
  std::copy(config.link_address.octets.begin(), config.link_address.octets.end(), wanted.mac);
  wanted.rooms = config.rooms;
  wanted.window_bytes_max = kWindowBytes;
  DpdkQueue::Opened opened = DpdkQueue::open(plugin, std::move(mappings), wanted);
  if (opened.queue == nullptr) return {nullptr, opened.error, std::move(opened.problem)};

  const demi_dpdk_port_info& info = opened.queue->info();
  DeviceCapabilities capabilities;
  capabilities.link_address = config.link_address;
  if (capabilities.link_address == MacAddress()) std::copy(std::begin(info.mac), std::end(info.mac), capabilities.link_address.octets.begin());
  if (capabilities.link_address == MacAddress()) capabilities.link_address = config.fallback_address;
  capabilities.mtu_bytes = info.mtu;
  capabilities.burst_max = kBurst;
  capabilities.finishes_checksums = info.finishes_checksums != 0;
  capabilities.cut_text_bytes_max = info.cuts_segments != 0 ? kCutTextBytesMax : 0;
  capabilities.cut_pieces_max = kPiecesPerFrame - 1;
  std::optional<NetworkInterface> interface;
  if (info.interface_index != 0) {
    Result<NetworkInterface> found = NetworkInterface::find(info.interface_index);
    if (!found.ok()) {
      return {nullptr, found.error(), "The interface that the port '" + std::string(info.name) + "' lies on is not there any more: start the process anew when it is back."};
    }
    interface.emplace(std::move(*found));
  }
  FileDescriptor alarm(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!alarm) return {nullptr, static_cast<Errno>(errno), std::string("The kernel makes no timer for a port of DPDK: ") + std::strerror(errno) + "."};
  capabilities.wakeup_fd = alarm.get();
  capabilities.must_be_asked = true;
  capabilities.share = {.queues = config.queues, .queue = config.queue, .entries = info.steering_entries};
  std::shared_ptr<RoomPool> rooms = RoomPool::make(opened.queue, memory);
  if (rooms == nullptr) return {nullptr, Errno::kENOMEM, "The rooms of a port of DPDK are more windows than a libOS may have: lower dpdk.mbufs."};
  return {std::unique_ptr<DpdkDevice>(new DpdkDevice(capabilities, std::move(opened.queue), std::move(rooms), std::move(alarm), std::move(interface), memory)), Errno::kOk, ""};
}

DpdkDevice::DpdkDevice(const DeviceCapabilities& capabilities, std::shared_ptr<DpdkQueue> queue, std::shared_ptr<RoomPool> rooms, FileDescriptor alarm,
                       std::optional<NetworkInterface> interface, Memory& memory)
    : Device(capabilities),
      queue_(std::move(queue)),
      rooms_(std::move(rooms)),
      alarm_(std::move(alarm)),
      interface_(std::move(interface)),
      memory_(memory),
      scarce_(rooms_->rooms() / 2),
      nap_(kShortestNap) {}

// --- the link, and sleep ---

LinkState DpdkDevice::found_link(Instant now) {
  const int port = queue_->plugin().tend_link(queue_->get(), now.nanoseconds());
  // Drivers that send by the kernel lose in silence what has no interface any more.
  const LinkState interface = interface_ ? interface_->state() : LinkState::kUp;
  if (port == DEMI_DPDK_LINK_GONE || interface == LinkState::kGone) return LinkState::kGone;
  return port == DEMI_DPDK_LINK_DOWN ? LinkState::kDown : interface;
}

void DpdkDevice::look_at_link(Instant now) {
  if (state_ == LinkState::kGone) return;
  const LinkState found = found_link(now);
  look_due_ = now + Duration::milliseconds(found == LinkState::kUp ? kLinkLookMs : kBrokenLinkLookMs);
  if (is_settling_) {
    if (settles_until_ == Instant()) settles_until_ = now + kSettleTime;
    if (found == LinkState::kDown && now < settles_until_) return;
    is_settling_ = false;
    if (found == LinkState::kUp) {
      for (size_t done = 0, taken = 1; done < held_.size() && taken > 0; done += taken) taken = send(std::span(held_).subspan(done));
    }
    held_.clear();
  }
  state_ = found;
}

void DpdkDevice::hold(std::span<Frame> frames) {
  for (Frame& frame : frames) {
    if (held_.size() < kHeldMax) {
      held_.push_back(std::move(frame));
    } else {
      frame.clear();
      ++counters_.link_down;
    }
  }
}

void DpdkDevice::want_datagrams(uint16_t port, bool is_wanted) {
  queue_->plugin().want_datagrams(queue_->get(), port, is_wanted ? 1 : 0);
}

void DpdkDevice::prepare_to_sleep() {
  // A loop that wakes for other things does not put it off.
  if (armed_for_ == nap_ends_) return;
  armed_for_ = nap_ends_;
  const int64_t nanoseconds = std::max<int64_t>(nap_ends_.nanoseconds(), 1);
  const itimerspec once{{0, 0}, {static_cast<time_t>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000)}};
  ::timerfd_settime(alarm_.get(), TFD_TIMER_ABSTIME, &once, nullptr);
}

const DpdkDeviceCounters& DpdkDevice::counters() {
  queue_->plugin().counters(queue_->get(), &counters_.port);
  return counters_;
}

void DpdkDevice::list_counters(const DeviceCounterVisitor& visit) {
  const DpdkDeviceCounters& now = counters();
  visit("received", now.received);
  visit("transmitted", now.transmitted);
  visit("malformed", now.malformed);
  visit("not_gathered", now.not_gathered);
  visit("link_down", now.link_down);
  visit("stuck", now.stuck);
  visit("copied_small", now.copied_small);
  visit("copied_in", now.port.copied_in);
  visit("not_prepared", now.port.not_prepared);
  visit("no_room", now.port.no_room);
  visit("no_buffer", now.port.no_buffer);
  visit("receive_errors", now.port.receive_errors);
  visit("transmit_errors", now.port.transmit_errors);
  visit("link_restarts", now.port.link_restarts);
  visit("handed_over", now.port.handed_over);
  visit("taken_over", now.port.taken_over);
  visit("not_handed_over", now.port.not_handed_over);
}

// --- out ---

size_t DpdkDevice::transmit(std::span<Frame> frames, Instant now) {
  const size_t count = std::min(frames.size(), kBurst);
  if (is_settling_) [[unlikely]] {
    look_at_link(now);
    if (is_settling_) {
      hold(frames.first(count));
      return count;
    }
  }
  if (state_ != LinkState::kUp) {
    for (size_t i = 0; i < count; ++i) frames[i].clear();
    counters_.link_down += count;
    return count;
  }
  const size_t taken = send(frames.first(count));
  if (taken > 0 || count == 0) [[likely]] {
    stuck_since_ = Instant::never();
    return taken;
  }
  look_at_link(now);
  stuck_since_ = std::min(stuck_since_, now);
  if (now - stuck_since_ < kStuckTime) return 0;
  // Nobody reads at the other end any more.
  for (Frame& frame : frames.first(count)) frame.clear();
  counters_.stuck += count;
  return count;
}

size_t DpdkDevice::send(std::span<Frame> frames) {
  const size_t count = std::min(frames.size(), kBurst);
  std::array<Fate, kBurst> fates;
  std::array<uint8_t, kBurst> frame_of;
  size_t packets = 0;
  for (size_t i = 0; i < count; ++i) {
    fates[i] = prepare(frames[i], packets);
    if (fates[i] == Fate::kToSend) frame_of[packets++] = static_cast<uint8_t>(i);
  }
  const size_t sent = packets == 0 ? 0 : queue_->plugin().transmit(queue_->get(), packets_.data(), static_cast<uint32_t>(packets));
  counters_.transmitted += sent;
  // What cannot be sent is taken in its turn, too.
  const size_t taken = sent < packets ? frame_of[sent] : count;
  for (size_t i = 0; i < taken; ++i) {
    if (fates[i] == Fate::kMalformed) ++counters_.malformed;
    if (fates[i] == Fate::kNotGathered) ++counters_.not_gathered;
    frames[i].clear();
  }
  return taken;
}

DpdkDevice::Fate DpdkDevice::prepare(Frame& frame, size_t packet) {
  DEMI_ASSERT(!frame.empty(), "an empty frame cannot be sent");
  if (!capabilities_.allows_length_of(frame)) return Fate::kMalformed;
  if (1 + frame.payload.count() > kPiecesPerFrame) {
    // The same frame for whoever has it in the end.
    Frame whole = frame.copied_into(memory_);
    if (whole.empty()) return Fate::kNotGathered;
    frame = std::move(whole);
  }
  packets_[packet] = {static_cast<uint32_t>(gather(frame, packet)), pieces_[packet].data(), frame.checksum_start, frame.checksum_offset,
                      frame.segment_bytes};
  return Fate::kToSend;
}

// The device holds a reference to each piece that it reads later.
size_t DpdkDevice::gather(const Frame& frame, size_t packet) {
  auto& pieces = pieces_[packet];
  const Bytes head = frame.head_bytes();
  pieces[0] = {head.data(), static_cast<uint32_t>(head.size()), nullptr};
  const bool is_copied = frame.payload.bytes() <= DEMI_DPDK_COPIED_BYTES;
  size_t count = 1;
  for (const Segment& segment : frame.payload) {
    if (!is_copied) add_reference(*segment.buffer);
    pieces[count++] = {segment.data(), segment.length, is_copied ? nullptr : segment.buffer};
  }
  return count;
}

// --- in ---

size_t DpdkDevice::receive(std::span<Frame> frames, Instant now) {
  std::array<demi_dpdk_received, kBurst> received;
  const uint32_t came = queue_->plugin().receive(queue_->get(), received.data(), static_cast<uint32_t>(std::min(frames.size(), kBurst)));
  size_t count = 0;
  for (uint32_t i = 0; i < came; ++i) {
    frames[count] = take(received[i]);
    if (!frames[count].empty()) ++count;
  }
  if (came > 0) {
    counters_.received += came;
    nap_ = kShortestNap;
    nap_ends_ = now + nap_;
  } else if (now >= nap_ends_) {
    // Who was awake all the time has not slept for nothing.
    if (armed_for_ == nap_ends_) nap_ = std::min(nap_ * 2, kLongestNap);
    nap_ends_ = now + nap_;
  }
  if (came == 0 && now >= look_due_) look_at_link(now);
  return count;
}

Frame DpdkDevice::take(const demi_dpdk_received& received) {
  Frame frame(BufferRef::adopt(rooms_->take(received.note)), received.offset, received.length);
  frame.verdict = static_cast<ChecksumVerdict>(received.verdict);
  // Who holds many small messages must not keep a device from receiving.
  if (rooms_->outstanding() > scarce_ && received.length <= kRoomBytes[0]) [[unlikely]] {
    Frame copy = frame.copied_into(memory_);
    if (!copy.empty()) {
      ++counters_.copied_small;
      copy.verdict = frame.verdict;
      return copy;
    }
  }
  return frame;
}

static_assert(static_cast<int>(ChecksumVerdict::kUnknown) == DEMI_DPDK_UNKNOWN && static_cast<int>(ChecksumVerdict::kGood) == DEMI_DPDK_GOOD &&
              static_cast<int>(ChecksumVerdict::kBad) == DEMI_DPDK_BAD);

}  // namespace demi

#endif  // __linux__
