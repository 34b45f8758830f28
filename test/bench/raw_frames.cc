// What the devices on interfaces of the kernel cost: make -C test/addon raw_frames_bench. Needs root, two processors and the ip command, and makes
// a network namespace of its own.
//
// Round trips of 64 bytes over a veth pair, both sides spinning on a processor of their own: PacketSocket, and beside it nothing but the
// system calls. Then what a Tap costs per frame, each way, with and without offloads: only our calls are timed.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "device/network_interface.h"
#include "device/packet_socket.h"
#include "device/tap.h"

namespace {

using namespace demi;
using Steady = std::chrono::steady_clock;

constexpr MacAddress station(uint8_t number) { return {{0x02, 0, 0, 0, 0, number}}; }
double since(Steady::time_point began) { return std::chrono::duration<double, std::nano>(Steady::now() - began).count(); }

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "raw_frames_bench: %s\n", what);
  std::exit(1);
}
void ip(const char* command) { must(std::system(command) == 0, command); }

void pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  must(sched_setaffinity(0, sizeof set, &set) == 0, "two processors are needed");
}

Frame frame_of(Memory& memory, const MacAddress& to, const MacAddress& from, uint32_t bytes) {
  BufferRef room = memory.allocate_room(bytes);
  const uint32_t first = room->headroom;
  Frame frame(std::move(room), first, bytes);
  EthernetHeader{to, from, static_cast<EtherType>(0x88b5), false, 0}.emit(frame.writable_head());
  return frame;
}

// --- round trips ---

constexpr int kRoundTrips = 50'000, kRepetitions = 5;

// One end of the pair with PacketSocket.
struct OurEnd {
  OurEnd(const char* interface, uint8_t number) : self(number) {
    device = PacketSocket::open({interface, station(number), {}}, memory).device;
    must(device != nullptr, "no packet socket");
  }
  void send(uint32_t bytes) {
    Frame frame = frame_of(memory, station(static_cast<uint8_t>(3 - self)), station(self), bytes);
    device->transmit({&frame, 1}, Instant());
  }
  bool receive() {
    Frame frame;
    return device->receive({&frame, 1}, Instant()) == 1;
  }
  uint8_t self;
  Memory memory;
  std::unique_ptr<PacketSocket> device;
};

