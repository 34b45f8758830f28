// The DPDK plug-in as the addon has it: loaded when somebody first wants it, and never unloaded.
#pragma once

#ifdef __linux__

#include <memory>
#include <string>
#include <vector>

#include "base/errno.h"
#include "device/dpdk/dpdk_plugin.h"
#include "memory/window.h"

namespace demi {

// The plug-in, or a sentence that says why there is none and what to do about it.
struct LoadedDpdk {
  const demi_dpdk_plugin* plugin = nullptr;
  std::string problem;
};
// `path` is that of demi_dpdk.so.
LoadedDpdk load_dpdk(const std::string& path);

// What its functions return.
inline Errno errno_of(int result) { return result == 0 ? Errno::kOk : static_cast<Errno>(-result); }

// Starts EAL, if nobody has. Empty, or what is wrong; then `error` says it, too.
std::string start_eal(const demi_dpdk_plugin& plugin, const std::vector<std::string>& arguments, Errno& error);

// Memory of EAL for the windows of one libOS.
class EalMappings final : public MappingSource {
 public:
  explicit EalMappings(const demi_dpdk_plugin& plugin) : plugin_(plugin) {}

  uint8_t* map(size_t bytes) override { return static_cast<uint8_t*>(plugin_.take_memory(bytes)); }
  void unmap(uint8_t* data, size_t bytes) override {
    if (!is_still_read_) plugin_.give_memory(data, bytes);
  }
  // A device has not given back what it was to send, and may still read it: nobody must have this memory again.
  void abandon() { is_still_read_ = true; }

 private:
  const demi_dpdk_plugin& plugin_;
  bool is_still_read_ = false;
};

}  // namespace demi

#endif  // __linux__
