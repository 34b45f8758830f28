#include "device/tap.h"

#ifdef __linux__

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "device/device_frames.h"
#include "device/kernel_peer.h"
#include "device/network_interface.h"
#include "device/network_namespace.h"

namespace demi {
namespace {

// Our end of tap0 is station 2 and 10.9.0.2, the kernel's is 10.9.0.1.
class TapTest : public ::testing::Test {
 protected:
  void SetUp() override { DEMI_NEEDS_NAMESPACE(network); }
  void TearDown() override {
    tap.reset();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
  }

  Made<Tap> open(const std::string& name, bool offloads = true) {
    return Tap::open({.interface = name, .link_address = station(2), .offloads = offloads}, memory);
  }
  void plug_in(bool offloads = true) {
    Made<Tap> made = open("tap0", offloads);
    ASSERT_EQ(made.problem, "");
    tap = std::move(made.device);
    make_kernel_neighbor("tap0", station(2));
    kernels = NetworkInterface::find("tap0")->link_address();
  }
  // One frame, for which it waits.
  Frame receive() {
    Frame frame;
    for (int i = 0; i < 20 && frame.empty(); ++i) {
      if (tap->receive({&frame, 1}, Instant()) == 0) is_readable(tap->capabilities().wakeup_fd, 100);
    }
    return frame;
  }

