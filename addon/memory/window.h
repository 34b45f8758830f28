// Mapping and WindowTable: the memory that payload lives in, in pieces small enough to be exposed to JavaScript one by one.
// A window holds rooms for payload only, never a header or a pointer of ours: whatever JavaScript writes there, it can harm
// nothing but payload. Read memory.h first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"

namespace demi {

// The unit in which the system gives memory.
size_t page_bytes();
inline uint64_t round_up_to_pages(uint64_t bytes) { return (bytes + page_bytes() - 1) / page_bytes() * page_bytes(); }
inline uint64_t round_down_to_pages(uint64_t bytes) { return bytes / page_bytes() * page_bytes(); }

// Where mappings come from when it is not the system: memory that a device can reach, for one.
class MappingSource {
 public:
  virtual ~MappingSource() = default;
  // `bytes` of page aligned memory, whole pages; nullptr when there is none. What an earlier user has left in it may still be there.
  virtual uint8_t* map(size_t bytes) = 0;
  // Takes back what map() gave, from any thread.
  virtual void unmap(uint8_t* data, size_t bytes) = 0;
};

// One region of page aligned memory, from the system zeroed and committed as it is touched. Shared, because an ArrayBuffer over it may outlive
// the libOS: its finalizer holds a reference, and the last holder unmaps. The count is atomic, so that may be any thread.
class Mapping {
 public:
  // `bytes` is rounded up to pages. Without a source it is the system's. nullptr when there is no memory.
  static std::shared_ptr<Mapping> create(size_t bytes, std::shared_ptr<MappingSource> source = nullptr);
  // Over memory that is not unmapped, and that lives as long as `keeper`.
  static std::shared_ptr<Mapping> over(uint8_t* data, size_t bytes, std::shared_ptr<const void> keeper);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  Mapping(uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t* data_;
  size_t size_;
  std::shared_ptr<MappingSource> source_;
  // Set: the memory is his.
  std::shared_ptr<const void> keeper_;
};

// Index -> mapping. Append only: an index that JavaScript has seen means the same memory for as long as the libOS lives.
class WindowTable {
 public:
  explicit WindowTable(std::shared_ptr<MappingSource> source = nullptr) : source_(std::move(source)) {}

  uint32_t size() const { return static_cast<uint32_t>(windows_.size()); }
  // The reference is good until the next add().
  const std::shared_ptr<Mapping>& at(uint32_t index) const;
  // Maps a window of at least `bytes` (rounded up to pages, at most kWindowBytes) and returns its index.
  // ENOMEM when there is no memory or there are kWindowsMax windows.
  Result<uint32_t> add(size_t bytes);
  // Takes in a window that is mapped already, of at most kWindowBytes. ENOMEM when there are kWindowsMax.
  Result<uint32_t> add(std::shared_ptr<Mapping> mapping);

 private:
  const std::shared_ptr<MappingSource> source_;
  std::vector<std::shared_ptr<Mapping>> windows_;
};

}  // namespace demi
