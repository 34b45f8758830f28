// WireHub: an Ethernet switch in memory, and WireHubPort: a device that is plugged into it. Stacks of one thread reach each other by it,
// each with its own memory: a frame is copied when it goes from one to the other, so nothing of the sender is held up by the receiver.
//
// The hub learns the address of a port from the frames that it sends. A frame to an address that was learned goes to that port; to a
// group, or to an address that nobody has used, it goes to all others.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ring_queue.h"
#include "base/result.h"
#include "device/device.h"
#include "memory/memory.h"

namespace demi {

class WireHubPort;

struct WireHubConfig {
  // At most kHubMtuMax.
  uint32_t mtu_bytes = 1500;
  // Frames that may wait at a port to be received. One that finds it full is lost.
  uint32_t queue_frames = 1024;
  // Checksums are left unfinished, and the receiver is told that they are good: no wire is there that could damage them.
  bool finishes_checksums = false;
};

class WireHub {
 public:
  explicit WireHub(const WireHubConfig& config = {});
  // All ports have left by then: each keeps its hub.
  ~WireHub();
  WireHub(const WireHub&) = delete;
  WireHub& operator=(const WireHub&) = delete;

  const WireHubConfig& config() const { return config_; }
  size_t ports() const { return ports_.size(); }
  // Addresses that were learned; at most kHubAddressesMax, and frames to any other go to all ports.
  size_t addresses() const { return stations_.size(); }

 private:
  friend class WireHubPort;
  void forward(WireHubPort& from, const Frame& frame);
  void learn(const MacAddress& source, WireHubPort& at);
  void leave(WireHubPort& port);

  const WireHubConfig config_;
  std::vector<WireHubPort*> ports_;
  // By the address as a number.
  std::unordered_map<uint64_t, WireHubPort*> stations_;
};

// Frames that a port has sent and received, and those that were lost: on their way out of it, or on their way in.
struct WireHubPortCounters {
  uint64_t transmitted = 0;
  uint64_t received = 0;
  // Out: shorter than an Ethernet header or longer than the MTU allows; to an address that is behind this very port.
  uint64_t malformed = 0;
  uint64_t to_itself = 0;
  // In: as many waited as may; the memory had no room.
  uint64_t queue_full = 0;
  uint64_t no_memory = 0;
};

class WireHubPort final : public Device {
 public:
  // `memory` takes what arrives, and outlives the port. EINVAL when no station can have the address, EADDRINUSE when another port has
  // it, EMFILE when there are kHubPortsMax.
  static Result<std::unique_ptr<WireHubPort>> attach(std::shared_ptr<WireHub> hub, const MacAddress& address, Memory& memory);
  // What waits here is lost.
  ~WireHubPort() override;

  size_t transmit(std::span<Frame> frames, Instant now) override;
  size_t receive(std::span<Frame> frames, Instant now) override;
  Instant next_deadline() const override { return queue_.empty() ? Instant::never() : Instant(); }

  const WireHubPortCounters& counters() const { return counters_; }

 private:
  friend class WireHub;
  WireHubPort(std::shared_ptr<WireHub> hub, const MacAddress& address, Memory& memory);
  void arrive(const Frame& frame);

  std::shared_ptr<WireHub> hub_;
  Memory& memory_;
  RingQueue<Frame> queue_;
  WireHubPortCounters counters_;
};

// The hubs of one environment by name. A name lasts as long as its hub has ports.
class WireHubNames {
 public:
  // The hub of this name; if there is none, a new one. Only who makes it decides its configuration.
  std::shared_ptr<WireHub> open(std::string_view name, const WireHubConfig& config = {});
  // Names that are remembered; those whose hubs are gone are forgotten with the next one that is opened.
  size_t size() const { return hubs_.size(); }

 private:
  std::unordered_map<std::string, std::weak_ptr<WireHub>> hubs_;
};

}  // namespace demi
