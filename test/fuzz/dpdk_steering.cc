// A frame of anybody, at a port with several queues: the first byte says how many there are.
// Whatever stands in the frame, it is for a queue that is open, for the one that got it, or for all; and both directions of a flow are for the same.
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "device/dpdk/steering.h"

namespace demi::dpdk {
namespace {

constexpr size_t kAddresses = 14 + 12;
constexpr size_t kPortsAt = 14 + 20;

// IPv4 without options, and TCP, whose header is there: the rest of the frame is of no interest.
bool is_plain_tcp(Bytes frame) {
  return frame.size() >= kPortsAt + 4 && frame[12] == 8 && frame[13] == 0 && (frame[14] & 0x0f) == 5 && frame[14 + 9] == 6;
}

// Ports with one to eight queues, of which every third is open.
const Steering& port(uint8_t choice) {
  static const auto kPorts = [] {
    std::array<std::unique_ptr<Steering>, 8> made;
    for (uint16_t queues = 1; queues <= made.size(); ++queues) {
      auto& steering = made[queues - 1u] = std::make_unique<Steering>(queues, 128);
      for (uint16_t queue = 0; queue < queues; queue += 3) steering->set_open(queue, true);
      steering->set_datagram_port(0, 53, true);
    }
    return made;
  }();
  return *kPorts[choice % kPorts.size()];
}

void exercise(Bytes input) {
  if (input.empty()) return;
  const Steering& steering = port(input[0]);
  const Bytes frame = input.subspan(1);
  const uint16_t to = steering.find(frame.data(), frame.size());
  if (to == Steering::kNobody || to == Steering::kEverybody) return;
  DEMI_ASSERT(to < steering.queues() && (steering.open_queues() >> to & 1) != 0, "a frame for a queue that nobody has");
  if (!is_plain_tcp(frame)) return;
  std::vector<uint8_t> back(frame.begin(), frame.end());
  std::swap_ranges(back.begin() + kAddresses, back.begin() + kAddresses + 4, back.begin() + kAddresses + 4);
  std::swap_ranges(back.begin() + kPortsAt, back.begin() + kPortsAt + 2, back.begin() + kPortsAt + 2);
  DEMI_ASSERT(steering.find(back.data(), back.size()) == to, "the two directions of a flow have two queues");
}

}  // namespace
}  // namespace demi::dpdk

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  demi::dpdk::exercise(demi::Bytes(data, size));
  return 0;
}
