#include "device/dpdk/memif_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace demi::dpdk {

namespace {

// memif.h of DPDK, version 2.0 of the protocol: the type of a message is its first 16 bits; that of INIT goes on with the version and the interface.
constexpr size_t kMessageBytes = 128;
constexpr uint16_t kInit = 3;
constexpr uint16_t kDisconnect = 8;
constexpr size_t kInterfaceOffset = 4;
constexpr int kBacklog = 16;
// Between attempts to find a process that is not up yet.
constexpr int64_t kFirstPauseMs = 2;
constexpr int64_t kLongestPauseMs = 64;
// While somebody waits for a port to be stopped.
constexpr int kHeldPauseMs = 2;

int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct Address {
  static constexpr size_t kNameBytesMax = sizeof(sockaddr_un::sun_path) - 2;
  sockaddr_un un{};
  socklen_t bytes = 0;

  Address(const std::string& name, bool is_abstract) {
    un.sun_family = AF_UNIX;
    const size_t first = is_abstract ? 1 : 0;
    const size_t length = std::min(name.size(), kNameBytesMax);
    std::memcpy(un.sun_path + first, name.data(), length);
    bytes = is_abstract ? static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length) : sizeof un;
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&un); }
};

Socket new_socket() { return Socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

Socket connected_to(const Address& address) {
  Socket made = new_socket();
  return made && ::connect(made.get(), address.get(), address.bytes) == 0 ? std::move(made) : Socket();
}

// Who was killed could not remove his socket, and nobody listens at it.
bool is_left_behind(const Address& address) {
  const Socket asks = new_socket();
  return address.un.sun_path[0] != '\0' && asks && ::connect(asks.get(), address.get(), address.bytes) != 0 && errno == ECONNREFUSED;
}

Socket listening_at(const Address& address, int& error) {
  Socket made = new_socket();
  int failed = made ? ::bind(made.get(), address.get(), address.bytes) : -1;
  if (failed != 0 && errno == EADDRINUSE && is_left_behind(address)) {
    ::unlink(address.un.sun_path);
    failed = ::bind(made.get(), address.get(), address.bytes);
  }
  if (failed == 0) failed = ::listen(made.get(), kBacklog);
  error = failed == 0 ? 0 : errno;
  return failed == 0 ? std::move(made) : Socket();
}

bool share_socket(const MemifPort& one, const MemifPort& other) {
  return one.is_server && other.is_server && one.socket == other.socket && one.is_abstract == other.is_abstract;
}

}  // namespace

std::string memif_name_for_driver(const std::vector<MemifPort>& ports, int process_id) {
  const auto first = std::find_if(ports.begin(), ports.end() - 1, [&ports](const MemifPort& one) { return share_socket(one, ports.back()); });
  return "demi-memif-" + std::to_string(process_id) + "-" + std::to_string(first - ports.begin());
}

// Where channels begin: at that of a server other processes knock, at that of a client the driver.
struct MemifRelay::Door {
  Socket listener;
  Address other_side;
  bool is_server;
  std::vector<MemifPeer*> peers;
};

struct MemifRelay::Channel {
  Door& door;
  Socket driver;
  Socket other;
  MemifPeer* peer = nullptr;    // of a server: when it is known which interface is meant
  bool driver_has_heard = false;
  bool driver_has_spoken = false;
  bool is_lost = false;
  bool is_held = false;         // `message` waits for a port that has not been stopped yet
  int64_t pause_ms = kFirstPauseMs;
  int64_t retry_at_ms = 0;
  std::array<uint8_t, kMessageBytes> message{};
  size_t message_bytes = 0;
  Socket passed{};              // a descriptor that comes with the message

  Socket& side_to_find() { return door.is_server ? driver : other; }
  bool misses_a_side() { return !is_lost && !side_to_find() && (driver || other); }
};

MemifRelay::MemifRelay() = default;
MemifRelay::~MemifRelay() = default;

std::string MemifRelay::open(const std::vector<MemifPort>& ports, int process_id, int& error) {
  std::vector<MemifPort> before;
  for (const MemifPort& port : ports) {
    peers_.push_back(std::make_unique<MemifPeer>(port));
    peers_.back()->is_asking = port.is_server;
    before.push_back(port);
    const auto same = std::find_if(doors_.begin(), doors_.end(), [&port](const auto& door) { return share_socket(door->peers[0]->port, port); });
    if (same != doors_.end()) {
      (*same)->peers.push_back(peers_.back().get());
      continue;
    }
    if (port.socket.size() > Address::kNameBytesMax) {
      error = ENAMETOOLONG;
      return "The name of the socket '" + port.socket + "' of " + port.vdev + " is too long.";
    }
    const Address ours(memif_name_for_driver(before, process_id), true);
    const Address users(port.socket, port.is_abstract);
    Socket listener = listening_at(port.is_server ? users : ours, error);
    if (!listener) return "The socket '" + port.socket + "' of " + port.vdev + " cannot be made: " + std::strerror(error) + ".";
    doors_.push_back(std::make_unique<Door>(Door{std::move(listener), port.is_server ? ours : users, port.is_server, {peers_.back().get()}}));
  }
  return "";
}

MemifPeer* MemifRelay::peer(const std::string& vdev) const {
  const auto found = std::find_if(peers_.begin(), peers_.end(), [&vdev](const auto& one) { return one->port.vdev == vdev; });
  return found == peers_.end() ? nullptr : found->get();
}

