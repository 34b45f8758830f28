#include "device/packet_socket.h"

#ifdef __linux__

#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "device/device_frames.h"
#include "device/kernel_peer.h"
#include "device/network_namespace.h"
#include "device/uncut_frame.h"

namespace demi {
namespace {

// The device is on veth0, as station 2 and 10.9.0.2. At the other end, veth1, is the kernel with 10.9.0.1.
class PacketSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DEMI_NEEDS_NAMESPACE(network);
    network.make_veth("veth0", "veth1");
    make_kernel_neighbor("veth1", station(2));
    kernels = NetworkInterface::find("veth1")->link_address();
  }
  void TearDown() override {
    device.reset();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
  }

  Made<PacketSocket> open(const std::string& name) { return PacketSocket::open({name, station(2), {kOurAddress}}, memory); }
  void plug_in() {
    Made<PacketSocket> made = open("veth0");
    ASSERT_EQ(made.problem, "");
    device = std::move(made.device);
  }
  // One frame, for which it waits.
  Frame receive() {
    Frame frame;
    for (int i = 0; i < 20 && frame.empty(); ++i) {
      if (device->receive({&frame, 1}, Instant()) == 0) is_readable(device->capabilities().wakeup_fd, 100);
    }
    return frame;
  }
  // What `ethtool -K INTERFACE tso on|off` does.
  static void switch_segment_offload(const char* interface, bool on) {
    FileDescriptor control(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value wanted{.cmd = ETHTOOL_STSO, .data = on};
    ifreq request{};
    std::strcpy(request.ifr_name, interface);
    request.ifr_data = reinterpret_cast<char*>(&wanted);
    ASSERT_EQ(::ioctl(control.get(), SIOCETHTOOL, &request), 0) << std::strerror(errno);
  }
  uint64_t promiscuity() {
    FILE* shown = ::popen("ip -d link show veth0 | grep -o 'promiscuity [0-9]*'", "r");
    unsigned long long count = 99;
    EXPECT_EQ(std::fscanf(shown, "promiscuity %llu", &count), 1);
    ::pclose(shown);
    return count;
  }

  NetworkNamespace network;
  Memory memory{MemoryConfig{.limit_bytes = 8 << 20, .headroom = 64, .max_segments = 10'000}};
  std::unique_ptr<PacketSocket> device;
  MacAddress kernels;
};

TEST_F(PacketSocketTest, TakesItsPropertiesFromTheInterface) {
  network.ip("link set veth0 mtu 9000");
  network.ip("link set veth1 mtu 9000");
  plug_in();
  EXPECT_EQ(device->capabilities().mtu_bytes, 9000u);
  EXPECT_EQ(device->capabilities().link_address, station(2));
  EXPECT_EQ(device->link_state(), LinkState::kUp);
  // A jumbo frame is in the ring, as any other.
  const Octets sent = ethernet(station(2), kernels, 7, 9014);
  send_by_kernel("veth1", sent);
  EXPECT_TRUE(octets_of(receive()) == sent);
}

TEST_F(PacketSocketTest, IsPromiscuousAsLongAsItLives) {
  EXPECT_EQ(promiscuity(), 0u);
  plug_in();
  EXPECT_EQ(promiscuity(), 1u);
  device.reset();
  EXPECT_EQ(promiscuity(), 0u);
}

TEST_F(PacketSocketTest, ADatagramOfTheKernelArrivesWithoutItsChecksum) {
  plug_in();
  KernelUdp socket;
  const Octets payload(1000, 0x42);
  socket.send(payload);
  Frame frame = receive();
  ASSERT_EQ(frame.bytes(), kUdpHeaders + 1000);
  EXPECT_EQ(frame.verdict, ChecksumVerdict::kGood);
  const Octets octets = octets_of(frame);
  EXPECT_EQ(Octets(octets.begin() + kUdpHeaders, octets.end()), payload);
  const auto ip = Ipv4View::parse(Bytes(octets).subspan(EthernetView::kBytes));
  EXPECT_FALSE(UdpView::parse(ip->payload())->checksum_is_valid(kKernelAddress, kOurAddress));
}

TEST_F(PacketSocketTest, NothingIsKnownOfOtherChecksums) {
  plug_in();
  send_by_kernel("veth1", ethernet(station(2), kernels, 7));
  EXPECT_EQ(receive().verdict, ChecksumVerdict::kUnknown);
}

TEST_F(PacketSocketTest, TheKernelsSocketGetsWhatWasGathered) {
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
      send_all(*device, {&frame, 1});
      EXPECT_EQ(socket.receive(), payload);
    }
  }
  EXPECT_EQ(device->counters().transmitted, 4u);
}

// One by itself is copied together, unless it is longer than that is worth; of several each is taken from where it lies.
TEST_F(PacketSocketTest, FramesOfEveryLengthLeaveWhole) {
  network.ip("link set veth0 mtu 9000");
  network.ip("link set veth1 mtu 9000");
  plug_in();
  KernelUdp socket;
  const auto gathered = [&](const Octets& payload) {
    Frame frame = make_frame(memory, udp_to_kernel(kernels, station(2), 4001, payload, true), kUdpHeaders);
    SgArray pieces;
    while (!frame.payload.empty()) pieces.append(frame.payload.split_front(1500));
    frame.payload = std::move(pieces);
    return frame;
  };
  constexpr size_t kCopiedBytes = PacketSocket::kTogetherBytesMax - sizeof(VirtioNetHeader) - kUdpHeaders;
  for (const size_t bytes : {size_t{1}, kCopiedBytes - 1, kCopiedBytes, kCopiedBytes + 1, size_t{8000}}) {
    Octets payload(bytes);
    for (size_t i = 0; i < bytes; ++i) payload[i] = static_cast<uint8_t>(i * 7 + i / 256);
    Frame frame = gathered(payload);
    send_all(*device, {&frame, 1});
    EXPECT_EQ(socket.receive(), payload) << bytes;
    std::array<Frame, 2> burst{gathered(payload), gathered(payload)};
    send_all(*device, burst);
    EXPECT_EQ(socket.receive(), payload) << bytes;
    EXPECT_EQ(socket.receive(), payload) << bytes;
  }
  EXPECT_EQ(device->counters().transmitted, 15u);
}

TEST_F(PacketSocketTest, ItsOwnFramesDoNotComeBack) {
  plug_in();
  send(*device, memory, ethernet(kernels, station(2), 1));
  // Neither do those that the kernel sends by the same interface.
  send_by_kernel("veth0", ethernet(kernels, station(2), 2));
  send_by_kernel("veth1", ethernet(station(2), kernels, 3));
  EXPECT_EQ(numbers(receive_all(*device)), std::vector<uint32_t>{3});
}

TEST_F(PacketSocketTest, LongSegmentsComeInOnePieceAndInTheirPlace) {
  plug_in();
  std::vector<Octets> sent;
  for (const size_t bytes : {54 + 2 * 1460, 100, 30'000, 65'535, 1'000}) {
    sent.push_back(bytes > 1514 ? long_segment(station(2), kernels, bytes) : ethernet(station(2), kernels, 7, bytes));
    send_by_kernel("veth1", sent.back(), bytes > 1514 ? kUncutTcp : VirtioNetHeader());
  }
  for (const Octets& expected : sent) {
    Frame frame = receive();
    EXPECT_EQ(frame.verdict, expected.size() > 1514 ? ChecksumVerdict::kGood : ChecksumVerdict::kUnknown);
    EXPECT_TRUE(octets_of(frame) == expected);
  }
  EXPECT_EQ(device->counters().received, 5u);
}

TEST_F(PacketSocketTest, LongSegmentsWithoutMemoryAreLostAndNothingElse) {
  plug_in();
  std::vector<BufferRef> rooms;
  for (const size_t bytes : {60'000, 10'000, 2'000, 200}) {
    while (BufferRef room = memory.allocate_room(bytes)) rooms.push_back(std::move(room));
  }
  send_by_kernel("veth1", long_segment(station(2), kernels, 65'535), kUncutTcp);
  send_by_kernel("veth1", ethernet(station(2), kernels, 7));
  EXPECT_TRUE(receive_all(*device).empty());
  EXPECT_EQ(device->counters().no_memory, 2u);
  rooms.clear();
  const Octets whole = long_segment(station(2), kernels, 5'000);
  send_by_kernel("veth1", whole, kUncutTcp);
  EXPECT_TRUE(octets_of(receive()) == whole);
}

TEST_F(PacketSocketTest, DatagramsThatNobodyHasCutAreCut) {
  plug_in();
  KernelUdp socket;
  Octets payload(4'100);
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<uint8_t>(i * 13);
  socket.send(payload, 1'000);
  socket.send(Octets(100, 0x43));
  Octets received;
  for (const size_t bytes : {1'000, 1'000, 1'000, 1'000, 100}) {
    const Frame frame = receive();
    ASSERT_EQ(frame.bytes(), kUdpHeaders + bytes);
    EXPECT_EQ(frame.verdict, ChecksumVerdict::kGood);
    const Octets octets = octets_of(frame);
    received.insert(received.end(), octets.begin() + kUdpHeaders, octets.end());
    EXPECT_EQ(device->next_deadline(), Instant());
  }
  EXPECT_TRUE(received == payload);
  EXPECT_EQ(octets_of(receive()).back(), 0x43);
  EXPECT_EQ(device->counters().unusable, 0u);
  EXPECT_EQ(device->counters().received, 6u);
}

TEST_F(PacketSocketTest, AnInterfaceThatDoesNotCutIsAskedForNothing) {
  switch_segment_offload("veth0", false);
  plug_in();
  EXPECT_EQ(device->capabilities().cut_text_bytes_max, 0u);
  switch_segment_offload("veth0", true);
  EXPECT_EQ(open("veth0").device->capabilities().cut_text_bytes_max, kCutTextBytesMax);
}

// An administrator may switch it off at any time.
TEST_F(PacketSocketTest, WhatTheInterfaceDoesNotCutAnyMoreIsCutHere) {
  plug_in();
  Made<PacketSocket> other = PacketSocket::open({"veth1", station(1), {}}, memory);
  ASSERT_EQ(other.problem, "");
  UncutFrame uncut;
  uncut.from = station(2);
  uncut.to = station(1);
  switch_segment_offload("veth0", false);
  // Between others, which stay where they are.
  std::vector<Frame> frames;
  frames.push_back(make_frame(memory, ethernet(station(1), station(2), 1)));
  frames.push_back(uncut.make(memory, 10'000, 1'448));
  frames.push_back(uncut.make(memory, 2'000, 1'448));
  frames.push_back(make_frame(memory, ethernet(station(1), station(2), 2)));
  frames.push_back(uncut.make(memory, 3'000, 1'448));
  send_all(*device, frames);
  const std::vector<Octets> received = receive_all(*other.device);
  ASSERT_EQ(received.size(), 1u + 7 + 2 + 1 + 3);
  EXPECT_EQ(number_of(received[0]), 1u);
  for (size_t i = 0; i < 7; ++i) uncut.expect_segment(received[1 + i], i * 1'448, std::min<size_t>(1'448, 10'000 - i * 1'448), 10'000);
  for (size_t i = 0; i < 2; ++i) uncut.expect_segment(received[8 + i], i * 1'448, i == 0 ? 1'448 : 552, 2'000);
  EXPECT_EQ(number_of(received[10]), 2u);
  for (size_t i = 0; i < 3; ++i) uncut.expect_segment(received[11 + i], i * 1'448, i < 2 ? 1'448 : 104, 3'000);
  EXPECT_EQ(device->counters().cut_here, 3u);
  EXPECT_EQ(device->counters().uncut, 0u);
  EXPECT_EQ(device->counters().refused, 0u);
  EXPECT_EQ(device->counters().transmitted, 14u);
}

TEST_F(PacketSocketTest, AVlanTagIsWhereItBelongs) {
  plug_in();
  for (const size_t bytes : {60, 1514}) {
    Octets tagged = ethernet(station(2), kernels, 7, bytes);
    const uint8_t tag[] = {0x81, 0x00, 0x60, 0x05};
    tagged.insert(tagged.begin() + 12, std::begin(tag), std::end(tag));
    send_by_kernel("veth1", tagged);
    EXPECT_EQ(octets_of(receive()), tagged);
    // And back.
    send(*device, memory, tagged);
  }
  EXPECT_EQ(device->counters().transmitted, 2u);
}

TEST_F(PacketSocketTest, WhatIsLongerThanTheMtuIsRefusedByTheKernel) {
  plug_in();
  std::vector<Frame> frames;
  for (const size_t bytes : {1514, 1516, 100}) frames.push_back(make_frame(memory, ethernet(kernels, station(2), 7, bytes)));
  EXPECT_EQ(device->transmit(frames, Instant()), 3u);
  EXPECT_EQ(device->counters().transmitted, 2u);
  EXPECT_EQ(device->counters().refused, 1u);
}

TEST_F(PacketSocketTest, AFullRingLosesTheNewestAndIsCounted) {
  plug_in();
  Made<PacketSocket> other = PacketSocket::open({"veth1", station(1), {}}, memory);
  ASSERT_EQ(other.problem, "");
  const size_t sent = kPacketRingSlots + 100;
  for (uint32_t i = 0; i < sent; ++i) send(*other.device, memory, ethernet(station(2), station(1), i));
  const std::vector<uint32_t> received = numbers(receive_all(*device));
  EXPECT_EQ(received.size() + device->counters().ring_full, sent);
  EXPECT_LE(received.size(), kPacketRingSlots);
  EXPECT_GE(received.size(), kPacketRingSlots - 1);
  EXPECT_EQ(received.back(), received.size() - 1);
  // Counted once, and the ring goes on.
  EXPECT_EQ(received.size() + device->counters().ring_full, sent);
  send(*other.device, memory, ethernet(station(2), station(1), 7));
  EXPECT_EQ(numbers(receive_all(*device)), std::vector<uint32_t>{7});
}

TEST_F(PacketSocketTest, FramesAreLostAndCountedWhileTheLinkIsDown) {
  plug_in();
  // Ours, and then that of the other end, which takes the carrier away.
  uint64_t lost = 0;
  for (const std::string end : {"veth0", "veth1"}) {
    network.ip("link set " + end + " down");
    EXPECT_EQ(device->link_state(), LinkState::kUp);  // nobody has looked
    std::vector<Frame> frames;
    for (uint32_t i = 0; i < 4; ++i) frames.push_back(make_frame(memory, ethernet(kernels, station(2), i)));
    EXPECT_EQ(device->transmit(std::span(frames).first(3), Instant()), 3u);
    EXPECT_EQ(device->link_state(), LinkState::kDown);
    EXPECT_EQ(device->counters().link_down, lost += 3);
    network.ip("link set " + end + " up");
    EXPECT_EQ(device->transmit(std::span(frames).subspan(3), Instant()), 1u);
    EXPECT_EQ(device->link_state(), LinkState::kUp);
    EXPECT_EQ(device->counters().link_down, lost);
    // It hears again, too.
    send_by_kernel("veth1", ethernet(station(2), kernels, 7));
    EXPECT_EQ(number_of(octets_of(receive())), 7u);
  }
}

TEST_F(PacketSocketTest, WhoOnlyReceivesSeesTheLinkSoon) {
  plug_in();
  const int fd = device->capabilities().wakeup_fd;
  EXPECT_FALSE(is_readable(fd));
  network.ip("link set veth0 down");
  EXPECT_TRUE(is_readable(fd));
  EXPECT_TRUE(receive_all(*device, at_ms(kLinkLookMs - 1)).empty());
  EXPECT_EQ(device->link_state(), LinkState::kUp);
  EXPECT_TRUE(receive_all(*device, at_ms(kLinkLookMs)).empty());
  EXPECT_EQ(device->link_state(), LinkState::kDown);
  // Who has looked is not woken again.
  EXPECT_FALSE(is_readable(fd));
  network.ip("link set veth0 up");
  EXPECT_TRUE(receive_all(*device, at_ms(2 * kLinkLookMs)).empty());
  EXPECT_EQ(device->link_state(), LinkState::kUp);
}

TEST_F(PacketSocketTest, OutlivesItsInterface) {
  plug_in();
  network.ip("link del veth0");
  send(*device, memory, ethernet(kernels, station(2), 1));
  EXPECT_EQ(device->link_state(), LinkState::kGone);
  EXPECT_EQ(device->counters().link_down, 1u);
  // Another of the same name is another interface.
  network.make_veth("veth0", "veth1");
  send(*device, memory, ethernet(kernels, station(2), 1));
  EXPECT_EQ(device->counters().link_down, 2u);
  EXPECT_TRUE(receive_all(*device, at_ms(1'000)).empty());
  EXPECT_EQ(device->link_state(), LinkState::kGone);
  EXPECT_FALSE(is_readable(device->capabilities().wakeup_fd));
}

TEST_F(PacketSocketTest, SaysWhatIsWrongWithAnInterface) {
  for (const std::string name : {"eth7", ""}) {
    Made<PacketSocket> made = open(name);
    EXPECT_EQ(made.error, Errno::kENODEV);
    EXPECT_EQ(made.problem, "There is no interface '" + name + "': `ip link` shows which there are.");
  }
  Made<PacketSocket> made = open("lo");
  EXPECT_EQ(made.error, Errno::kEINVAL);
  EXPECT_EQ(made.problem, "'lo' is no Ethernet interface: take a network card, or one end of a veth pair.");
}

TEST_F(PacketSocketTest, SaysWhatIsWrongWithAnAddress) {
  Made<PacketSocket> group = PacketSocket::open({"veth0", MacAddress::broadcast(), {}}, memory);
  EXPECT_EQ(group.error, Errno::kEINVAL);
  EXPECT_EQ(group.problem, "The MAC address of our side of 'veth0' is that of a group, or zero.");
  set_forwarding("veth1", true);
  Made<PacketSocket> same = PacketSocket::open({"veth1", kernels, {}}, memory);
  EXPECT_EQ(same.error, Errno::kEADDRINUSE);
  EXPECT_EQ(same.problem, "The kernel has our MAC address on 'veth1' itself, and forwards what comes in there: give the stack another, or switch that off "
                          "with `sysctl -w net/ipv4/conf/veth1/forwarding=0`.");
  // On whatever interface: Linux answers for all of its addresses on each.
  Made<PacketSocket> taken = PacketSocket::open({"veth0", station(2), {kOurAddress, kKernelAddress}}, memory);
  EXPECT_EQ(taken.error, Errno::kEADDRINUSE);
  EXPECT_EQ(taken.problem, "The kernel has the address 10.9.0.1 itself, on 'veth1', and would answer for it: give the stack another, or take it away "
                           "with `ip addr del`.");
}

TEST_F(PacketSocketTest, SharesTheMacAddressOfTheKernel) {
  const MacAddress shared = NetworkInterface::find("veth0")->link_address();
  Made<PacketSocket> made = PacketSocket::open({"veth0", shared, {kOurAddress}}, memory);
  ASSERT_EQ(made.problem, "");
  device = std::move(made.device);
  EXPECT_EQ(device->capabilities().link_address, shared);
  const Octets sent = ethernet(shared, kernels, 7, 100);
  send_by_kernel("veth1", sent);
  EXPECT_TRUE(octets_of(receive()) == sent);
}

TEST_F(PacketSocketTest, SaysWhatItNeedsTheRightFor) {
  without_capabilities({CAP_NET_RAW}, [this] {
    Made<PacketSocket> made = open("veth0");
    EXPECT_EQ(made.error, Errno::kEPERM);
    EXPECT_EQ(made.problem, "Opening a packet socket on 'veth0' needs CAP_NET_RAW: run as root, or give the program that capability with "
                            "`setcap cap_net_raw+ep`.");
  });
  // No more than that.
  without_capabilities({CAP_NET_ADMIN}, [this] { EXPECT_EQ(open("veth0").problem, ""); });
}

}  // namespace
}  // namespace demi

#endif  // __linux__
