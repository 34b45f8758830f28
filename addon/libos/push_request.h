// PushRequest: what a push still has to hand over, and where the bytes come from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/errno.h"
#include "libos/endpoint.h"
#include "memory/memory.h"
#include "memory/sg_array.h"

namespace demi {

// Bytes that still belong to the caller. What does not fit at the call is copied from here as room appears.
class PushSource {
 public:
  virtual ~PushSource() = default;
  // The caller's bytes as they are now, in full; empty when they are gone (a detached ArrayBuffer). Valid until control returns to the caller.
  virtual std::span<const uint8_t> bytes() = 0;
  // A source that stays valid after the call has returned.
  virtual std::unique_ptr<PushSource> keep() = 0;
};

// What is to be pushed: an SgArray that moved in, or bytes of the caller.
struct PushRequest {
  // Written out, or g++ clears the whole of it by a string instruction, which takes longer than the push.
  PushRequest() {}

  SgArray data;
  PushSource* source = nullptr;        // nullptr when `data` is everything
  std::unique_ptr<PushSource> kept;    // owns `source` while the push is pending
  uint64_t total_bytes = 0;
  uint64_t accepted_bytes = 0;
  bool until_acknowledged = false;     // complete when the peer has acknowledged, not when the send buffer has accepted
  std::optional<Endpoint> destination; // pushto
  uint64_t memory_wanted_bytes = 1;    // what must have come back before it is of use to try again, after an ENOMEM

  uint64_t remaining_bytes() const { return total_bytes - accepted_bytes; }

  // For streams: hands over up to `max` bytes more, as many as there is memory for, and counts them as accepted. ENOMEM when not even
  // one byte could be had; EFAULT when the caller's bytes are gone.
  Errno accept_into(SgArray& out, uint64_t max, Memory& memory);
  // For messages: makes `data` the whole message, without counting anything as accepted. ENOMEM when there is no memory for all of it:
  // then nothing is taken, because two messages that each kept a part would wait for each other for ever. EFAULT as above.
  Errno gather(Memory& memory);
  // Where the bytes that are not accepted yet lie, for whoever takes them from there: the first of them, in as many pieces as there is
  // place for. EFAULT as above.
  Errno remaining_pieces(std::span<std::span<const uint8_t>> pieces, size_t& count);
  // The first `bytes` of them are accepted, and given back.
  void accept(uint64_t bytes);
};

}  // namespace demi