// Ends are seen before beginnings, so that who comes back is not taken for somebody else.
void MemifRelay::turn(int timeout_ms) {
  std::vector<pollfd> looks;
  const auto look_at = [&looks](const Socket& socket, bool reads) { looks.push_back({socket.get(), static_cast<short>(reads ? POLLIN : 0), 0}); };
  const int64_t before = now_ms();
  for (const auto& channel : channels_) {
    look_at(channel->other, !channel->is_held);
    look_at(channel->driver, !channel->is_held);
    int64_t pause = timeout_ms;
    if (channel->is_held) pause = kHeldPauseMs;
    if (channel->misses_a_side()) pause = std::max<int64_t>(0, channel->retry_at_ms - before);
    if (timeout_ms < 0 || pause < timeout_ms) timeout_ms = static_cast<int>(pause);
  }
  for (const auto& door : doors_) look_at(door->listener, true);
  if (::poll(looks.data(), looks.size(), timeout_ms) < 0) return;

  const size_t channels = channels_.size();
  for (size_t i = 0; i < channels; ++i) {
    Channel& channel = *channels_[i];
    if (looks[2 * i].revents != 0) channel.is_held ? lose_peer(channel) : pass_on(channel, false);
    if (looks[2 * i + 1].revents != 0 && channel.driver) pass_on(channel, true);
  }
  for (size_t i = 0; i < channels; ++i) {
    Channel& channel = *channels_[i];
    if (channel.is_held && !is_to_wait(channel)) {
      channel.is_held = false;
      send(channel, true);
    }
    if (channel.misses_a_side() && channel.retry_at_ms <= now_ms()) find_other_side(channel);
  }
  std::erase_if(channels_, [](const auto& channel) { return !channel->other && !channel->driver; });
  for (size_t i = 0; i < doors_.size(); ++i) {
    if (looks[2 * channels + i].revents != 0) accept_at(*doors_[i]);
  }
}

void MemifRelay::accept_at(Door& door) {
  Socket accepted(::accept4(door.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!accepted) return;
  channels_.push_back(std::make_unique<Channel>(Channel{.door = door, .driver = Socket(), .other = Socket()}));
  Channel& channel = *channels_.back();
  if (door.is_server) {
    channel.other = std::move(accepted);
  } else {
    channel.driver = std::move(accepted);
    channel.peer = door.peers[0];
    channel.peer->is_asking = true;
  }
  find_other_side(channel);
}

// Of a server that is the driver, of a client the other process; it may not be there yet.
void MemifRelay::find_other_side(Channel& channel) {
  Socket& missing = channel.side_to_find();
  missing = connected_to(channel.door.other_side);
  channel.retry_at_ms = now_ms() + channel.pause_ms;
  channel.pause_ms = std::min(2 * channel.pause_ms, kLongestPauseMs);
}

// One message, or the end.
void MemifRelay::pass_on(Channel& channel, bool from_driver) {
  iovec bytes{channel.message.data(), channel.message.size()};
  alignas(cmsghdr) std::array<char, 256> control{};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg((from_driver ? channel.driver : channel.other).get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return from_driver ? end(channel) : lose_peer(channel);
  if (from_driver) channel.driver_has_spoken = true;
  channel.message_bytes = static_cast<size_t>(got);
  channel.passed.close();
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
    channel.passed = Socket(fd);
  }
  uint16_t type = 0;
  std::memcpy(&type, channel.message.data(), sizeof type);
  // The driver would take its rings down at once.
  if (!from_driver && type == kDisconnect) return lose_peer(channel);
  if (!from_driver && channel.door.is_server && type == kInit && is_to_wait(channel)) {
    channel.is_held = true;
    return;
  }
  if (!from_driver || channel.other) return send(channel, !from_driver);
  // To a peer that is not there any more, the driver has nothing to say.
  if (!channel.is_lost) end(channel);
}

// Which interface is meant. One that has lost its peer has another when its port was stopped.
bool MemifRelay::is_to_wait(Channel& channel) {
  uint32_t id = 0;
  std::memcpy(&id, channel.message.data() + kInterfaceOffset, sizeof id);
  const auto& peers = channel.door.peers;
  const auto found = std::find_if(peers.begin(), peers.end(), [id](const MemifPeer* peer) { return peer->port.id == id; });
  // The driver knows what to say of that.
  if (found == peers.end()) return false;
  if ((*found)->is_lost()) return true;
  const bool is_taken = std::any_of(channels_.begin(), channels_.end(), [&](const auto& one) { return one->peer == *found && one.get() != &channel; });
  if (!is_taken) channel.peer = *found;
  return false;
}

void MemifRelay::send(Channel& channel, bool to_driver) {
  iovec bytes{channel.message.data(), channel.message_bytes};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  if (channel.passed) {
    const int fd = channel.passed.get();
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  }
  const ssize_t sent = ::sendmsg((to_driver ? channel.driver : channel.other).get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  channel.passed.close();
  if (to_driver) channel.driver_has_heard = true;
  if (sent < 0) to_driver ? end(channel) : lose_peer(channel);
}

void MemifRelay::lose_peer(Channel& channel) {
  channel.other.close();
  channel.is_held = false;
  if (channel.peer != nullptr && channel.driver_has_heard) {
    channel.is_lost = true;
    ++channel.peer->losses;
  } else if (channel.door.is_server) {
    // It has only knocked. The driver greets it, and would lose its way if it could not (memif_listener_handler() of 22.11 closes a socket that EAL watches).
    if (!channel.driver || channel.driver_has_spoken) end(channel);
  } else {
    // The next one is looked for, and the driver does not notice.
    channel.retry_at_ms = now_ms() + channel.pause_ms;
  }
}

void MemifRelay::end(Channel& channel) {
  channel.driver.close();
  channel.other.close();
  if (channel.peer != nullptr && !channel.door.is_server) channel.peer->is_asking = false;
  channel.peer = nullptr;
}

}  // namespace demi::dpdk
