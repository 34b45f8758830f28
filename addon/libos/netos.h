// Netos: the libOS of our own TCP/IP: a stack (inet/stack.h) on a device (device/device.h). catpowder and catnip are this with different
// devices. Read libos.h first, then netos_socket.h.
//
// A turn: frames come in, the stack's events wake the operations that wait for them, these run, and what they have caused goes out, so that
// an acknowledgment rides on the data that answers it. A call of the user only takes note: its frames leave when the next turn begins, or as soon as a
// burst of calls has come together.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "inet/stack.h"
#include "libos/libos.h"

namespace demi {

class NetosSocket;

class Netos final : public LibOS {
 public:
  // `device` was made with the memory of `settings`. What the device decides about the link (address, MTU, checksums) overrides `stack`;
  // apart from that problem_with(stack) is empty.
  Netos(const char* name, const LibOSSettings& settings, std::unique_ptr<Device> device, const StackConfig& stack);
  ~Netos() override;

  const char* name() const override { return name_; }
  // ENOTSUP for another family than IPv4, or a protocol that is not that of the type.
  Result<std::unique_ptr<Queue>> make_socket(Family family, int type, int protocol) override;
  bool poll_backend(Instant now) override;
  bool flush_backend(Instant now) override;
  Instant backend_deadline() override;
  // A device without a wake-up fd gets its frames from this very thread.
  bool has_outside_world() const override { return wakeup_fd() >= 0; }
  bool is_worth_spinning() const override { return true; }
  int wakeup_fd() const override { return device_->capabilities().wakeup_fd; }
  bool must_be_asked() const override { return device_->capabilities().must_be_asked; }
  FlowShare flow_share() const override { return device_->capabilities().share; }
  void prepare_to_sleep() override { device_->prepare_to_sleep(); }
  void abandon_deliveries() override;
  void list_counters(const CounterVisitor& visit) const override;

  // --- for its sockets ---
  Stack& stack() { return stack_; }
  // ENETDOWN: what is sent to that address is lost, for the link is down. What goes to an address of our own never sees the link.
  Errno check_link(const IpAddress& remote) const;
  // The interface does not come back: nothing will ever arrive from outside.
  bool network_is_gone() const { return link_ == LinkState::kGone; }
  // A socket has that UDP port, or has left it.
  void follow_datagram_port(uint16_t port);
  // The socket hears of the events of `handle` from now on, until forget().
  void expect(SocketHandle handle, NetosSocket& socket);
  void forget(SocketHandle handle);
  // The connection of `handle` is done with: it is closed, and stops to count against the limit when all that was sent is delivered.
  void close_counted(SocketHandle handle);

 private:
  // Bursts that one turn takes in, and sends, at most: the operations have their turn, too.
  static constexpr size_t kBurstsPerTurn = 8;

  static StackConfig on_link(StackConfig config, const DeviceCapabilities& link);
  bool hand_out_events();
  void settle_deliveries();
  void follow_link();
  bool is_ours(const IpAddress& address) const { return address.is_loopback() || stack_.routes().is_ours(address); }

  const char* const name_;
  const std::unique_ptr<Device> device_;
  Stack stack_;
  std::vector<NetosSocket*> sockets_;        // by the index of their handles
  std::array<Frame, kBurst> received_;       // empty between calls
  std::array<Frame, kBurst> to_send_;        // the first untaken_ of them were refused by the device
  size_t untaken_ = 0;
  LinkState link_ = LinkState::kUp;          // as the sockets were told
  size_t counted_draining_ = 0;              // connections of the limit whose queues are gone
};

}  // namespace demi