  NetworkNamespace network;
  Memory memory{MemoryConfig{.limit_bytes = 8 << 20, .headroom = 64, .max_segments = 10'000}};
  std::unique_ptr<Tap> tap;
  MacAddress kernels;
};

TEST_F(TapTest, MakesItsInterfaceAndTakesItAway) {
  plug_in();
  EXPECT_EQ(tap->capabilities().mtu_bytes, 1500u);
  EXPECT_EQ(tap->capabilities().link_address, station(2));
  EXPECT_TRUE(tap->capabilities().finishes_checksums);
  EXPECT_EQ(tap->link_state(), LinkState::kUp);
  tap.reset();
  EXPECT_EQ(NetworkInterface::find("tap0").error(), Errno::kENODEV);
}

TEST_F(TapTest, AttachesToAnInterfaceThatIsThere) {
  network.ip("tuntap add tap7 mode tap");
  network.ip("link set tap7 mtu 9000");
  Made<Tap> made = open("tap7");
  ASSERT_EQ(made.problem, "");
  EXPECT_EQ(made.device->capabilities().mtu_bytes, 9000u);
  // What its administrator has not done is not done.
  EXPECT_EQ(made.device->link_state(), LinkState::kDown);
  made.device.reset();
  EXPECT_TRUE(NetworkInterface::find("tap7").ok());
}

TEST_F(TapTest, ADatagramOfTheKernelArrivesWithoutItsChecksum) {
  plug_in();
  KernelUdp socket;
  const Octets payload(1000, 0x42);
  socket.send(payload);
  Frame frame = receive();
  ASSERT_EQ(frame.bytes(), kUdpHeaders + 1000);
  EXPECT_EQ(frame.verdict, ChecksumVerdict::kGood);
  const Octets octets = octets_of(frame);
  EXPECT_EQ(EthernetView::parse(octets)->destination(), station(2));
  EXPECT_EQ(Octets(octets.begin() + kUdpHeaders, octets.end()), payload);
  const auto ip = Ipv4View::parse(Bytes(octets).subspan(EthernetView::kBytes));
  EXPECT_FALSE(UdpView::parse(ip->payload())->checksum_is_valid(kKernelAddress, kOurAddress));
}

TEST_F(TapTest, WithoutOffloadsTheKernelFinishesEverything) {
  plug_in(false);
  EXPECT_FALSE(tap->capabilities().finishes_checksums);
  KernelUdp socket;
  socket.send(Octets(1000, 0x42));
  Frame frame = receive();
  ASSERT_EQ(frame.bytes(), kUdpHeaders + 1000);
  EXPECT_EQ(frame.verdict, ChecksumVerdict::kUnknown);
  const Octets octets = octets_of(frame);
  const auto ip = Ipv4View::parse(Bytes(octets).subspan(EthernetView::kBytes));
  EXPECT_TRUE(UdpView::parse(ip->payload())->checksum_is_valid(kKernelAddress, kOurAddress));
  frame.clear();
  send_by_kernel("tap0", long_segment(station(2), kernels, 54 + 3 * 1460), kUncutTcp);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive().bytes(), 54u + 1460);
}

TEST_F(TapTest, TheKernelsSocketGetsWhatWasGathered) {
  plug_in();
  KernelUdp socket;
  Octets payload(1200);
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<uint8_t>(i);
  for (const bool is_finished : {true, false}) {
    // In few pieces, and in more than the kernel gathers.
    for (const size_t piece : {400, 10}) {
      Frame frame = make_frame(memory, udp_to_kernel(kernels, station(2), 4001, payload, is_finished), kUdpHeaders);
      SgArray pieces;
      while (!frame.payload.empty()) pieces.append(frame.payload.split_front(piece));
      frame.payload = std::move(pieces);
      if (!is_finished) {
        frame.checksum_start = EthernetView::kBytes + Ipv4Header::kBytes;
        frame.checksum_offset = UdpHeader::kChecksumOffset;
      }
      send_all(*tap, {&frame, 1});
      EXPECT_EQ(socket.receive(), payload);
    }
  }
  EXPECT_EQ(tap->counters().transmitted, 4u);
}

TEST_F(TapTest, ALongSegmentOfTheKernelComesInOnePiece) {
  plug_in();
  for (const size_t bytes : {54 + 2 * 1460, 30'000, 65'535}) {
    const Octets sent = long_segment(station(2), kernels, bytes);
    send_by_kernel("tap0", sent, kUncutTcp);
    Frame frame = receive();
    EXPECT_EQ(frame.verdict, ChecksumVerdict::kGood);
    EXPECT_EQ(frame.head->references, 1u);
    EXPECT_TRUE(octets_of(frame) == sent);
  }
}

TEST_F(TapTest, AFrameIsInTheSmallestRoomThatItFits) {
  plug_in();
  const std::pair<size_t, size_t> cases[] = {{100, 256}, {256, 256}, {257, 2'048}, {1'514, 2'048}, {5'000, 65'536}, {100, 256}};
  for (const auto& [bytes, room] : cases) {
    const Octets sent = bytes > 1514 ? long_segment(station(2), kernels, bytes) : ethernet(station(2), kernels, 7, bytes);
    send_by_kernel("tap0", sent, bytes > 1514 ? kUncutTcp : VirtioNetHeader());
    Frame frame = receive();
    EXPECT_EQ(frame.head->payload_capacity(), room);
    EXPECT_TRUE(octets_of(frame) == sent);
  }
}

TEST_F(TapTest, AFullBurstMayNotBeAll) {
  plug_in();
  for (uint32_t i = 0; i < 3; ++i) send_by_kernel("tap0", ethernet(station(2), kernels, i));
  std::array<Frame, 2> frames;
  EXPECT_EQ(tap->receive(frames, Instant()), 2u);
  EXPECT_EQ(tap->next_deadline(), Instant());
  for (Frame& frame : frames) frame.clear();
  EXPECT_EQ(tap->receive(frames, Instant()), 1u);
  EXPECT_TRUE(tap->next_deadline().is_never());
}

TEST_F(TapTest, FramesAreLostAndCountedWhileTheLinkIsDown) {
  plug_in();
  network.ip("link set tap0 down");
  EXPECT_EQ(tap->link_state(), LinkState::kUp);  // nobody has looked
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < 4; ++i) frames.push_back(make_frame(memory, ethernet(kernels, station(2), i)));
  EXPECT_EQ(tap->transmit(std::span(frames).first(3), Instant()), 3u);
  EXPECT_EQ(tap->link_state(), LinkState::kDown);
  EXPECT_EQ(tap->counters().link_down, 3u);
  EXPECT_TRUE(frames[0].empty());
  network.ip("link set tap0 up");
  EXPECT_EQ(tap->transmit(std::span(frames).subspan(3), Instant()), 1u);
  EXPECT_EQ(tap->link_state(), LinkState::kUp);
  EXPECT_EQ(tap->counters().transmitted, 1u);
  EXPECT_EQ(tap->counters().link_down, 3u);
}

TEST_F(TapTest, WhoOnlyReceivesSeesTheLinkSoon) {
  plug_in();
  network.ip("link set tap0 down");
  EXPECT_TRUE(receive_all(*tap, at_ms(kLinkLookMs - 1)).empty());
  EXPECT_EQ(tap->link_state(), LinkState::kUp);
  EXPECT_TRUE(receive_all(*tap, at_ms(kLinkLookMs)).empty());
  EXPECT_EQ(tap->link_state(), LinkState::kDown);
  network.ip("link set tap0 up");
  EXPECT_TRUE(receive_all(*tap, at_ms(2 * kLinkLookMs)).empty());
  EXPECT_EQ(tap->link_state(), LinkState::kUp);
}

TEST_F(TapTest, OutlivesItsInterface) {
  plug_in();
  network.ip("link del tap0");
  EXPECT_TRUE(is_readable(tap->capabilities().wakeup_fd));  // somebody should look
  send(*tap, memory, ethernet(kernels, station(2), 1));
  EXPECT_EQ(tap->link_state(), LinkState::kGone);
  EXPECT_EQ(tap->counters().link_down, 1u);
  send(*tap, memory, ethernet(kernels, station(2), 1));
  EXPECT_EQ(tap->counters().link_down, 2u);
  EXPECT_TRUE(receive_all(*tap, at_ms(1'000)).empty());
  EXPECT_EQ(tap->link_state(), LinkState::kGone);
  EXPECT_FALSE(is_readable(tap->capabilities().wakeup_fd));
  EXPECT_TRUE(tap->next_deadline().is_never());
}

TEST_F(TapTest, FindsOutByReceivingThatItsInterfaceIsGone) {
  plug_in();
  network.ip("link del tap0");
  EXPECT_TRUE(receive_all(*tap).empty());
  EXPECT_EQ(tap->link_state(), LinkState::kGone);
  EXPECT_FALSE(is_readable(tap->capabilities().wakeup_fd));
}

TEST_F(TapTest, SaysWhatIsWrongWithAName) {
  const std::string rule = " is no name of an interface: it has 1 to 15 characters, and no '/', ':', '%' or space.";
  for (const char* name : {"", "a name", "tap%d", "sixteen-letters-", "a/b", ".."}) {
    Made<Tap> made = open(name);
    EXPECT_EQ(made.error, Errno::kEINVAL);
    EXPECT_EQ(made.problem, "'" + std::string(name) + "'" + rule);
  }
}

TEST_F(TapTest, SaysWhatIsWrongWithAnInterface) {
  network.make_veth("veth0", "veth1");
  network.ip("tuntap add tun3 mode tun");
  for (const std::string name : {"veth0", "lo", "tun3"}) {
    Made<Tap> made = open(name);
    EXPECT_EQ(made.error, Errno::kEINVAL);
    EXPECT_EQ(made.problem, "'" + name + "' is no TAP interface, or one with several queues: take another name, or make one with "
                            "`ip tuntap add NAME mode tap`.");
  }
  plug_in();
  Made<Tap> second = open("tap0");
  EXPECT_EQ(second.error, Errno::kEADDRINUSE);
  EXPECT_EQ(second.problem, "The TAP interface 'tap0' is in use by another process, or by another libOS of this one: take one of another name.");
}

TEST_F(TapTest, SaysWhatIsWrongWithAMacAddress) {
  for (const MacAddress& address : {MacAddress{}, MacAddress::broadcast()}) {
    Made<Tap> made = Tap::open({.interface = "tap0", .link_address = address}, memory);
    EXPECT_EQ(made.error, Errno::kEINVAL);
    EXPECT_EQ(made.problem, "The MAC address of our side of 'tap0' is that of a group, or zero.");
  }
  network.ip("tuntap add tap7 mode tap");
  network.ip("link set tap7 address 02:00:00:00:00:02");
  Made<Tap> made = open("tap7");
  EXPECT_EQ(made.error, Errno::kEADDRINUSE);
  EXPECT_EQ(made.problem, "The kernel has the MAC address of our side on 'tap7' itself: give ours another.");
}

TEST_F(TapTest, SaysWhatItNeedsTheRightFor) {
  without_capabilities({CAP_NET_ADMIN}, [this] {
    Made<Tap> made = open("tap0");
    EXPECT_EQ(made.error, Errno::kEPERM);
    EXPECT_EQ(made.problem, "Making or using the TAP interface 'tap0' needs CAP_NET_ADMIN: run as root, or have an administrator make it with "
                            "`ip tuntap add tap0 mode tap user USER`.");
  });
  // One that belongs to the user needs no right.
  network.ip("tuntap add tap7 mode tap user 0");
  without_capabilities({CAP_NET_ADMIN}, [this] { EXPECT_EQ(open("tap7").problem, ""); });
}

TEST_F(TapTest, SaysThatTheKernelHasNone) {
  std::thread([this] {
    // A /dev/net of this thread's own, with nothing in it.
    ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_FS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("none", "/dev/net", "tmpfs", 0, nullptr), 0);
    Made<Tap> made = open("tap0");
    EXPECT_EQ(made.error, Errno::kENOENT);
    EXPECT_EQ(made.problem, "There is no /dev/net/tun: load the kernel's module with `modprobe tun`, or give the container that device.");
  }).join();
}

}  // namespace
}  // namespace demi

#endif  // __linux__
