// Catpowder: our own TCP/IP over raw frames. Its device is a port of an in-memory switch, which needs no rights, or on Linux a TAP interface
// (device/tap.h) or any other interface of Ethernet (device/packet_socket.h). Read netos.h first.
#pragma once

#include <memory>
#include <string>

#include "device/wire_hub.h"
#include "inet/stack_config.h"
#include "libos/netos.h"

namespace demi {

struct CatpowderConfig {
  // Its MTU is that of the hub, if this is the first on it; an interface has one already, and that holds. Its secret is drawn by
  // make_catpowder().
  StackConfig stack;
  enum class Device : uint8_t { kHub, kTap, kInterface };
  Device device = Device::kHub;
  // The name of the switch, or of the interface.
  std::string device_name;
  // Where frames are captured; empty: nowhere.
  std::string capture_file;
};

// A libOS, or what is wrong with the configuration, in a sentence that says what to do about it. `hubs` are those of the thread.
struct MadeCatpowder {
  std::unique_ptr<Netos> libos;
  std::string problem;
};
MadeCatpowder make_catpowder(const LibOSSettings& settings, const CatpowderConfig& config, WireHubNames& hubs);

// The name of the file for the `number`th capture of a process, from 1 on: a.pcap, a.2.pcap, ...
std::string capture_file_name(const std::string& wanted, uint32_t number);

}  // namespace demi
