// FakeDpdk: a plug-in without DPDK, whose one queue does what a test says: for what is decided on the addon's side of the boundary.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "device/dpdk/dpdk_plugin.h"

namespace demi {

class FakeDpdk {
 public:
  static constexpr uint32_t kRooms = 16;
  static constexpr uint32_t kRoomBytes = 2048;
  static constexpr uint32_t kHeadroom = 128;

  FakeDpdk() { now() = this; }
  ~FakeDpdk() { now() = nullptr; }

  const demi_dpdk_plugin& plugin() const {
    static constexpr demi_dpdk_plugin kTable = {
        .abi = DEMI_DPDK_ABI,
        .version = [] { return "fake"; },
        .start = [](const char* const*, size_t, demi_dpdk_problem*) { return 0; },
        .enter_thread = [](demi_dpdk_problem*) { return ++now()->threads, 0; },
        .leave_thread = [] { --now()->threads; },
        .take_memory = [](size_t bytes) { return now()->take_memory(bytes); },
        .give_memory = [](void* memory, size_t) { now()->memory_given.push_back(memory); },
        .open_queue = [](const demi_dpdk_queue_config* config, demi_dpdk_queue** queue, demi_dpdk_port_info* info,
                         demi_dpdk_problem* problem) { return now()->open(*config, queue, *info, *problem); },
        .close_queue = [](demi_dpdk_queue*) { return now()->close(); },
        .window =
            [](const demi_dpdk_queue*, uint32_t, uint8_t** data, size_t* bytes) {
              *data = now()->rooms_memory.data();
              *bytes = now()->rooms_memory.size();
            },
        .each_room =
            [](demi_dpdk_queue*, void (*visit)(void*, void*, uint8_t*, uint32_t, uint32_t), void* context) {
              for (uint32_t i = 0; i < kRooms; ++i) visit(context, now()->note(i), now()->room(i), 0, i * kRoomBytes);
            },
        .receive = [](demi_dpdk_queue*, demi_dpdk_received* into, uint32_t count) { return now()->receive(into, count); },
        .give_rooms =
            [](demi_dpdk_queue*, void* const* notes, uint32_t count) {
              for (uint32_t i = 0; i < count; ++i) now()->free_rooms.push_back(now()->index_of(notes[i]));
            },
        .transmit = [](demi_dpdk_queue*, const demi_dpdk_packet* packets, uint32_t count) { return now()->transmit(packets, count); },
        .want_datagrams = [](demi_dpdk_queue*, uint16_t port, int is_wanted) { now()->datagram_ports.push_back({port, is_wanted != 0}); },
        .tend_link = [](demi_dpdk_queue*, int64_t) { return ++now()->looks, now()->link; },
        .counters = [](demi_dpdk_queue*, demi_dpdk_counters* counters) { *counters = now()->counters; },
    };
    return kTable;
  }

  // --- what the test says ---
  std::string refusal;           // of open_queue
  int link = DEMI_DPDK_LINK_UP;
  int interface_index = 0;
  uint32_t takes = 1000;         // packets of a burst
  bool cuts_segments = true;
  bool keeps_pieces = false;     // until free_pieces()
  bool loses_pieces = false;     // they do not come back with the queue
  demi_dpdk_counters counters{};
  void arrive(const std::vector<uint8_t>& bytes, uint32_t verdict = DEMI_DPDK_UNKNOWN) { arrived.push_back({bytes, verdict}); }
  void free_pieces() {
    for (void* owner : kept) config.release(config.context, owner);
    kept.clear();
  }

  // --- what the test sees ---
  struct Sent {
    std::vector<uint8_t> bytes;
    uint32_t shared_pieces;
    uint16_t checksum_start;
    uint16_t checksum_offset;
    uint16_t segment_bytes;
  };
  std::vector<Sent> sent;
  demi_dpdk_queue_config config{};
  int threads = 0;
  int looks = 0;
  bool is_open = false;
  std::vector<std::pair<uint16_t, bool>> datagram_ports;
  std::vector<void*> memory_given;
  std::vector<uint32_t> free_rooms;

