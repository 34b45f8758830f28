#include "device/pcap.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/limits.h"
#include "device/device_frames.h"
#include "device/wire_hub.h"

namespace demi {
namespace {

// Takes as many frames as it is told, and has as many to give.
class HalfHeartedDevice final : public Device {
 public:
  HalfHeartedDevice()
      : Device({.link_address = station(1), .mtu_bytes = 1500, .burst_max = 8, .finishes_checksums = true, .wakeup_fd = 5}) {}
  size_t transmit(std::span<Frame> frames, Instant) override {
    const size_t count = std::min(frames.size(), takes);
    for (Frame& frame : frames.first(count)) frame.clear();
    return count;
  }
  size_t receive(std::span<Frame>, Instant) override { return 0; }
  Instant next_deadline() const override { return deadline; }

  size_t takes = 0;
  Instant deadline = Instant::never();
};

struct Record {
  int64_t nanoseconds;
  uint32_t number;
  bool operator==(const Record&) const = default;
};

class PcapTest : public ::testing::Test {
 protected:
  ~PcapTest() override { std::remove(path.c_str()); }

  std::unique_ptr<Pcap> capture(std::unique_ptr<Device> inner, Duration unix_time_of_zero = Duration()) {
    auto file = PcapWriter::create(path);
    EXPECT_TRUE(file.ok());
    return std::make_unique<Pcap>(std::move(inner), std::move(*file), unix_time_of_zero);
  }
  std::vector<Record> captured() const {
    std::ifstream stream(path, std::ios::binary);
    const Octets file(std::istreambuf_iterator<char>(stream), {});
    std::vector<Record> records;
    size_t at = 24;
    while (at + 16 <= file.size()) {
      const uint32_t length = load_be32(file.data() + at + 8);
      EXPECT_EQ(length, load_be32(file.data() + at + 12));
      EXPECT_LE(at + 16 + length, file.size());
      const Octets frame(file.begin() + static_cast<std::ptrdiff_t>(at + 16), file.begin() + static_cast<std::ptrdiff_t>(at + 16 + length));
      records.push_back({int64_t{load_be32(file.data() + at)} * 1'000'000'000 + load_be32(file.data() + at + 4), number_of(frame)});
      at += 16 + length;
    }
    EXPECT_EQ(at, file.size());
    return records;
  }

  const std::string path = ::testing::TempDir() + "pcap_test.pcap";
  Memory memory;
};

TEST_F(PcapTest, CapturesBothWaysInTheOrderOfTime) {
  auto hub = std::make_shared<WireHub>();
  auto here = capture(std::move(*WireHubPort::attach(hub, station(1), memory)));
  auto there = std::move(*WireHubPort::attach(hub, station(2), memory));
  send(*here, memory, ethernet(station(2), station(1), 1), at_us(10));
  EXPECT_EQ(receive_all(*there).size(), 1u);
  send(*there, memory, ethernet(station(1), station(2), 2));
  EXPECT_EQ(receive_all(*here, at_us(20)).size(), 1u);
  send(*here, memory, ethernet(station(2), station(1), 3), at_us(30));
  here.reset();
  EXPECT_EQ(captured(), (std::vector<Record>{{10'000, 1}, {20'000, 2}, {30'000, 3}}));
}

TEST_F(PcapTest, TellsTheTimeOfTheCalendar) {
  auto inner = std::make_unique<HalfHeartedDevice>();
  inner->takes = 1;
  auto device = capture(std::move(inner), Duration::seconds(1'700'000'000));
  send(*device, memory, ethernet(station(2), station(1), 1), at_us(5));
  device.reset();
  EXPECT_EQ(captured(), (std::vector<Record>{{1'700'000'000'000'005'000, 1}}));
}

TEST_F(PcapTest, CapturesOnlyWhatWasTaken) {
  auto inner = std::make_unique<HalfHeartedDevice>();
  HalfHeartedDevice& wire = *inner;
  auto device = capture(std::move(inner));
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < 12; ++i) frames.push_back(make_frame(memory, ethernet(station(2), station(1), i)));
  EXPECT_EQ(device->transmit(frames, at_us(1)), 0u);
  wire.takes = 3;
  EXPECT_EQ(device->transmit(frames, at_us(2)), 3u);
  EXPECT_TRUE(frames[2].empty());
  EXPECT_EQ(number_of(octets_of(frames[3])), 3u);
  // No more than the burst of the inner device is offered to it.
  wire.takes = 100;
  EXPECT_EQ(device->transmit(std::span(frames).subspan(3), at_us(3)), 8u);
  device.reset();
  const std::vector<Record> records = captured();
  ASSERT_EQ(records.size(), 11u);
  for (uint32_t i = 0; i < 11; ++i) EXPECT_EQ(records[i], (Record{i < 3 ? 2'000 : 3'000, i}));
}

TEST_F(PcapTest, SaysWhatTheInnerDeviceCan) {
  const HalfHeartedDevice plain;
  EXPECT_EQ(capture(std::make_unique<HalfHeartedDevice>())->capabilities(), plain.capabilities());
}

TEST_F(PcapTest, IsWrittenWithinASecond) {
  auto inner = std::make_unique<HalfHeartedDevice>();
  HalfHeartedDevice& wire = *inner;
  wire.takes = 1;
  auto device = capture(std::move(inner));
  EXPECT_TRUE(device->next_deadline().is_never());
  send(*device, memory, ethernet(station(2), station(1), 1), at_ms(100));
  send(*device, memory, ethernet(station(2), station(1), 2), at_ms(900));
  EXPECT_EQ(device->next_deadline(), at_ms(1'100));
  wire.deadline = at_ms(950);
  EXPECT_EQ(device->next_deadline(), at_ms(950));
  wire.deadline = Instant::never();
  receive_all(*device, at_ms(1'099));
  EXPECT_EQ(captured().size(), 0u);
  receive_all(*device, at_ms(1'100));
  EXPECT_EQ(captured().size(), 2u);
  EXPECT_TRUE(device->next_deadline().is_never());
}

TEST_F(PcapTest, IsWrittenWhenMuchWasCollected) {
  auto inner = std::make_unique<HalfHeartedDevice>();
  inner->takes = 1;
  auto device = capture(std::move(inner));
  const size_t record = 16 + 1'000;
  const size_t enough = (kPcapPieceBytes + record - 1) / record;
  for (uint32_t i = 0; i + 1 < enough; ++i) send(*device, memory, ethernet(station(2), station(1), i, 1'000));
  EXPECT_EQ(captured().size(), 0u);
  send(*device, memory, ethernet(station(2), station(1), 1, 1'000));
  EXPECT_EQ(captured().size(), enough);
  EXPECT_TRUE(device->next_deadline().is_never());
}

#ifdef __linux__
TEST(Pcap, ADiskThatIsFullDoesNotStopTheDevice) {
  Memory memory;
  auto file = PcapWriter::create("/dev/full");
  ASSERT_TRUE(file.ok());
  auto inner = std::make_unique<HalfHeartedDevice>();
  inner->takes = 2;
  Pcap device(std::move(inner), std::move(*file));
  EXPECT_TRUE(device.has_failed());
  Frame frames[] = {make_frame(memory, ethernet(station(2), station(1), 1)), make_frame(memory, ethernet(station(2), station(1), 2)),
                    make_frame(memory, ethernet(station(2), station(1), 3))};
  EXPECT_EQ(device.transmit(frames, Instant()), 2u);
  EXPECT_FALSE(frames[2].empty());
  EXPECT_TRUE(device.next_deadline().is_never());
}
#endif

}  // namespace
}  // namespace demi
