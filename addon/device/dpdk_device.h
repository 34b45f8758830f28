// DpdkDevice: one queue of a port of DPDK. What is received lies where the device has put it, in a room that the libOS hands on; what is sent is attached
// to the packet where it lies, or copied if it is short. Read dpdk/dpdk_plugin.h and dpdk_queue.h first.
#pragma once

#ifdef __linux__

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/device.h"
#include "device/dpdk_queue.h"
#include "device/file_descriptor.h"
#include "device/network_interface.h"

namespace demi {

struct DpdkDeviceConfig {
  // See demi_dpdk_queue_config.
  std::string port = "0";
  uint16_t queues = 1;
  uint16_t queue = 0;
  uint16_t mtu_bytes = 0;
  MacAddress link_address{};
  // Of a port that has none, as one of rings.
  MacAddress fallback_address{};
  uint32_t rooms = 4096;
};

struct DpdkDeviceCounters {
  uint64_t received = 0;
  uint64_t transmitted = 0;
  uint64_t malformed = 0;     // not sent: shorter or longer than a frame may be
  uint64_t not_gathered = 0;  // not sent: in too many pieces, and no memory for one
  uint64_t link_down = 0;     // not sent: the link is not up
  uint64_t stuck = 0;         // not sent: the port has not taken anything for long
  uint64_t copied_small = 0;  // received into other memory, because rooms were scarce
  demi_dpdk_counters port{};
};

class DpdkDevice final : public Device {
 public:
  // EAL runs. The windows of `memory` come from `mappings`.
  static Made<DpdkDevice> open(const demi_dpdk_plugin& plugin, std::shared_ptr<EalMappings> mappings, const DpdkDeviceConfig& config, Memory& memory);

  size_t transmit(std::span<Frame> frames, Instant now) override;
  size_t receive(std::span<Frame> frames, Instant now) override;
  Instant next_deadline() const override { return Instant::never(); }
  LinkState link_state() const override { return state_; }
  void want_datagrams(uint16_t port, bool is_wanted) override;
  void prepare_to_sleep() override;
  void list_counters(const DeviceCounterVisitor& visit) override;

  const DpdkDeviceCounters& counters();

 private:
  static constexpr size_t kBurst = DEMI_DPDK_BURST_MAX;
  static constexpr size_t kPiecesPerFrame = 8;

  DpdkDevice(const DeviceCapabilities& capabilities, std::shared_ptr<DpdkQueue> queue, std::shared_ptr<RoomPool> rooms, FileDescriptor alarm,
             std::optional<NetworkInterface> interface, Memory& memory);
  enum class Fate : uint8_t { kToSend, kMalformed, kNotGathered };
  Fate prepare(Frame& frame, size_t packet);
  size_t gather(const Frame& frame, size_t packet);
  Frame take(const demi_dpdk_received& received);
  size_t send(std::span<Frame> frames);
  void hold(std::span<Frame> frames);
  void look_at_link(Instant now);
  LinkState found_link(Instant now);

  const std::shared_ptr<DpdkQueue> queue_;
  const std::shared_ptr<RoomPool> rooms_;
  const FileDescriptor alarm_;   // a timer: nobody tells when frames come
  const std::optional<NetworkInterface> interface_;  // that the port lies on
  Memory& memory_;
  const size_t scarce_;          // so many rooms in use, and small frames are copied
  LinkState state_ = LinkState::kUp;
  Instant look_due_;
  Instant stuck_since_ = Instant::never();
  // A link that has just been started comes up in its own time: until then it counts as up, and what was sent first waits here.
  bool is_settling_ = true;
  Instant settles_until_;
  std::vector<Frame> held_;
  // A thread that has nothing else to do sleeps until then.
  Duration nap_;
  Instant nap_ends_;
  Instant armed_for_ = Instant::never();
  DpdkDeviceCounters counters_;
  std::array<demi_dpdk_packet, kBurst> packets_;
  std::array<std::array<demi_dpdk_piece, kPiecesPerFrame>, kBurst> pieces_;
};

}  // namespace demi

#endif  // __linux__