 private:
  struct Arrival {
    std::vector<uint8_t> bytes;
    uint32_t verdict;
  };
  static FakeDpdk*& now() {
    static FakeDpdk* only = nullptr;
    return only;
  }
  uint8_t* room(uint32_t i) { return rooms_memory.data() + size_t{i} * kRoomBytes; }
  void* note(uint32_t i) { return notes.data() + size_t{i} * DEMI_DPDK_NOTE_BYTES / sizeof(uint64_t); }
  uint32_t index_of(void* a_note) { return static_cast<uint32_t>((static_cast<uint64_t*>(a_note) - notes.data()) * sizeof(uint64_t) / DEMI_DPDK_NOTE_BYTES); }

  void* take_memory(size_t bytes) {
    memory.emplace_back(bytes);
    return memory.back().data();
  }
  int open(const demi_dpdk_queue_config& wanted, demi_dpdk_queue** queue, demi_dpdk_port_info& info, demi_dpdk_problem& problem) {
    if (!refusal.empty()) {
      std::snprintf(problem.text, sizeof problem.text, "%s", refusal.c_str());
      return -EBUSY;
    }
    config = wanted;
    is_open = true;
    std::memcpy(info.mac, "\x02\x00\x00\x00\x00\x07", 6);
    info.mtu = wanted.mtu == 0 ? 1500 : wanted.mtu;
    info.finishes_checksums = 1;
    info.steering_entries = 64;
    info.cuts_segments = cuts_segments ? 1 : 0;
    info.room_bytes = kRoomBytes;
    info.windows = 1;
    info.interface_index = interface_index;
    free_rooms.clear();
    for (uint32_t i = 0; i < kRooms; ++i) free_rooms.push_back(i);
    *queue = reinterpret_cast<demi_dpdk_queue*>(this);
    return 0;
  }
  int close() {
    is_open = false;
    if (loses_pieces) return 0;
    free_pieces();
    return 1;
  }
  uint32_t receive(demi_dpdk_received* into, uint32_t count) {
    uint32_t got = 0;
    while (got < count && !arrived.empty() && !free_rooms.empty()) {
      const uint32_t i = free_rooms.back();
      free_rooms.pop_back();
      const Arrival arrival = arrived.front();
      arrived.pop_front();
      std::copy(arrival.bytes.begin(), arrival.bytes.end(), room(i) + kHeadroom);
      into[got++] = {note(i), kHeadroom, static_cast<uint32_t>(arrival.bytes.size()), arrival.verdict};
    }
    return got;
  }
  uint32_t transmit(const demi_dpdk_packet* packets, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      Sent one{{}, 0, packets[i].checksum_start, packets[i].checksum_offset, packets[i].segment_bytes};
      for (uint32_t p = 0; p < packets[i].pieces; ++p) {
        const demi_dpdk_piece& piece = packets[i].first[p];
        one.bytes.insert(one.bytes.end(), piece.data, piece.data + piece.length);
        if (piece.owner == nullptr) continue;
        ++one.shared_pieces;
        if (i < takes && keeps_pieces) {
          kept.push_back(piece.owner);
        } else {
          config.release(config.context, piece.owner);
        }
      }
      if (i < takes) sent.push_back(std::move(one));
    }
    return std::min(count, takes);
  }

  std::vector<uint8_t> rooms_memory = std::vector<uint8_t>(size_t{kRooms} * kRoomBytes);
  std::vector<uint64_t> notes = std::vector<uint64_t>(size_t{kRooms} * DEMI_DPDK_NOTE_BYTES / sizeof(uint64_t));
  std::deque<std::vector<uint8_t>> memory;
  std::deque<Arrival> arrived;
  std::vector<void*> kept;
};

}  // namespace demi
