// Catnip: our own TCP/IP over DPDK. Its device is one queue of a port (device/dpdk_device.h); a plug-in knows DPDK, and is loaded for the first catnip of
// a process, with EAL. Read netos.h first.
#pragma once

#ifdef __linux__

#include <memory>
#include <string>
#include <vector>

#include "base/errno.h"
#include "device/dpdk_device.h"
#include "libos/made_netos.h"

namespace demi {

struct CatnipConfig {
  // Where the plug-in is, and what EAL is started with.
  std::string plugin_file;
  std::vector<std::string> eal;
  DpdkDeviceConfig device;
};

// What a catnip stands on: EAL runs, and gives the memory of its libOSes.
struct CatnipGround {
  const demi_dpdk_plugin* plugin = nullptr;
  std::shared_ptr<EalMappings> mappings;
  // Why there is none.
  Errno error = Errno::kOk;
  std::string problem;
};
CatnipGround prepare_catnip(const CatnipConfig& config);

// The memory of `settings` is made with the mappings of `ground`. Also says what has failed by `error`. Of `config`, a MAC address of zero and an MTU of
// zero are those of the port.
MadeNetos make_catnip(const LibOSSettings& settings, const NetosConfig& config, const CatnipConfig& catnip, const CatnipGround& ground, Errno& error);

}  // namespace demi

#endif  // __linux__
