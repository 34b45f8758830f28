#include "memory/window.h"

#if defined(__unix__) || defined(__APPLE__)
#define DEMI_POSIX_MAPPINGS 1
#include <sys/mman.h>
#include <unistd.h>
#else
#define DEMI_POSIX_MAPPINGS 0
#include <cstring>
#include <new>
#endif

#include "base/assert.h"
#include "memory/memory_limits.h"

namespace demi {

#if DEMI_POSIX_MAPPINGS

// Without a reservation: a window counts against the system's memory only as far as its rooms have been used.
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

size_t page_bytes() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

static uint8_t* map_zeroed(size_t bytes) {
  void* region = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return region == MAP_FAILED ? nullptr : static_cast<uint8_t*>(region);
}

static void unmap(uint8_t* data, size_t bytes) {
  const int failed = munmap(data, bytes);
  DEMI_ASSERT(failed == 0, "a window could not be unmapped");
}

#else

size_t page_bytes() { return 4096; }

// Zeroed, because what the heap last held there is nobody's business in JavaScript.
static uint8_t* map_zeroed(size_t bytes) {
  void* region = ::operator new(bytes, std::align_val_t{page_bytes()}, std::nothrow);
  if (region != nullptr) std::memset(region, 0, bytes);
  return static_cast<uint8_t*>(region);
}

static void unmap(uint8_t* data, size_t) { ::operator delete(data, std::align_val_t{page_bytes()}); }

#endif

std::shared_ptr<Mapping> Mapping::create(size_t bytes, std::shared_ptr<MappingSource> source) {
  DEMI_ASSERT(bytes > 0, "an empty mapping");
  const size_t size = round_up_to_pages(bytes);
  uint8_t* data = source == nullptr ? map_zeroed(size) : source->map(size);
  if (data == nullptr) return nullptr;
  std::shared_ptr<Mapping> mapping(new Mapping(data, size));
  mapping->source_ = std::move(source);
  return mapping;
}

std::shared_ptr<Mapping> Mapping::over(uint8_t* data, size_t bytes, std::shared_ptr<const void> keeper) {
  DEMI_ASSERT(bytes > 0 && keeper != nullptr, "a mapping of nothing, or of nobody");
  std::shared_ptr<Mapping> mapping(new Mapping(data, bytes));
  mapping->keeper_ = std::move(keeper);
  return mapping;
}

Mapping::~Mapping() {
  if (keeper_ != nullptr) return;
  if (source_ != nullptr) {
    source_->unmap(data_, size_);
  } else {
    unmap(data_, size_);
  }
}

const std::shared_ptr<Mapping>& WindowTable::at(uint32_t index) const {
  DEMI_ASSERT(index < windows_.size(), "no such window");
  return windows_[index];
}

Result<uint32_t> WindowTable::add(size_t bytes) {
  DEMI_ASSERT(bytes <= kWindowBytes, "a window larger than JavaScript may lose");
  if (windows_.size() >= kWindowsMax) return Errno::kENOMEM;
  std::shared_ptr<Mapping> mapping = Mapping::create(bytes, source_);
  if (mapping == nullptr) return Errno::kENOMEM;
  return add(std::move(mapping));
}

Result<uint32_t> WindowTable::add(std::shared_ptr<Mapping> mapping) {
  DEMI_ASSERT(mapping->size() <= kWindowBytes, "a window larger than JavaScript may lose");
  if (windows_.size() >= kWindowsMax) return Errno::kENOMEM;
  windows_.push_back(std::move(mapping));
  return static_cast<uint32_t>(windows_.size() - 1);
}

}  // namespace demi
