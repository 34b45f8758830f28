// The contract of device.h, held against every kind of device. Each is given as two ends of a wire that does no harm.

#include "device/device.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "device/uncut_frame.h"
#include "device/faults.h"
#include "device/pcap.h"
#include "device/wire_hub.h"
#include "heap_count.h"
#ifdef __linux__
#include "device/network_namespace.h"
#include "device/packet_socket.h"
#include "device/tap.h"
#endif

namespace demi {
namespace {

using Wrap = std::unique_ptr<Device> (*)(std::unique_ptr<Device> inner, Memory& memory);

std::unique_ptr<Device> as_it_is(std::unique_ptr<Device> inner, Memory&) { return inner; }
std::unique_ptr<Device> with_faults(std::unique_ptr<Device> inner, Memory& memory) {
  return std::make_unique<Faults>(std::move(inner), memory, 1);
}
std::unique_ptr<Device> captured(std::unique_ptr<Device> inner, Memory&) {
  static int files = 0;
  const std::string path = ::testing::TempDir() + "device_test_" + std::to_string(files++) + ".pcap";
  auto file = PcapWriter::create(path);
  EXPECT_TRUE(file.ok());
  std::remove(path.c_str());  // it lasts as long as it is open
  return std::make_unique<Pcap>(std::move(inner), std::move(*file));
}
std::unique_ptr<Device> captured_with_faults(std::unique_ptr<Device> inner, Memory& memory) {
  return captured(with_faults(std::move(inner), memory), memory);
}

// What two devices are plugged into: a hub in memory, or interfaces of the kernel.
enum class Wire { kHub, kTap, kVeth };

struct Kind {
  const char* name;
  Wrap wrap;
  Wire wire = Wire::kHub;
};

class DeviceContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam().wire != Wire::kHub) lay_wire();
    if (IsSkipped() || HasFatalFailure()) return;
    a = plug_in(station(1), memory_a);
    b = plug_in(station(2), memory_b);
    ASSERT_TRUE(a != nullptr && b != nullptr);
    // Each hears of the other, so that frames go one way only.
    send(*a, memory_a, ethernet(MacAddress::broadcast(), station(1), 0));
    send(*b, memory_b, ethernet(MacAddress::broadcast(), station(2), 0));
    EXPECT_EQ(receive_all(*a).size(), 1u);
    EXPECT_EQ(receive_all(*b).size(), 1u);
  }
  ~DeviceContract() override {
    a.reset();
    b.reset();
    EXPECT_EQ(memory_a.buffers_outstanding(), 0u);
    EXPECT_EQ(memory_b.buffers_outstanding(), 0u);
  }

#ifdef __linux__
  void lay_wire() {
    network.emplace();
    DEMI_NEEDS_NAMESPACE(*network);
    if (GetParam().wire == Wire::kVeth) return network->make_veth("end1", "end2");
    // A bridge that passes frames on from the beginning, and nothing else.
    network->ip("link add name bridge type bridge forward_delay 0 mcast_snooping 0");
    network->ip("link set bridge up");
  }
  // The device at end 1 or 2.
  std::unique_ptr<Device> on_interface(const MacAddress& address, Memory& memory) {
    const std::string end = "end" + std::to_string(address.octets[5]);
    if (GetParam().wire == Wire::kVeth) {
      Made<PacketSocket> made = PacketSocket::open({end, address, {}}, memory);
      EXPECT_EQ(made.problem, "");
      return std::move(made.device);
    }
    Made<Tap> made = Tap::open({end, address, true}, memory);
    EXPECT_EQ(made.problem, "");
    network->ip("link set " + end + " master bridge");
    return std::move(made.device);
  }
  std::optional<NetworkNamespace> network;
#else
  void lay_wire() { GTEST_SKIP() << "there are no such interfaces here"; }
  std::unique_ptr<Device> on_interface(const MacAddress&, Memory&) { return nullptr; }
