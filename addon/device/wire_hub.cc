#include "device/wire_hub.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace demi {

static_assert(kHubMtuMax + EthernetView::kBytes + EthernetView::kTagBytes <= kLargestRoomBytes, "a frame is copied into one room");

static uint64_t as_number(const MacAddress& address) {
  uint64_t number = 0;
  for (uint8_t octet : address.octets) number = number << 8 | octet;
  return number;
}

WireHub::WireHub(const WireHubConfig& config) : config_(config) {
  DEMI_ASSERT(config.mtu_bytes > 0 && config.mtu_bytes <= kHubMtuMax, "an MTU out of bounds");
  DEMI_ASSERT(config.queue_frames > 0, "a port without a queue receives nothing");
}

WireHub::~WireHub() { DEMI_ASSERT(ports_.empty(), "a hub ended before its ports"); }

void WireHub::leave(WireHubPort& port) {
  std::erase(ports_, &port);
  std::erase_if(stations_, [&port](const auto& station) { return station.second == &port; });
}

// A station that has moved is where it was heard last. Nobody can be reached at the address of a group, whoever says so.
void WireHub::learn(const MacAddress& source, WireHubPort& at) {
  const uint64_t number = as_number(source);
  if (source.is_group() || number == 0) return;
  const auto found = stations_.find(number);
  if (found != stations_.end()) {
    found->second = &at;
  } else if (stations_.size() < kHubAddressesMax) {
    stations_.emplace(number, &at);
  }
}

void WireHub::forward(WireHubPort& from, const Frame& frame) {
  const Parsed<EthernetView> ethernet = EthernetView::parse(frame.head_bytes());
  if (!ethernet || !from.capabilities().allows_length_of(frame)) {
    ++from.counters_.malformed;
    return;
  }
  learn(ethernet->source(), from);
  const MacAddress destination = ethernet->destination();
  const auto found = destination.is_group() ? stations_.end() : stations_.find(as_number(destination));
  if (found == stations_.end()) {
    for (WireHubPort* port : ports_) {
      if (port != &from) port->arrive(frame);
    }
  } else if (found->second != &from) {
    found->second->arrive(frame);
  } else {
    ++from.counters_.to_itself;
  }
}

Result<std::unique_ptr<WireHubPort>> WireHubPort::attach(std::shared_ptr<WireHub> hub, const MacAddress& address, Memory& memory) {
  if (!address.is_unicast()) return Errno::kEINVAL;
  if (hub->ports_.size() == kHubPortsMax) return Errno::kEMFILE;
  for (const WireHubPort* other : hub->ports_) {
    if (other->capabilities().link_address == address) return Errno::kEADDRINUSE;
  }
  return std::unique_ptr<WireHubPort>(new WireHubPort(std::move(hub), address, memory));
}

WireHubPort::WireHubPort(std::shared_ptr<WireHub> hub, const MacAddress& address, Memory& memory)
    : Device({.link_address = address,
              .mtu_bytes = hub->config().mtu_bytes,
              .burst_max = kHubBurstMax,
              .finishes_checksums = hub->config().finishes_checksums}),
      hub_(std::move(hub)),
      memory_(memory) {
  hub_->ports_.push_back(this);
}

WireHubPort::~WireHubPort() { hub_->leave(*this); }

size_t WireHubPort::transmit(std::span<Frame> frames, Instant) {
  const size_t count = std::min<size_t>(frames.size(), capabilities_.burst_max);
  for (Frame& frame : frames.first(count)) {
    DEMI_ASSERT(!frame.empty(), "an empty frame cannot be sent");
    DEMI_ASSERT(frame.checksum_start == 0 || capabilities_.finishes_checksums, "a checksum is left to a device that does not finish it");
    hub_->forward(*this, frame);
    frame.clear();
  }
  counters_.transmitted += count;
  return count;
}

void WireHubPort::arrive(const Frame& frame) {
  if (queue_.size() >= hub_->config().queue_frames) {
    ++counters_.queue_full;
    return;
  }
  Frame copy = frame.copied_into(memory_);
  if (copy.empty()) {
    ++counters_.no_memory;
    return;
  }
  copy.verdict = frame.checksum_start != 0 ? ChecksumVerdict::kGood : ChecksumVerdict::kUnknown;
  copy.checksum_start = copy.checksum_offset = 0;
  queue_.push_back(std::move(copy));
}

size_t WireHubPort::receive(std::span<Frame> frames, Instant) {
  const size_t count = std::min({frames.size(), queue_.size(), size_t{capabilities_.burst_max}});
  for (Frame& frame : frames.first(count)) frame = queue_.pop_front();
  counters_.received += count;
  return count;
}

std::shared_ptr<WireHub> WireHubNames::open(std::string_view name, const WireHubConfig& config) {
  std::erase_if(hubs_, [](const auto& named) { return named.second.expired(); });
  std::weak_ptr<WireHub>& entry = hubs_[std::string(name)];
  std::shared_ptr<WireHub> hub = entry.lock();
  if (hub == nullptr) entry = hub = std::make_shared<WireHub>(config);
  return hub;
}

}  // namespace demi
