#include "device/dpdk/memif_relay.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "device/file_descriptor.h"

namespace demi::dpdk {
namespace {

constexpr uint16_t kHello = 2;
constexpr uint16_t kInit = 3;
constexpr uint16_t kAddRegion = 4;
constexpr uint16_t kDisconnect = 8;

// One end of a control channel, the driver's or the other process's, that waits for nothing.
class Speaker {
 public:
  Speaker() = default;
  explicit Speaker(int fd) : socket_(fd) {}
  static Speaker to(const std::string& name, bool is_abstract = true) {
    Speaker made(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto [address, bytes] = address_of(name, is_abstract);
    if (::connect(made.socket_.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0) return Speaker();
    return made;
  }
  static std::pair<sockaddr_un, socklen_t> address_of(const std::string& name, bool is_abstract) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + (is_abstract ? 1 : 0), name.data(), name.size());
    return {address, is_abstract ? static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()) : socklen_t{sizeof address}};
  }
  bool is_open() const { return static_cast<bool>(socket_); }
  void hang_up() { socket_ = FileDescriptor(); }
  void say(uint16_t type, uint32_t id = 0, int passed = -1) {
    std::array<char, 128> message{};
    std::memcpy(message.data(), &type, sizeof type);
    std::memcpy(message.data() + 4, &id, sizeof id);
    iovec bytes{message.data(), message.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    if (passed >= 0) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* part = CMSG_FIRSTHDR(&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof passed);
      std::memcpy(CMSG_DATA(part), &passed, sizeof passed);
    }
    ASSERT_EQ(::sendmsg(socket_.get(), &header, MSG_NOSIGNAL), 128);
  }
  // The type of the next message; -1: there is none; 0: the end. A descriptor that came with it is kept.
  int heard() {
    std::array<char, 128> message{};
    iovec bytes{message.data(), message.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT);
    if (got < 0) return -1;
    if (got == 0) return 0;
    if (const cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
      passed = FileDescriptor(fd);
    }
    uint16_t type = 0;
    std::memcpy(&type, message.data(), sizeof type);
    return type;
  }
  FileDescriptor passed;

 private:
  FileDescriptor socket_;
};

// Where somebody listens: a driver that is a server, or a server in another process.
class Listener {
 public:
  explicit Listener(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const auto [address, bytes] = Speaker::address_of(name, true);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), bytes), 0);
    EXPECT_EQ(::listen(socket_.get(), 4), 0);
  }
  Speaker accepted() { return Speaker(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); }

 private:
  FileDescriptor socket_;
};

class MemifRelayTest : public ::testing::Test {
 protected:
  static std::string name(const char* of) { return "demi-relay-test-" + std::to_string(::getpid()) + "-" + of; }
  MemifPort server(uint32_t id = 0) { return {"net_memif" + std::to_string(id), true, name("users"), true, id}; }
  MemifPort client() { return {"net_memif0", false, name("users"), true, 0}; }
  void open(const std::vector<MemifPort>& ports) {
    int error = 0;
    ASSERT_EQ(relay.open(ports, ::getpid(), error), "");
  }
  // What there is to do is done.
  void turn() {
    for (int i = 0; i < 8; ++i) relay.turn(0);
  }
  std::string drivers_name() { return memif_name_for_driver({server()}, ::getpid()); }

  MemifRelay relay;
};

TEST_F(MemifRelayTest, ServersAtOneSocketShareOneAndNobodyElseDoes) {
  const MemifPort one = server(1);
  MemifPort other = server(2);
  other.socket += "2";
  EXPECT_EQ(memif_name_for_driver({one}, 7), "demi-memif-7-0");
  EXPECT_EQ(memif_name_for_driver({one, other}, 7), "demi-memif-7-1");
  EXPECT_EQ(memif_name_for_driver({one, other, server(3)}, 7), "demi-memif-7-0");
  EXPECT_EQ(memif_name_for_driver({one, other, client()}, 7), "demi-memif-7-2");
}