#endif

  std::unique_ptr<Device> plug_in(const MacAddress& address, Memory& memory) {
    if (GetParam().wire != Wire::kHub) return GetParam().wrap(on_interface(address, memory), memory);
    auto port = WireHubPort::attach(hub, address, memory);
    return GetParam().wrap(std::move(*port), memory);
  }
  std::vector<Frame> make_frames(size_t count, size_t bytes = 64) {
    std::vector<Frame> frames;
    for (size_t i = 0; i < count; ++i) {
      frames.push_back(make_frame(memory_a, ethernet(station(2), station(1), static_cast<uint32_t>(i), bytes)));
    }
    return frames;
  }

  Memory memory_a{MemoryConfig{.limit_bytes = 8 << 20, .headroom = 128, .max_segments = 10'000}};
  Memory memory_b{MemoryConfig{.limit_bytes = 1 << 20, .headroom = 64, .max_segments = 10'000}};
  std::shared_ptr<WireHub> hub = std::make_shared<WireHub>();
  std::unique_ptr<Device> a;
  std::unique_ptr<Device> b;
};

TEST_P(DeviceContract, SaysWhatItCan) {
  EXPECT_EQ(a->capabilities().link_address, station(1));
  EXPECT_EQ(b->capabilities().link_address, station(2));
  EXPECT_EQ(a->capabilities().mtu_bytes, 1500u);
  EXPECT_EQ(a->capabilities().frame_bytes_max(), 1518u);
  EXPECT_GE(a->capabilities().burst_max, 1u);
}

TEST_P(DeviceContract, FramesOfAllLengthsArriveAsTheyWereSent) {
  std::vector<Octets> sent;
  for (size_t bytes = 14; bytes < EthernetView::kBytes + a->capabilities().mtu_bytes; bytes += bytes < 128 ? 1 : 7) {
    sent.push_back(ethernet(station(2), station(1), 7, bytes));
    send(*a, memory_a, sent.back());
  }
  sent.push_back(ethernet(station(2), station(1), 8, 1514));
  send(*a, memory_a, sent.back());
  // With a tag, the longest of all.
  const uint8_t tag[] = {0x81, 0x00, 0x00, 0x05};
  sent.push_back(sent.back());
  sent.back().insert(sent.back().begin() + 12, std::begin(tag), std::end(tag));
  send(*a, memory_a, sent.back());
  EXPECT_EQ(receive_all(*b), sent);
  EXPECT_TRUE(receive_all(*a).empty());
}

TEST_P(DeviceContract, APayloadBehindTheHeadArrivesWithItInOnePiece) {
  const Octets octets = ethernet(station(2), station(1), 7, 1400);
  Frame frame = make_frame(memory_a, octets, 54);
  // In several pieces, and held by somebody else, who may have to send it again.
  SgArray kept = frame.payload.clone();
  SgArray front = frame.payload.split_front(100);
  front.append(std::move(frame.payload));
  frame.payload = std::move(front);
  ASSERT_EQ(a->transmit({&frame, 1}, Instant()), 1u);
  std::array<Frame, 2> received;
  ASSERT_EQ(b->receive(received, Instant()), 1u);
  EXPECT_EQ(received[0].head_bytes().size(), 1400u);
  EXPECT_TRUE(received[0].payload.empty());
  EXPECT_EQ(octets_of(received[0]), octets);
  Octets again(1346);
  EXPECT_EQ(kept.copy_out(again), 1346u);
  EXPECT_TRUE(std::equal(again.begin(), again.end(), octets.begin() + 54));
}

// Whole or in segments, as the other end can take it, but to the last byte and in order.
TEST_P(DeviceContract, WhatItIsToCutArrives) {
  const size_t most = a->capabilities().cut_text_bytes_max;
  if (most == 0) {
    EXPECT_EQ(GetParam().wire, Wire::kHub);
    return;
  }
  const UncutFrame uncut;
  for (const size_t text_bytes : {size_t{1'449}, size_t{2'896}, size_t{30'000}, most}) {
    SCOPED_TRACE(text_bytes);
    Frame frame = uncut.make(memory_a, text_bytes, 1'448);
    // In as many pieces as it takes.
    SgArray pieces;
    const size_t piece = text_bytes / (a->capabilities().cut_pieces_max - 3) + 1;
    while (!frame.payload.empty()) pieces.append(frame.payload.split_front(piece));
    frame.payload = std::move(pieces);
    EXPECT_LE(frame.payload.count(), a->capabilities().cut_pieces_max);
    send_all(*a, {&frame, 1});
    EXPECT_TRUE(frame.empty());
    Octets text;
    size_t frames = 0;
    while (text.size() < text_bytes && has_something(*b)) {
      std::array<Frame, 8> burst;
      const size_t count = b->receive(burst, Instant());
      for (size_t i = 0; i < count; ++i, ++frames) {
        const Octets octets = octets_of(burst[i]);
        const size_t begin = text.size();
        ASSERT_GT(octets.size(), UncutFrame::kHeaders);
        uncut.expect_segment(octets, begin, octets.size() - UncutFrame::kHeaders, text_bytes);
        EXPECT_TRUE(burst[i].verdict == ChecksumVerdict::kGood || uncut.has_good_checksum(octets));
        text.insert(text.end(), octets.begin() + UncutFrame::kHeaders, octets.end());
      }
    }
    EXPECT_EQ(text, UncutFrame::text(text_bytes));
    EXPECT_TRUE(frames == 1 || frames == (text_bytes + 1'447) / 1'448) << frames;
  }
  EXPECT_EQ(memory_a.buffers_outstanding(), 0u);
  // One byte more cannot be.
  Frame frame = uncut.make(memory_a, most, 1'448);
  frame.payload.append(frame.payload.slice(0, kCutHeadersBytesMax - UncutFrame::kHeaders + 1));
  send_all(*a, {&frame, 1});
  EXPECT_TRUE(receive_all(*b).empty());
}

TEST_P(DeviceContract, TakesABurstAndLeavesTheRest) {
  const size_t burst = a->capabilities().burst_max;
  std::vector<Frame> frames = make_frames(burst + 5);
  EXPECT_EQ(a->transmit(frames, Instant()), burst);
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].empty(), i < burst);
    EXPECT_EQ(frames[i].bytes(), i < burst ? 0u : 64u);
  }
  EXPECT_EQ(number_of(octets_of(frames[burst])), burst);
  EXPECT_EQ(a->transmit(std::span(frames).subspan(burst), Instant()), 5u);
  EXPECT_EQ(memory_a.buffers_outstanding(), 0u);
  EXPECT_EQ(receive_all(*b).size(), burst + 5);
}

TEST_P(DeviceContract, NothingIsTakenAndNothingGivenOfNothing) {
  EXPECT_EQ(a->transmit({}, Instant()), 0u);
  send(*a, memory_a, ethernet(station(2), station(1), 7));
  EXPECT_EQ(b->receive({}, Instant()), 0u);
  EXPECT_EQ(receive_all(*b).size(), 1u);
  EXPECT_EQ(receive_all(*b).size(), 0u);
}

TEST_P(DeviceContract, GivesFramesInOrderAndAsManyAsAreAskedFor) {
  std::vector<Frame> frames = make_frames(150);
  send_all(*a, frames);
  std::array<Frame, 7> received;
  for (uint32_t next = 0; next < 150;) {
    const size_t asked = 1 + next % 7;
    const size_t count = b->receive(std::span(received).first(asked), Instant());
    ASSERT_EQ(count, std::min<size_t>(asked, 150 - next));
    for (size_t i = 0; i < received.size(); ++i) {
      ASSERT_EQ(received[i].empty(), i >= count);
      if (i < count) {
        ASSERT_EQ(number_of(octets_of(received[i])), next++);
      }
      received[i].clear();
    }
  }
  EXPECT_TRUE(receive_all(*b).empty());
}

TEST_P(DeviceContract, GivesNoMoreThanABurst) {
  const size_t burst = b->capabilities().burst_max;
  std::vector<Frame> frames = make_frames(burst + 5);
  send_all(*a, frames);
  std::vector<Frame> received(burst + 5);
  EXPECT_EQ(b->receive(received, Instant()), burst);
  EXPECT_EQ(b->receive(std::span(received).subspan(burst), Instant()), 5u);
}

TEST_P(DeviceContract, WhatIsReceivedIsTheReceiversAlone) {
  Octets octets = ethernet(MacAddress::broadcast(), station(1), 7);
  std::vector<Frame> received(2);
  for (Frame& frame : received) {
    send(*a, memory_a, octets);
    ASSERT_EQ(b->receive({&frame, 1}, Instant()), 1u);
    EXPECT_EQ(frame.head->references, 1u);
    EXPECT_EQ(frame.head->headroom, 64u);
    EXPECT_EQ(frame.checksum_start, 0);
  }
  EXPECT_EQ(memory_a.buffers_outstanding(), 0u);
  EXPECT_EQ(memory_b.buffers_outstanding(), 2u);
  std::fill(received[0].writable_head().begin(), received[0].writable_head().end(), uint8_t{0xee});
  EXPECT_EQ(octets_of(received[1]), octets);
}

TEST_P(DeviceContract, FramesThatCannotBeAreTakenAndNotSent) {
  std::vector<Frame> frames;
  frames.push_back(make_frame(memory_a, Octets(13, 2)));
  frames.push_back(make_frame(memory_a, ethernet(station(2), station(1), 7, 1519)));
  frames.push_back(make_frame(memory_a, ethernet(station(2), station(1), 7, 3000), 54));
  frames.push_back(make_frame(memory_a, ethernet(station(2), station(1), 9)));
  send_all(*a, frames);
  EXPECT_EQ(numbers(receive_all(*b)), std::vector<uint32_t>{9});
  EXPECT_EQ(memory_a.buffers_outstanding(), 0u);
}

TEST_P(DeviceContract, SaysWhenSomethingIsThere) {
  const Instant now = at_ms(5'000);
  receive_all(*b, now);  // a capture is written by the way
  receive_all(*a, now);
  EXPECT_TRUE(b->next_deadline().is_never());
  send(*a, memory_a, ethernet(station(2), station(1), 7), now);
  EXPECT_GT(a->next_deadline(), now);
  EXPECT_TRUE(has_something(*b, now));
  EXPECT_EQ(receive_all(*b, now).size(), 1u);
  EXPECT_FALSE(has_something(*b, now));
}

TEST_P(DeviceContract, WithoutMemoryFramesAreLostAndNothingElse) {
  std::vector<Frame> frames = make_frames(900, 1500);
  send_all(*a, frames);
  std::vector<Frame> received(900);
  size_t count = 0;
  while (const size_t more = b->receive(std::span(received).subspan(count), Instant())) count += more;
  EXPECT_GT(count, 100u);
  EXPECT_LT(count, 900u);
  for (uint32_t i = 0; i < count; ++i) ASSERT_EQ(number_of(octets_of(received[i])), i);
  received.clear();
  send(*a, memory_a, ethernet(station(2), station(1), 1'000));
  EXPECT_EQ(numbers(receive_all(*b)), std::vector<uint32_t>{1'000});
}

TEST_P(DeviceContract, EndsWithFramesThatNobodyHasReceived) {
  std::vector<Frame> frames = make_frames(40);
  send_all(*a, frames);
  b.reset();
  EXPECT_EQ(memory_b.buffers_outstanding(), 0u);
  // And nobody minds that the other end is gone.
  send(*a, memory_a, ethernet(station(2), station(1), 7));
  EXPECT_TRUE(receive_all(*a).empty());
}

TEST_P(DeviceContract, TakesNothingFromTheHeapInSteadyState) {
  std::array<Frame, 32> burst;
  const Octets octets = ethernet(station(2), station(1), 7, 100);
  size_t received = 0;
  const auto round = [&](int64_t number) {
    for (Frame& frame : burst) {
      BufferRef room = memory_a.allocate_room(octets.size());
      frame = Frame(room, room->headroom, static_cast<uint32_t>(octets.size()));
      std::copy(octets.begin(), octets.end(), frame.writable_head().begin());
    }
    for (size_t sent = 0; sent < burst.size();) sent += a->transmit(std::span(burst).subspan(sent), at_us(number));
    while (const size_t count = b->receive(burst, at_us(number))) {
      for (Frame& frame : std::span(burst).first(count)) frame.clear();
      received += count;
    }
  };
  for (int64_t i = 0; i < 100; ++i) round(i);
  const size_t before = heap_allocations();
  for (int64_t i = 100; i < 1'000; ++i) round(i);
  EXPECT_EQ(heap_allocations(), before);
  EXPECT_EQ(received, 32'000u);
}

INSTANTIATE_TEST_SUITE_P(EveryKind, DeviceContract,
                         ::testing::Values(Kind{"WireHub", as_it_is}, Kind{"Faults", with_faults}, Kind{"Pcap", captured},
                                           Kind{"PcapOfFaults", captured_with_faults}, Kind{"Tap", as_it_is, Wire::kTap},
                                           Kind{"PacketSocket", as_it_is, Wire::kVeth},
                                           Kind{"PcapOfFaultsOfPacketSocket", captured_with_faults, Wire::kVeth}),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace demi
