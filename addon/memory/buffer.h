// Buffer and BufferRef: reference-counted bytes. The counts are plain integers: a libOS and its memory belong to one thread.
// A Buffer is only the header; its bytes (the room) are in a window, apart from it, because JavaScript can write there.
#pragma once

#include <cstdint>
#include <utility>

#include "base/assert.h"

namespace demi {

class BufferPool;

// Made and kept by a pool. Its users hold it by BufferRef or by the segments of an SgArray.
struct Buffer {
  // Holders; 0 while the buffer lies in its pool.
  uint32_t references;
  // How often it has returned to its pool: who remembers a buffer and its generation can tell that it is another's by now.
  uint32_t generation;
  // Where it returns to.
  BufferPool* pool;
  // Its first byte, and how many follow: headroom (for the headers in front of a payload), then the payload.
  uint8_t* room;
  uint32_t capacity;
  uint32_t headroom;
  // The same place as JavaScript knows it: index of the window, and bytes from its start to `room`.
  uint32_t window;
  uint32_t window_offset;
  // The pool's own link while the buffer lies there.
  Buffer* next_free;

  uint8_t* payload() const { return room + headroom; }
  uint32_t payload_capacity() const { return capacity - headroom; }
};

inline void add_reference(Buffer& buffer) {
  DEMI_ASSERT(buffer.references > 0, "a buffer that lies in its pool cannot be shared");
  ++buffer.references;
}
// Gives one reference back, and with the last one the buffer to its pool. Defined in buffer_pool.h.
void drop_reference(Buffer& buffer);

// One reference. Copying it adds one, moving it moves it.
class BufferRef {
 public:
  BufferRef() = default;
  // Takes over a reference that somebody counted already, as BufferPool::allocate does.
  static BufferRef adopt(Buffer* counted) { return BufferRef(counted); }
  // Adds a reference.
  static BufferRef share(Buffer& buffer) {
    add_reference(buffer);
    return BufferRef(&buffer);
  }
  BufferRef(const BufferRef& other) : buffer_(other.buffer_) {
    if (buffer_ != nullptr) add_reference(*buffer_);
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() { reset(); }

  void reset() {
    if (Buffer* dropped = std::exchange(buffer_, nullptr)) drop_reference(*dropped);
  }
  // Hands the reference over to the caller, who has to drop it.
  [[nodiscard]] Buffer* detach() { return std::exchange(buffer_, nullptr); }

  Buffer* get() const { return buffer_; }
  Buffer* operator->() const { return buffer_; }
  Buffer& operator*() const { return *buffer_; }
  explicit operator bool() const { return buffer_ != nullptr; }

 private:
  explicit BufferRef(Buffer* buffer) : buffer_(buffer) {}
  Buffer* buffer_ = nullptr;
};

}  // namespace demi

// Whoever holds a buffer must be able to drop it.
#include "memory/buffer_pool.h"
