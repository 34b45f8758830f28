#include "libos/catpowder.h"

#include <atomic>
#include <chrono>
#include <random>
#include <utility>

#include "base/limits.h"
#include "device/packet_socket.h"
#include "device/pcap.h"
#include "device/tap.h"

namespace demi {

namespace {

// Of this process: each capture has a file of its own.
std::atomic<uint32_t> captures{0};

SipHashKey drawn_from_system() {
  std::random_device system;
  const auto word = [&system] { return uint64_t{system()} << 32 | system(); };
  return {word(), word()};
}

// What the calendar says when `clock` says zero.
Duration unix_time_of_zero(Clock& clock) {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const int64_t nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count();
  return Duration::nanoseconds(nanoseconds - clock.now().nanoseconds());
}

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

MadeDevice make_device(const CatpowderConfig& config, Memory& memory, WireHubNames& hubs) {
  switch (config.device) {
    case CatpowderConfig::Device::kHub:
      return plug_into_hub(config.stack, config.device_name, memory, hubs);
#ifdef __linux__
    case CatpowderConfig::Device::kTap: {
      Made<Tap> made = Tap::open({config.device_name, config.stack.mac, true}, memory);
      return {std::move(made.device), std::move(made.problem)};
    }
    case CatpowderConfig::Device::kInterface: {
      PacketSocketConfig wanted{config.device_name, config.stack.mac, {}};
      for (const Cidr& own : config.stack.addresses) wanted.addresses.push_back(own.address());
      Made<PacketSocket> made = PacketSocket::open(wanted, memory);
      return {std::move(made.device), std::move(made.problem)};
    }
#endif
    default:
      return {nullptr, "Interfaces can be used on Linux only: take a hub."};
  }
}

}  // namespace

std::string capture_file_name(const std::string& wanted, uint32_t number) {
  if (number <= 1) return wanted;
  const size_t name = wanted.find_last_of('/') == std::string::npos ? 0 : wanted.find_last_of('/') + 1;
  size_t end = wanted.find_last_of('.');
  // A dot that begins the name, or is none of the name's, begins no extension.
  if (end == std::string::npos || end <= name) end = wanted.size();
  return wanted.substr(0, end) + "." + std::to_string(number) + wanted.substr(end);
}

MadeCatpowder make_catpowder(const LibOSSettings& settings, const CatpowderConfig& config, WireHubNames& hubs) {
  StackConfig stack = config.stack;
  stack.secret = drawn_from_system();
  std::string problem = problem_with(stack);
  if (!problem.empty()) return {nullptr, std::move(problem)};
  MadeDevice made = make_device(config, *settings.memory, hubs);
  if (made.device == nullptr) return {nullptr, std::move(made.problem)};
  std::unique_ptr<Device> device = std::move(made.device);
  if (!config.capture_file.empty()) {
    const std::string path = capture_file_name(config.capture_file, ++captures);
    Result<std::unique_ptr<PcapWriter>> file = PcapWriter::create(path);
    if (!file.ok()) return {nullptr, "The capture file " + path + " cannot be written: " + errno_name(file.error()) + "."};
    device = std::make_unique<Pcap>(std::move(device), std::move(*file), unix_time_of_zero(*settings.clock));
  }
  return {std::make_unique<Netos>("catpowder", settings, std::move(device), stack), ""};
}

}  // namespace demi