TEST_F(MemifRelayTest, PassesMessagesAndDescriptorsBothWays) {
  open({server()});
  Listener driver_door(drivers_name());
  Speaker other = Speaker::to(name("users"));
  turn();
  Speaker driver = driver_door.accepted();
  ASSERT_TRUE(driver.is_open());
  driver.say(kHello);
  turn();
  EXPECT_EQ(other.heard(), kHello);
  other.say(kInit);
  turn();
  EXPECT_EQ(driver.heard(), kInit);
  const FileDescriptor memory(::memfd_create("region", 0));
  ASSERT_EQ(::ftruncate(memory.get(), 12'345), 0);
  other.say(kAddRegion, 0, memory.get());
  turn();
  EXPECT_EQ(driver.heard(), kAddRegion);
  struct stat found {};
  ASSERT_EQ(::fstat(driver.passed.get(), &found), 0);
  EXPECT_EQ(found.st_size, 12'345);
}

TEST_F(MemifRelayTest, TheDriverOfAServerHearsNothingOfALossAndTheNextPeerWaitsUntilThePortWasStopped) {
  open({server()});
  Listener driver_door(drivers_name());
  MemifPeer* peer = relay.peer("net_memif0");
  ASSERT_NE(peer, nullptr);
  Speaker other = Speaker::to(name("users"));
  turn();
  Speaker driver = driver_door.accepted();
  other.say(kInit);
  turn();
  EXPECT_EQ(driver.heard(), kInit);
  EXPECT_FALSE(peer->is_lost());
  other.hang_up();
  turn();
  EXPECT_TRUE(peer->is_lost());
  EXPECT_EQ(driver.heard(), -1);

  Speaker next = Speaker::to(name("users"));
  turn();
  Speaker drivers_next = driver_door.accepted();
  next.say(kInit);
  turn();
  EXPECT_EQ(drivers_next.heard(), -1);
  // The port is stopped.
  driver.hang_up();
  turn();
  EXPECT_EQ(drivers_next.heard(), -1);
  peer->handled_losses = peer->losses.load();
  turn();
  EXPECT_EQ(drivers_next.heard(), kInit);
  EXPECT_FALSE(peer->is_lost());
}

TEST_F(MemifRelayTest, WhoTakesHisLeaveIsLostAsWell) {
  open({server()});
  Listener driver_door(drivers_name());
  Speaker other = Speaker::to(name("users"));
  turn();
  Speaker driver = driver_door.accepted();
  other.say(kInit);
  other.say(kDisconnect);
  turn();
  EXPECT_EQ(driver.heard(), kInit);
  EXPECT_EQ(driver.heard(), -1);
  EXPECT_TRUE(relay.peer("net_memif0")->is_lost());
}

TEST_F(MemifRelayTest, APeerOfOneInterfaceIsNoneOfAnother) {
  open({server(0), server(1)});
  Listener driver_door(drivers_name());
  Speaker other = Speaker::to(name("users"));
  turn();
  Speaker driver = driver_door.accepted();
  other.say(kInit, 1);
  turn();
  EXPECT_EQ(driver.heard(), kInit);
  // Of an interface that has a peer, the driver says so itself, and that one is not touched; nor by one that there is not.
  for (const uint32_t id : {1u, 5u}) {
    Speaker another = Speaker::to(name("users"));
    turn();
    Speaker drivers_other = driver_door.accepted();
    another.say(kInit, id);
    turn();
    EXPECT_EQ(drivers_other.heard(), kInit);
    drivers_other.say(kDisconnect);
    drivers_other.hang_up();
    turn();
    EXPECT_EQ(another.heard(), kDisconnect);
    EXPECT_EQ(another.heard(), 0);
  }
  EXPECT_FALSE(relay.peer("net_memif1")->is_lost());
  other.hang_up();
  turn();
  EXPECT_TRUE(relay.peer("net_memif1")->is_lost());
  EXPECT_FALSE(relay.peer("net_memif0")->is_lost());
}

TEST_F(MemifRelayTest, WhoHasOnlyKnockedIsNotLost) {
  open({server()});
  Listener driver_door(drivers_name());
  Speaker other = Speaker::to(name("users"));
  turn();
  Speaker driver = driver_door.accepted();
  other.hang_up();
  turn();
  // The driver can still greet it.
  EXPECT_EQ(driver.heard(), -1);
  driver.say(kHello);
  turn();
  EXPECT_EQ(driver.heard(), 0);
  EXPECT_FALSE(relay.peer("net_memif0")->is_lost());
  // And nobody knocks again by himself.
  for (int i = 0; i < 20; ++i) relay.turn(1);
  EXPECT_FALSE(driver_door.accepted().is_open());
}

TEST_F(MemifRelayTest, AClientWaitsForAServerWithoutNoticing) {
  open({client()});
  MemifPeer* peer = relay.peer("net_memif0");
  EXPECT_FALSE(peer->is_asking);
  Speaker driver = Speaker::to(memif_name_for_driver({client()}, ::getpid()));
  turn();
  EXPECT_TRUE(peer->is_asking);
  EXPECT_EQ(driver.heard(), -1);
  Speaker other;
  {
    // One that goes before it has said anything is forgotten.
    Listener early(name("users"));
    while (!other.is_open()) relay.turn(1), other = early.accepted();
  }
  other.hang_up();
  turn();
  EXPECT_FALSE(peer->is_lost());
  Listener door(name("users"));
  while (!other.is_open()) relay.turn(1), other = door.accepted();
  other.say(kHello);
  turn();
  EXPECT_EQ(driver.heard(), kHello);
  other.hang_up();
  turn();
  EXPECT_TRUE(peer->is_lost());
  EXPECT_EQ(driver.heard(), -1);
  // The port is stopped, and started again.
  driver.say(kDisconnect);
  driver.hang_up();
  turn();
  EXPECT_FALSE(peer->is_asking);
  peer->handled_losses = peer->losses.load();
  driver = Speaker::to(memif_name_for_driver({client()}, ::getpid()));
  turn();
  EXPECT_TRUE(peer->is_asking);
  const Speaker again = door.accepted();
  EXPECT_TRUE(again.is_open());
  for (int i = 0; i < 20; ++i) relay.turn(1);
  EXPECT_FALSE(door.accepted().is_open());
}

TEST_F(MemifRelayTest, ADriverThatEndsTakesItsLeaveOfTheOther) {
  open({server()});
  Listener driver_door(drivers_name());
  Speaker other = Speaker::to(name("users"));
  turn();
  Speaker driver = driver_door.accepted();
  other.say(kInit);
  turn();
  EXPECT_EQ(driver.heard(), kInit);
  driver.say(kDisconnect);
  driver.hang_up();
  turn();
  EXPECT_EQ(other.heard(), kDisconnect);
  EXPECT_EQ(other.heard(), 0);
  EXPECT_FALSE(relay.peer("net_memif0")->is_lost());
}

TEST_F(MemifRelayTest, ASocketThatSomebodyHasLeftBehindIsMadeAgainAndOneInUseIsNot) {
  const std::string path = "/tmp/" + name("file");
  const MemifPort port = {"net_memif0", true, path, false, 0};
  open({port});
  EXPECT_EQ(relay.peer("net_memif7"), nullptr);
  int error = 0;
  {
    MemifRelay second;
    EXPECT_EQ(second.open({port}, 7, error), "The socket '" + path + "' of net_memif0 cannot be made: Address already in use.");
    EXPECT_EQ(error, EADDRINUSE);
  }
  {
    // Its file stays when its process is gone.
    MemifPort left = port;
    left.socket += "2";
    { MemifRelay gone; EXPECT_EQ(gone.open({left}, 7, error), ""); }
    MemifRelay again;
    EXPECT_EQ(again.open({left}, 7, error), "");
    EXPECT_TRUE(Speaker::to(left.socket, false).is_open());
    ::unlink(left.socket.c_str());
  }
  MemifRelay third;
  EXPECT_NE(third.open({{"net_memif0", true, std::string(200, 'x'), true, 0}}, 7, error).find("is too long"), std::string::npos);
  EXPECT_NE(third.open({{"net_memif0", true, "/nowhere/at/all", false, 0}}, 7, error).find("No such file or directory"), std::string::npos);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace demi::dpdk