// The least that can be done: one system call to send, and a look at the ring.
struct BareEnd {
  static constexpr unsigned kSlots = 1024, kSlotBytes = 2048;
  BareEnd(const char* interface, uint8_t number) : fd(::socket(AF_PACKET, SOCK_RAW, 0)) {
    const int version = TPACKET_V2, on = 1;
    tpacket_req request{65'536, kSlots * kSlotBytes / 65'536, kSlotBytes, kSlots};
    ::setsockopt(fd.get(), SOL_PACKET, PACKET_VERSION, &version, sizeof version);
    ::setsockopt(fd.get(), SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    must(::setsockopt(fd.get(), SOL_PACKET, PACKET_RX_RING, &request, sizeof request) == 0, "no ring");
    ring = static_cast<uint8_t*>(::mmap(nullptr, kSlots * kSlotBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd.get(), 0));
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(0x0003);
    at.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    must(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "cannot bind");
    EthernetHeader{station(static_cast<uint8_t>(3 - number)), station(number), static_cast<EtherType>(0x88b5), false, 0}.emit(bytes);
  }
  void send(uint32_t count) { must(::send(fd.get(), bytes, count, MSG_DONTWAIT) == static_cast<ssize_t>(count), "cannot send"); }
  bool receive() {
    auto* slot = reinterpret_cast<tpacket2_hdr*>(ring + next * kSlotBytes);
    if ((__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) return false;
    __atomic_store_n(&slot->tp_status, uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
    next = (next + 1) % kSlots;
    return true;
  }
  FileDescriptor fd;
  uint8_t* ring = nullptr;
  unsigned next = 0;
  uint8_t bytes[2048] = {};
};

template <class End>
void round_trips(const char* name, uint32_t bytes) {
  std::atomic<bool> is_ready = false, is_over = false;
  std::thread echo([&] {
    pin(1);
    End end("bench2", 2);
    is_ready = true;
    while (!is_over) {
      if (end.receive()) end.send(bytes);
    }
  });
  pin(0);
  End end("bench1", 1);
  while (!is_ready) {
  }
  std::vector<double> took;
  for (int i = -1000; i < kRoundTrips; ++i) {
    const auto began = Steady::now();
    end.send(bytes);
    while (!end.receive()) must(since(began) < 1e9, "a frame was lost");
    if (i >= 0) took.push_back(since(began));
  }
  is_over = true;
  echo.join();
  std::sort(took.begin(), took.end());
  const auto share = [&](size_t percent) { return took[took.size() * percent / 100] / 1e3; };
  std::printf("%-34s %5u B  p50 %6.2f us  p99 %6.2f us  min %6.2f us\n", name, bytes, share(50), share(99), share(0));
}

// --- Tap ---

// Sends by the kernel's end of tap0 what the kernel would: segments of TCP, uncut.
void send_by_kernel(int fd, uint32_t bytes, const MacAddress& to) {
  static uint8_t octets[65'536];
  EthernetHeader{to, station(9), EtherType::kIPv4, false, 0}.emit(octets);
  octets[14] = 0x45;
  store_be16(octets + 16, static_cast<uint16_t>(bytes - 14));
  octets[14 + 9] = 6;
  octets[34 + 12] = 5 << 4;
  VirtioNetHeader header;
  if (bytes > 1514) header = {VirtioNetHeader::kNeedsChecksum, VirtioNetHeader::kTcpIpv4, 54, 1460, 34, 16};
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(0x0800);
  at.sll_ifindex = static_cast<int>(::if_nametoindex("tap0"));
  iovec pieces[] = {{&header, sizeof header}, {octets, bytes}};
  msghdr message{};
  message.msg_name = &at;
  message.msg_namelen = sizeof at;
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  must(::sendmsg(fd, &message, 0) > 0, "the kernel's end does not send");
}

void tap_in(const char* name, bool offloads, uint32_t bytes) {
  Memory memory;
  Made<Tap> made = Tap::open({"tap0", station(2), offloads}, memory);
  must(made.device != nullptr, made.problem.c_str());
  FileDescriptor fd(::socket(AF_PACKET, SOCK_RAW, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on);
  std::vector<Frame> frames(32);
  double took = 0, sending = 0;
  uint64_t received = 0, received_bytes = 0;
  for (int round = 0; round < 20'000 / (bytes > 1514 ? 20 : 1); ++round) {
    const auto sent = Steady::now();
    for (int i = 0; i < (bytes > 1514 ? 1 : 32); ++i) send_by_kernel(fd.get(), bytes, station(2));
    sending += since(sent);
    const auto began = Steady::now();
    while (const size_t count = made.device->receive(frames, Instant())) {
      received += count;
      for (Frame& frame : std::span(frames).first(count)) {
        received_bytes += frame.bytes();
        frame.clear();
      }
    }
    took += since(began);
  }
  const double bits = 8 * static_cast<double>(received_bytes);
  std::printf("%-34s %5u B  %7.0f ns a frame that we read  %6.1f Gbit/s (%5.1f with the kernel's side)\n", name, bytes,
              took / static_cast<double>(received), bits / took, bits / (took + sending));
}

void tap_out(const char* name, uint32_t bytes) {
  Memory memory;
  Made<Tap> made = Tap::open({"tap0", station(2), true}, memory);
  must(made.device != nullptr, made.problem.c_str());
  const MacAddress kernels = NetworkInterface::find("tap0")->link_address();
  std::vector<Frame> frames(32);
  double took = 0;
  constexpr int kBursts = 10'000;
  for (int round = 0; round < kBursts; ++round) {
    for (Frame& frame : frames) frame = frame_of(memory, kernels, station(2), bytes);
    const auto began = Steady::now();
    must(made.device->transmit(frames, Instant()) == 32, "the tap takes no more");
    took += since(began);
  }
  std::printf("%-34s %5u B  %7.0f ns a frame  %6.1f Gbit/s\n", name, bytes, took / 32 / kBursts, 8.0 * bytes * 32 * kBursts / took);
}

}  // namespace

int main() {
  must(::unshare(CLONE_NEWNET) == 0, "a network namespace needs root");
  ip("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
  ip("ip link add name bench1 type veth peer name bench2");
  ip("ip link set bench1 up");
  ip("ip link set bench2 up");
  for (int i = 0; i < kRepetitions; ++i) {
    round_trips<BareEnd>("veth, nothing but system calls", 64);
    round_trips<OurEnd>("veth, PacketSocket", 64);
  }
  round_trips<BareEnd>("veth, nothing but system calls", 1500);
  round_trips<OurEnd>("veth, PacketSocket", 1500);
  for (int i = 0; i < 2; ++i) {
    tap_in("tap in, offloads", true, 65'000);
    tap_in("tap in, none: the kernel cuts", false, 65'000);
    tap_in("tap in, offloads", true, 1514);
    tap_in("tap in, none", false, 1514);
    tap_in("tap in, offloads", true, 64);
    tap_out("tap out", 64);
    tap_out("tap out", 1514);
  }
}
