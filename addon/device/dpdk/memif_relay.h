// MemifRelay: the control channels of memif go through it on their way between DPDK's driver and the other process. The driver takes its rings down in
// EAL's interrupt thread as soon as a channel ends, while other threads are in them (memif_disconnect() of 22.11): a peer that dies under traffic would
// take this process with it. So the driver never sees that end. The relay does: it counts the loss, and keeps the driver's side open. A thread that keeps the
// queues still then stops the port (port.cc), which closes the driver's side. Only control messages come through here, a dozen for each link; the rings
// are between the two processes as ever.
//
// The driver uses sockets of our own, and the relay those that the user has named. One thread runs it. It needs no DPDK.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace demi::dpdk {

// A vdev of memif, as the user has it.
struct MemifPort {
  std::string vdev;       // "net_memif0"
  bool is_server = false;
  std::string socket;     // a path, or the name of an abstract socket
  bool is_abstract = true;
  uint32_t id = 0;        // of the interface on that socket

  bool operator==(const MemifPort&) const = default;
};

// The abstract socket that the driver has instead for the last of `ports`. Servers at the same socket share one. Processes differ.
std::string memif_name_for_driver(const std::vector<MemifPort>& ports, int process_id);

// What has become of the peers of a port.
struct MemifPeer {
  explicit MemifPeer(const MemifPort& its) : port(its) {}

  const MemifPort port;
  // Peers that were lost while the driver had their rings; and how many of these losses the port has been stopped for. Written by the relay, and by the port.
  std::atomic<uint32_t> losses = 0;
  std::atomic<uint32_t> handled_losses = 0;
  // The driver has asked for a peer, and will have one without being started again. Servers always have.
  std::atomic<bool> is_asking;

  bool is_lost() const { return losses != handled_losses; }
};

class MemifRelay {
 public:
  MemifRelay();
  ~MemifRelay();
  MemifRelay(const MemifRelay&) = delete;
  MemifRelay& operator=(const MemifRelay&) = delete;

  // Makes the sockets that the driver and other processes look for. Empty, or what is wrong; then `error` is an errno.
  std::string open(const std::vector<MemifPort>& ports, int process_id, int& error);
  // Waits until there is something to do, at most so long (-1: for ever), and does it.
  void turn(int timeout_ms);
  // nullptr: there is no such vdev. It lives as long as the relay.
  MemifPeer* peer(const std::string& vdev) const;

 private:
  struct Door;
  struct Channel;

  void accept_at(Door& door);
  void find_other_side(Channel& channel);
  void pass_on(Channel& channel, bool from_driver);
  void send(Channel& channel, bool to_driver);
  void lose_peer(Channel& channel);
  bool is_to_wait(Channel& channel);
  void end(Channel& channel);

  std::vector<std::unique_ptr<MemifPeer>> peers_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

}  // namespace demi::dpdk
