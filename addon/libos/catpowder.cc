#include "libos/catpowder.h"

#include <utility>

#include "base/limits.h"
#include "device/packet_socket.h"
#include "device/tap.h"

namespace demi {

namespace {

std::string text_of(const MacAddress& mac) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t octet : mac.octets) {
    if (!text.empty()) text += ':';
    text += kDigits[octet >> 4];
    text += kDigits[octet & 0xf];
  }
  return text;
}

struct MadeDevice {
  std::unique_ptr<Device> device;
  std::string problem;
};

MadeDevice plug_into_hub(const StackConfig& stack, const std::string& hub_name, Memory& memory, WireHubNames& hubs) {
  if (stack.mtu_bytes > kHubMtuMax) {
    return {nullptr, "A hub carries packets of at most " + std::to_string(kHubMtuMax) + " bytes: an MTU of " + std::to_string(stack.mtu_bytes) + " is too long."};
  }
  const std::string name = "The hub '" + hub_name + "'";
  WireHubConfig wanted;
  wanted.mtu_bytes = stack.mtu_bytes;
  const std::shared_ptr<WireHub> hub = hubs.open(hub_name, wanted);
  if (hub->config().mtu_bytes != stack.mtu_bytes) {
    return {nullptr, name + " has an MTU of " + std::to_string(hub->config().mtu_bytes) + " bytes: give " + std::to_string(stack.mtu_bytes) +
                         " to all of its libOSes, or to none."};
  }
  Result<std::unique_ptr<WireHubPort>> port = WireHubPort::attach(hub, stack.mac, memory);
  if (port.error() == Errno::kEADDRINUSE) {
    return {nullptr, name + " has a libOS with the MAC address " + text_of(stack.mac) + " already: give this one another, or another IP address."};
  }
  if (!port.ok()) return {nullptr, name + " has " + std::to_string(kHubPortsMax) + " libOSes, which is all that it takes: use another."};
  return {std::move(*port), ""};
}

MadeDevice make_device(const StackConfig& stack, const CatpowderDevice& device, Memory& memory, WireHubNames& hubs) {
  switch (device.kind) {
    case CatpowderDevice::Kind::kHub:
      return plug_into_hub(stack, device.name, memory, hubs);
#ifdef __linux__
    case CatpowderDevice::Kind::kTap: {
      Made<Tap> made = Tap::open({device.name, stack.mac, true}, memory);
      return {std::move(made.device), std::move(made.problem)};
    }
    case CatpowderDevice::Kind::kInterface: {
      PacketSocketConfig wanted{device.name, stack.mac, {}};
      for (const Cidr& own : stack.addresses) wanted.addresses.push_back(own.address());
      Made<PacketSocket> made = PacketSocket::open(wanted, memory);
      return {std::move(made.device), std::move(made.problem)};
    }
#endif
    default:
      return {nullptr, "Interfaces can be used on Linux only: take a hub."};
  }
}

}  // namespace

MadeNetos make_catpowder(const LibOSSettings& settings, const NetosConfig& config, const CatpowderDevice& device, WireHubNames& hubs) {
  std::string problem = problem_with(config.stack);
  if (!problem.empty()) return {nullptr, std::move(problem)};
  MadeDevice made = make_device(config.stack, device, *settings.memory, hubs);
  if (made.device == nullptr) return {nullptr, std::move(made.problem)};
  return make_netos("catpowder", settings, config, std::move(made.device));
}

}  // namespace demi
