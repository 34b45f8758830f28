// Frame: one frame on its way from a stack to a device, or from a device to a stack. Who owns it when is said in device/device.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"
#include "memory/buffer.h"
#include "memory/sg_array.h"

namespace demi {

class Memory;

// What a device found when it looked at the checksums of a received frame.
enum class ChecksumVerdict : uint8_t { kUnknown, kGood, kBad };

struct Frame {
  // Empty.
  Frame() = default;
  // The `count` bytes of the buffer's room from `first` on.
  Frame(BufferRef buffer, uint32_t first, uint32_t count) : head(std::move(buffer)), offset(first), length(count) {
    DEMI_ASSERT(head && uint64_t{offset} + length <= head->capacity, "a frame outside of its room");
  }
  // The source is empty afterwards.
  Frame(Frame&& other) noexcept
      : head(std::move(other.head)),
        offset(other.offset),
        length(std::exchange(other.length, 0)),
        payload(std::move(other.payload)),
        checksum_start(std::exchange(other.checksum_start, uint16_t{0})),
        checksum_offset(other.checksum_offset),
        segment_bytes(std::exchange(other.segment_bytes, uint16_t{0})),
        verdict(std::exchange(other.verdict, ChecksumVerdict::kUnknown)) {}
  Frame& operator=(Frame&& other) noexcept {
    if (this == &other) return *this;
    if (!head && payload.empty()) {
      // Mostly nothing is to be given back.
      new (this) Frame(std::move(other));
      return *this;
    }
    head = std::move(other.head);
    offset = other.offset;
    length = std::exchange(other.length, 0);
    payload = std::move(other.payload);
    checksum_start = std::exchange(other.checksum_start, uint16_t{0});
    checksum_offset = other.checksum_offset;
    segment_bytes = std::exchange(other.segment_bytes, uint16_t{0});
    verdict = std::exchange(other.verdict, ChecksumVerdict::kUnknown);
    return *this;
  }

  // The first bytes, in one piece: of a frame that is sent at least all headers, of one that was received everything.
  BufferRef head;
  uint32_t offset = 0;
  uint32_t length = 0;
  // What follows the head without having been copied. Others may hold the same bytes, so nobody writes them.
  SgArray payload;

  // To be sent: where the sum begins that the device has to finish, in bytes from the start of the frame, and where it is stored, in
  // bytes from there. That place holds the sum of the pseudo header (Checksum::folded). 0: there is nothing to finish.
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
  // To be sent: a segment of TCP over IPv4 that the device is to cut into such of so many bytes of text each, the last of which may have fewer. Its
  // checksum is left to the device, too. 0: it is sent as it is.
  uint16_t segment_bytes = 0;
  // Received.
  ChecksumVerdict verdict = ChecksumVerdict::kUnknown;

  bool empty() const { return !head; }
  size_t bytes() const { return length + static_cast<size_t>(payload.bytes()); }
  Bytes head_bytes() const { return head ? Bytes(head->room + offset, length) : Bytes(); }
  // Only for who knows that nobody else holds the buffer.
  MutableBytes writable_head() { return head ? MutableBytes(head->room + offset, length) : MutableBytes(); }
  // Copies the bytes that there are and that fit. Returns how many.
  size_t copy_out(MutableBytes to) const;
  // The same frame in one piece, in a room of `memory` that nobody shares. Empty when there is none, or none so large.
  Frame copied_into(Memory& memory) const;
  // Gives everything back.
  void clear() {
    head.reset();
    length = 0;
    payload.clear();
    checksum_start = 0;
    segment_bytes = 0;
    verdict = ChecksumVerdict::kUnknown;
  }
};

// A burst of 32 is 2 KiB: it stays in the nearest cache.
static_assert(sizeof(Frame) <= 64);

}  // namespace demi
