#include "virtual_host.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/assert.h"
#include "file.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"

namespace demi {

namespace {
// Where the clock begins: not at zero, which is no time of day, and a round number in what a tool prints.
constexpr Instant kBeginning = Instant::from_nanoseconds(1'000'000'000'000);
constexpr Duration kTick = Duration::microseconds(1);
// What the tool calls the other side of the link is in 192.0.2.0/24, and we in 192.168.0.0/16: one network holds both.
constexpr IpAddress kDefaultAddress = IpAddress::ipv4(192, 168, 0, 1);
constexpr IpAddress kGateway = IpAddress::ipv4(192, 0, 2, 1);
constexpr MacAddress kGatewayMac{{0x02, 0, 0, 0, 0, 2}};
// A stack that has timers due at one and the same time again and again would never let time go on.
constexpr int kStepsAtOnceMax = 10'000;
}  // namespace

// --- calls ---

Call::Call(VirtualHost& host, bool changes_nothing) : host_(host), changes_nothing_(changes_nothing), lock_(host.mutex_) {}
Call::~Call() { host_.end(*this); }

void VirtualHost::end(Call& call) {
  if (!call.changes_nothing_) ++changes_;
  settle();
  if (is_first_thread()) {
    await_others(call);
  } else if (!call.changes_nothing_) {
    other_ended_ = now_;
  }
  // Whoever waited and has ended is no longer waited for.
  seen_.notify_all();
}

// --- the stack ---

VirtualHost::VirtualHost(const Settings& settings) : settings_(settings), first_thread_(std::this_thread::get_id()), now_(kBeginning) {}

VirtualHost::~VirtualHost() = default;

Stack& VirtualHost::need_stack(const IpAddress& address) {
  if (stack_) return *stack_;
  StackConfig config = settings_.stack;
  address_ = address.is_unspecified() ? kDefaultAddress : address;
  // Everybody is reached by one neighbor, whose MAC address is known: there is no Ethernet here, and nobody to be asked. A network of /8 holds both
  // sides if the tool chose the addresses that it always does; others are reached over a link that only the gateway is on.
  const bool is_usual = Cidr(kGateway, 8).contains(address_);
  config.addresses = {Cidr(address_, is_usual ? 8 : 32)};
  if (!is_usual) config.addresses.push_back(Cidr(IpAddress::ipv4(192, 0, 2, 2), 30));
  config.routes = {{Cidr(IpAddress::ipv4(0, 0, 0, 0), 1), kGateway}, {Cidr(IpAddress::ipv4(128, 0, 0, 0), 1), kGateway}};
  if (is_usual) {
    config.routes.push_back({Cidr(IpAddress::ipv4(192, 0, 0, 0), 9), kGateway});
    config.routes.push_back({Cidr(IpAddress::ipv4(192, 128, 0, 0), 9), kGateway});
  }
  config.neighbors = {{kGateway, kGatewayMac}};
  const std::string problem = problem_with(config);
  if (!problem.empty()) {
    std::fprintf(stderr, "demi_packetdrill: %s\n", problem.c_str());
    std::fflush(nullptr);
    _exit(EXIT_FAILURE);
  }
  stack_ = std::make_unique<Stack>(config, memory_, now_);
  for (File* file : files_) file->attach();
  return *stack_;
}

InetEndpoint VirtualHost::with_address(const InetEndpoint& local) const {
  return {local.address.is_unspecified() ? address_ : local.address, local.port};
}

// --- the wire ---

void VirtualHost::inject(Bytes packet) {
  const Parsed<Ipv4View> ip = Ipv4View::parse(packet);
  // Without a destination there is nobody for whom it could be wrong.
  if (!ip && !stack_) return;
  if (!stack_) need_stack(ip->destination());
  BufferRef room = memory_.allocate_room(EthernetView::kBytes + packet.size());
  if (!room) return;
  const uint32_t first = room->headroom;
  Frame frame(std::move(room), first, static_cast<uint32_t>(EthernetView::kBytes + packet.size()));
  EthernetHeader{settings_.stack.mac, kGatewayMac, EtherType::kIPv4, false, 0}.emit(frame.writable_head());
  std::copy(packet.begin(), packet.end(), frame.writable_head().begin() + EthernetView::kBytes);
  stack_->handle_frames({&frame, 1}, now_);
  ++changes_;
}

void VirtualHost::take_frame(const Frame& frame) {
  Packet packet{now_, std::vector<uint8_t>(frame.bytes())};
  frame.copy_out(packet.octets);
  const Parsed<EthernetView> ethernet = EthernetView::parse(packet.octets);
  DEMI_ASSERT(ethernet.ok(), "a frame of ours is no frame");
  if (ethernet->ether_type() != EtherType::kIPv4) return;
  packet.octets.erase(packet.octets.begin(), packet.octets.begin() + EthernetView::kBytes);
  packets_.push_back(std::move(packet));
}

VirtualHost::Packet VirtualHost::next_packet(Call& call) {
  settle();
  await_others(call);
  const Instant bound = now_ + settings_.deadline;
  while (packets_.empty()) {
    const Instant due = next_due();
    if (due > bound) {
      advance_to(call, bound);
      if (packets_.empty()) give_up("packet");
      break;
    }
    advance_to(call, due);
  }
  Packet packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

void VirtualHost::give_up(const char* what) {
  const double seconds = static_cast<double>(settings_.deadline.count_nanoseconds()) / 1e9;
  std::fprintf(stderr, "demi_packetdrill: no %s within %g virtual seconds\n", what, seconds);
  std::fflush(nullptr);
  // Other threads may be in the middle of a call: nothing is torn down under them.
  _exit(EXIT_FAILURE);
}

// --- what happens ---

bool VirtualHost::drain() {
  bool any = false;
  for (Frame frame = stack_->poll_transmit(now_); !frame.empty(); frame = stack_->poll_transmit(now_)) {
    take_frame(frame);
    any = true;
  }
  return any;
}

bool VirtualHost::tell_files() {
  bool any = false;
  for (SocketEvent event; stack_->poll_event(event); any = true) {
    for (File* file : files_) file->handle_event(event);
  }
  return any;
}

void VirtualHost::settle() {
  if (!stack_) return;
  bool any = false;
  int steps = 0;
  do {
    any |= drain();
    any |= tell_files();
    if (stack_->poll_timeout() > now_) break;
    stack_->handle_timeout(now_);
    DEMI_ASSERT(++steps < kStepsAtOnceMax, "a timer that is always due");
  } while (true);
  if (any) ++changes_;
  if (!waiters_.empty()) changed_.notify_all();
}

Instant VirtualHost::next_due() const {
  Instant due = stack_ ? stack_->poll_timeout() : Instant::never();
  for (const Waiter* waiter : waiters_) due = std::min(due, waiter->deadline);
  return std::max(due, now_);
}

void VirtualHost::step_timers() {
  ++changes_;
  if (stack_ && stack_->poll_timeout() <= now_) stack_->handle_timeout(now_);
  settle();
  changed_.notify_all();
}

// Up to `time`, with every timer on the way.
void VirtualHost::advance_to(Call& call, Instant time) {
  DEMI_ASSERT(is_first_thread(), "time goes on in the first thread only");
  await_others(call);
  for (Instant due = next_due(); due <= time; due = next_due()) {
    now_ = due;
    step_timers();
    await_others(call);
  }
  now_ = std::max(now_, time);
}

void VirtualHost::sleep(Call& call, Duration length) {
  const Instant until = now_ + std::max(length, kTick);
  if (is_first_thread()) return advance_to(call, until);
  call.wait(until, [] { return false; });
}

Instant VirtualHost::look_at_clock(Call& call) {
  if (is_first_thread()) {
    advance_to(call, now_ + kTick);
    return now_;
  }
  const Instant ended = std::exchange(other_ended_, Instant::never());
  return ended.is_never() ? now_ : ended;
}

// --- those who wait ---

void VirtualHost::await_others(Call& call) {
  const auto have_seen = [this] {
    return std::all_of(waiters_.begin(), waiters_.end(), [this](const Waiter* waiter) { return waiter->seen == changes_; });
  };
  if (waiters_.empty()) return;
  changed_.notify_all();
  seen_.wait(call.lock_, have_seen);
}

void VirtualHost::sleep_until_changed(Call& call, Waiter& waiter) {
  waiter.seen = changes_;
  seen_.notify_all();
  changed_.wait(call.lock_, [&] { return changes_ != waiter.seen; });
}

}  // namespace demi
