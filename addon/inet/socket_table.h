// SocketTable: what a socket's handle stands for, and what has happened to sockets that their users were not told yet.
#pragma once

#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/ring_queue.h"

namespace demi {

// Small, and never that of another socket: the generation changes with each use of the index.
struct SocketHandle {
  uint32_t index = 0;
  uint32_t generation = 0;  // 0 is no socket

  bool operator==(const SocketHandle&) const = default;
  explicit operator bool() const { return generation != 0; }
};

enum class SocketEventKind : uint8_t {
  kConnected,
  kReadable,    // or an error, or an end, to be read
  kWritable,
  kDelivered,   // all that was sent is acknowledged
  kAcceptable,
  kClosed,      // the connection is over; why, its getters say
};

// The one seam between the protocols and those who wait. A kind is told once, however often it has happened since the last time.
struct SocketEvent {
  SocketHandle socket;
  SocketEventKind kind = SocketEventKind::kReadable;

  bool operator==(const SocketEvent&) const = default;
};

enum class SocketKind : uint8_t { kNone, kTcpConnection, kTcpListener, kUdp };

class SocketTable {
 public:
  SocketHandle add(SocketKind kind, void* object) {
    DEMI_ASSERT(kind != SocketKind::kNone && object != nullptr, "a socket without an object");
    uint32_t index = first_free_;
    if (index == kNone) {
      index = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      first_free_ = slots_[index].next_free;
    }
    Slot& slot = slots_[index];
    slot.kind = kind;
    slot.object = object;
    ++live_;
    return {index, slot.generation};
  }
  void remove(SocketHandle handle) {
    Slot* slot = find(handle);
    DEMI_ASSERT(slot != nullptr, "a socket was removed twice");
    slot->kind = SocketKind::kNone;
    slot->events = 0;
    if (++slot->generation == 0) slot->generation = 1;
    slot->next_free = first_free_;
    first_free_ = handle.index;
    --live_;
  }

  SocketKind kind(SocketHandle handle) const {
    const Slot* slot = const_cast<SocketTable*>(this)->find(handle);
    return slot == nullptr ? SocketKind::kNone : slot->kind;
  }
  // nullptr when the handle is of no socket of this kind.
  void* get(SocketHandle handle, SocketKind kind) const {
    const Slot* slot = const_cast<SocketTable*>(this)->find(handle);
    return slot == nullptr || slot->kind != kind ? nullptr : slot->object;
  }

  void raise(SocketHandle handle, SocketEventKind kind) {
    Slot* slot = find(handle);
    if (slot == nullptr) return;
    slot->events |= static_cast<uint8_t>(1u << static_cast<uint8_t>(kind));
    if (slot->is_queued) return;
    slot->is_queued = true;
    with_events_.push_back(handle.index);
  }
  bool poll_event(SocketEvent& out) {
    while (!with_events_.empty()) {
      Slot& slot = slots_[with_events_.front()];
      if (slot.events == 0) {
        slot.is_queued = false;
        with_events_.pop_front();
        continue;
      }
      const auto first = static_cast<uint8_t>(__builtin_ctz(slot.events));
      slot.events &= static_cast<uint8_t>(slot.events - 1);
      out = {{with_events_.front(), slot.generation}, static_cast<SocketEventKind>(first)};
      return true;
    }
    return false;
  }

  void prefetch(SocketHandle handle) const {
    if (handle.index < slots_.size()) __builtin_prefetch(&slots_[handle.index], 1);
  }

  size_t live() const { return live_; }
  template <class Visit>
  void for_each(SocketKind kind, Visit&& visit) {
    for (Slot& slot : slots_) {
      if (slot.kind == kind) visit(slot.object);
    }
  }

 private:
  struct Slot {
    union {
      void* object = nullptr;
      uint32_t next_free;     // of a slot without an object
    };
    uint32_t generation = 1;
    SocketKind kind = SocketKind::kNone;
    uint8_t events = 0;       // a bit for each kind
    bool is_queued = false;   // in with_events_
  };
  static_assert(sizeof(Slot) == 16);
  static constexpr uint32_t kNone = UINT32_MAX;

  Slot* find(SocketHandle handle) {
    if (handle.index >= slots_.size()) return nullptr;
    Slot& slot = slots_[handle.index];
    return slot.generation == handle.generation && slot.kind != SocketKind::kNone ? &slot : nullptr;
  }

  std::vector<Slot> slots_;
  RingQueue<uint32_t> with_events_;
  uint32_t first_free_ = kNone;
  size_t live_ = 0;
};

}  // namespace demi
