#include "libos/catnip.h"

#ifdef __linux__

#include <utility>

#include "device/dpdk_library.h"

namespace demi {

namespace {

// 02:00, which nobody was given, and the four bytes of the address.
MacAddress derived_from(const IpAddress& address) {
  uint8_t octets[IpAddress::kIPv6Bytes];
  address.store(octets);
  return {{2, 0, octets[0], octets[1], octets[2], octets[3]}};
}

}  // namespace

CatnipGround prepare_catnip(const CatnipConfig& config) {
  LoadedDpdk loaded = load_dpdk(config.plugin_file);
  if (loaded.plugin == nullptr) return {nullptr, nullptr, Errno::kENOTSUP, std::move(loaded.problem)};
  CatnipGround ground;
  ground.problem = start_eal(*loaded.plugin, config.eal, ground.error);
  if (!ground.problem.empty()) return ground;
  ground.plugin = loaded.plugin;
  ground.mappings = std::make_shared<EalMappings>(*loaded.plugin);
  return ground;
}

MadeNetos make_catnip(const LibOSSettings& settings, const NetosConfig& config, const CatnipConfig& catnip, const CatnipGround& ground, Errno& error) {
  error = Errno::kEINVAL;
  DpdkDeviceConfig wanted = catnip.device;
  wanted.fallback_address = config.stack.mac;
  if (wanted.fallback_address == MacAddress() && !config.stack.addresses.empty()) {
    wanted.fallback_address = derived_from(config.stack.addresses.front().address());
  }
  Made<DpdkDevice> made = DpdkDevice::open(*ground.plugin, ground.mappings, wanted, *settings.memory);
  if (made.device == nullptr) {
    error = made.error;
    return {nullptr, std::move(made.problem)};
  }
  // The port has decided about the link, of which the stack thinks as it will be.
  NetosConfig on_port = config;
  on_port.stack.mac = made.device->capabilities().link_address;
  on_port.stack.mtu_bytes = made.device->capabilities().mtu_bytes;
  std::string problem = problem_with(on_port.stack);
  if (!problem.empty()) return {nullptr, std::move(problem)};
  return make_netos("catnip", settings, on_port, std::move(made.device));
}

}  // namespace demi

#endif  // __linux__
