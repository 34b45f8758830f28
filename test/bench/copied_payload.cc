// What it costs to send a packet over DPDK whose payload is copied behind its head, and one whose payload is attached where it lies, by length: where the two meet
// says what DEMI_DPDK_COPIED_BYTES should be. It goes through the plug-in as the addon does, without a stack: bursts of 32 by a cable of rings to a queue of the
// same thread, which takes them and gives them back. (net_null would do, if it took chains: without them nothing is attached.) Heads have room for so many
// bytes as the plug-in was built for: beyond that a copy takes a second mbuf.
//
//   make -C test/addon copied_payload_bench        needs addon/build/Release/demi_dpdk.so (npx demi build-dpdk), and neither rights nor hugepages.
//   build/addon-tests/copied_payload_bench PLUGIN  with another one, such as one that was built with a larger DEMI_DPDK_COPIED_BYTES
//
// Nanoseconds a packet: of 9 runs the median, attached and copied in turns.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "device/dpdk_library.h"

namespace {

constexpr uint32_t kBurst = DEMI_DPDK_BURST_MAX;
constexpr int kRuns = 9;
constexpr int kBursts = 4'000;
constexpr uint32_t kHeadBytes = 54;
constexpr uint16_t kMtu = 9000;
// Payload comes from many places: more than the caches of the second level hold, so that a copy reads what was not just written.
constexpr size_t kPayloadBytes = size_t{8} << 20;

uint64_t given_back = 0;

struct Opened {
  demi_dpdk_queue* queue = nullptr;
  demi_dpdk_port_info info{};
};

Opened open(const demi_dpdk_plugin& plugin, const char* port) {
  Opened opened;
  demi_dpdk_problem problem{};
  demi_dpdk_queue_config config{};
  config.port = port;
  config.queues = 1;
  config.rooms = 4096;
  config.window_bytes_max = 1 << 20;
  config.mtu = kMtu;
  config.release = [](void*, void*) { ++given_back; };
  if (plugin.open_queue(&config, &opened.queue, &opened.info, &problem) != 0) std::printf("%s\n", problem.text);
  return opened;
}

double ns_of_packet(const demi_dpdk_plugin& plugin, demi_dpdk_queue* out, demi_dpdk_queue* in, uint8_t* payload, uint32_t bytes, bool is_copied) {
  std::array<uint8_t, kHeadBytes> head{};
  std::array<std::array<demi_dpdk_piece, 2>, kBurst> pieces{};
  std::array<demi_dpdk_packet, kBurst> packets{};
  std::array<demi_dpdk_received, kBurst> came{};
  std::array<void*, kBurst> notes{};
  size_t at = 0;
  uint64_t sent = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int burst = 0; burst < kBursts; ++burst) {
    for (uint32_t i = 0; i < kBurst; ++i) {
      at = at + 8192 > kPayloadBytes - 8192 ? 0 : at + 8192;
      pieces[i] = {{{head.data(), kHeadBytes, nullptr}, {payload + at, bytes, is_copied ? nullptr : payload}}};
      packets[i] = {2, pieces[i].data(), 0, 0, 0};
    }
    sent += plugin.transmit(out, packets.data(), kBurst);
    const uint32_t count = plugin.receive(in, came.data(), kBurst);
    for (uint32_t i = 0; i < count; ++i) notes[i] = came[i].note;
    plugin.give_rooms(in, notes.data(), count);
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  if (sent != uint64_t{kBursts} * kBurst) std::printf("only %lu packets were taken\n", static_cast<unsigned long>(sent));
  return took.count() / static_cast<double>(kBursts * kBurst);
}

}  // namespace

int main(int count, char** words) {
  const demi::LoadedDpdk loaded = demi::load_dpdk(count > 1 ? words[1] : DEMI_DPDK_PLUGIN);
  demi::Errno error = demi::Errno::kOk;
  std::string problem = loaded.plugin == nullptr ? loaded.problem : demi::start_eal(*loaded.plugin, {"--no-huge", "--no-pci", "-m", "512"}, error);
  if (!problem.empty()) {
    std::printf("%s\n", problem.c_str());
    return 1;
  }
  const demi_dpdk_plugin& plugin = *loaded.plugin;
  demi_dpdk_problem wrong{};
  if (plugin.enter_thread(&wrong) != 0) return 1;
  auto* payload = static_cast<uint8_t*>(plugin.take_memory(kPayloadBytes));
  if (payload == nullptr) return 1;
  std::memset(payload, 7, kPayloadBytes);
  const Opened one = open(plugin, "ring:bench/0");
  const Opened other = open(plugin, "ring:bench/1");
  if (one.queue == nullptr || other.queue == nullptr) return 1;
  std::printf("%8s%11s%11s\n", "bytes", "copied", "attached");
  for (const uint32_t bytes : {64u, 128u, 256u, 384u, 512u, 640u, 768u, 1024u, 1440u, 2048u, 4096u}) {
    std::array<std::vector<double>, 2> found;
    for (int run = 0; run < kRuns; ++run) {
      for (const bool is_copied : {true, false}) {
        found[is_copied ? 0 : 1].push_back(ns_of_packet(plugin, one.queue, other.queue, payload, bytes, is_copied));
      }
    }
    for (auto& each : found) std::nth_element(each.begin(), each.begin() + kRuns / 2, each.end());
    std::printf("%8u%11.1f%11.1f\n", bytes, found[0][kRuns / 2], found[1][kRuns / 2]);
    std::fflush(stdout);
  }
  for (const Opened& opened : {one, other}) plugin.close_queue(opened.queue);
  plugin.leave_thread();
  return 0;
}
