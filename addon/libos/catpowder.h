// Catpowder: our own TCP/IP over raw frames. Its device is a port of an in-memory switch, which needs no rights, or on Linux a TAP interface
// (device/tap.h) or any other interface of Ethernet (device/packet_socket.h). Read netos.h first.
#pragma once

#include <cstdint>
#include <string>

#include "device/wire_hub.h"
#include "libos/made_netos.h"

namespace demi {

struct CatpowderDevice {
  enum class Kind : uint8_t { kHub, kTap, kInterface };
  Kind kind = Kind::kHub;
  // Of the switch, or of the interface.
  std::string name;
};

// The MTU of `config` is that of the hub, if this is the first on it; an interface has one already, and that holds. `hubs` are those of the thread.
MadeNetos make_catpowder(const LibOSSettings& settings, const NetosConfig& config, const CatpowderDevice& device, WireHubNames& hubs);

}  // namespace demi
