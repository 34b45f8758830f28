// What every libOS with our stack is made with, whatever its device: a secret, and a capture if one is wanted. Read netos.h first.
#pragma once

#include <memory>
#include <string>

#include "device/device.h"
#include "inet/stack_config.h"
#include "libos/netos.h"

namespace demi {

struct NetosConfig {
  // Its secret is drawn by make_netos(), and the device decides about the link.
  StackConfig stack;
  // Where frames are captured; empty: nowhere.
  std::string capture_file;
};

// A libOS, or what is wrong with the configuration, in a sentence that says what to do about it.
struct MadeNetos {
  std::unique_ptr<Netos> libos;
  std::string problem;
};
// problem_with(config.stack) is empty, and `device` was made with the memory of `settings`. `name` is static.
MadeNetos make_netos(const char* name, const LibOSSettings& settings, const NetosConfig& config, std::unique_ptr<Device> device);

// The name of the file for the `number`th capture of a process, from 1 on: a.pcap, a.2.pcap, ...
std::string capture_file_name(const std::string& wanted, uint32_t number);

}  // namespace demi
