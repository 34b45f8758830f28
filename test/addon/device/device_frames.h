// Frames for the tests of device/: made from bytes, taken apart into bytes, and sent and received in bursts.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <vector>

#include "device/device.h"
#include "memory/memory.h"

namespace demi {

using Octets = std::vector<uint8_t>;

// A locally administered address.
constexpr MacAddress station(uint8_t number) { return {{0x02, 0, 0, 0, 0, number}}; }

constexpr Instant at_ms(int64_t milliseconds) { return Instant() + Duration::milliseconds(milliseconds); }
constexpr Instant at_us(int64_t microseconds) { return Instant() + Duration::microseconds(microseconds); }

// `bytes` in all, of a type that nobody knows. Behind the header comes `number`, and bytes that follow from it.
inline Octets ethernet(const MacAddress& destination, const MacAddress& source, uint32_t number, size_t bytes = 64) {
  Octets octets(std::max<size_t>(bytes, EthernetView::kBytes));
  EthernetHeader{destination, source, static_cast<EtherType>(0x88b5), false, 0}.emit(octets);
  for (size_t i = EthernetView::kBytes; i < octets.size(); ++i) {
    const size_t place = i - EthernetView::kBytes;
    octets[i] = static_cast<uint8_t>(place < 4 ? number >> (24 - 8 * place) : number + place);
  }
  return octets;
}

// The number that ethernet() was given.
inline uint32_t number_of(const Octets& octets) { return load_be32(octets.data() + EthernetView::kBytes); }

// The first `head_bytes` become the head, the rest the payload.
inline Frame make_frame(Memory& memory, const Octets& octets, size_t head_bytes = SIZE_MAX) {
  const size_t in_head = std::min(head_bytes, octets.size());
  BufferRef room = memory.allocate_room(in_head);
  if (!room) return Frame();
  Frame frame(room, room->headroom, static_cast<uint32_t>(in_head));
  std::copy_n(octets.begin(), in_head, frame.writable_head().begin());
  EXPECT_TRUE(memory.copy_whole(Bytes(octets).subspan(in_head), frame.payload));
  return frame;
}

inline Octets octets_of(const Frame& frame) {
  Octets octets(frame.bytes());
  EXPECT_EQ(frame.copy_out(octets), octets.size());
  return octets;
}

// Sends all, in as many calls as it takes.
inline void send_all(Device& device, std::span<Frame> frames, Instant now = Instant()) {
  while (!frames.empty()) {
    const size_t taken = device.transmit(frames, now);
    ASSERT_GT(taken, 0u);
    frames = frames.subspan(taken);
  }
}

inline void send(Device& device, Memory& memory, const Octets& octets, Instant now = Instant()) {
  Frame frame = make_frame(memory, octets);
  ASSERT_FALSE(frame.empty());
  send_all(device, {&frame, 1}, now);
}

// Whether the device has something to give. What comes by way of the kernel may be some milliseconds behind.
inline bool has_something(const Device& device, Instant now = Instant()) {
  pollfd look{device.capabilities().wakeup_fd, POLLIN, 0};
  return device.next_deadline() <= now || (look.fd >= 0 && ::poll(&look, 1, 10) > 0);
}

// What has arrived, in few calls.
inline std::vector<Octets> receive_all(Device& device, Instant now = Instant()) {
  std::vector<Octets> received;
  std::array<Frame, 16> frames;
  while (true) {
    size_t count = device.receive(frames, now);
    if (count == 0 && has_something(device, now)) count = device.receive(frames, now);
    if (count == 0) return received;
    for (Frame& frame : std::span(frames).first(count)) {
      received.push_back(octets_of(frame));
      frame.clear();
    }
  }
}

inline std::vector<uint32_t> numbers(const std::vector<Octets>& frames) {
  std::vector<uint32_t> found;
  for (const Octets& octets : frames) found.push_back(number_of(octets));
  return found;
}

}  // namespace demi
