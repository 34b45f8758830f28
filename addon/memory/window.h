// Mapping and WindowTable: the memory that payload lives in, in pieces small enough to be exposed to JavaScript one by one.
// A window holds rooms for payload only, never a header or a pointer of ours: whatever JavaScript writes there, it can harm
// nothing but payload. Read memory.h first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace demi {

// The unit in which the system gives memory.
size_t page_bytes();
inline uint64_t round_up_to_pages(uint64_t bytes) { return (bytes + page_bytes() - 1) / page_bytes() * page_bytes(); }
inline uint64_t round_down_to_pages(uint64_t bytes) { return bytes / page_bytes() * page_bytes(); }

// One region of zeroed, page aligned memory, committed as it is touched. Shared, because an ArrayBuffer over it may outlive the
// libOS: its finalizer holds a reference, and the last holder unmaps. The count is atomic, so that may be any thread.
class Mapping {
 public:
  // `bytes` is rounded up to pages. nullptr when the system refuses.
  static std::shared_ptr<Mapping> create(size_t bytes);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  Mapping(uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t* data_;
  size_t size_;
};

// Index -> mapping. Append only: an index that JavaScript has seen means the same memory for as long as the libOS lives.
class WindowTable {
 public:
  uint32_t size() const { return static_cast<uint32_t>(windows_.size()); }
  // The reference is good until the next add().
  const std::shared_ptr<Mapping>& at(uint32_t index) const;
  // Maps a window of at least `bytes` (rounded up to pages, at most kWindowBytes) and returns its index.
  // ENOMEM when the system refuses or there are kWindowsMax windows.
  Result<uint32_t> add(size_t bytes);

 private:
  std::vector<std::shared_ptr<Mapping>> windows_;
};

}  // namespace demi
