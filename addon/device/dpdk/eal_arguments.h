// EalArguments: what EAL is started with, made of what the user has given. EAL ends the process, or prints how it is used, at what it does not
// understand; that is found out here. What is missing so that it fits into a process that is not its own is added. Pure: no EAL is needed.
#pragma once

#include <string>
#include <vector>

#include "device/dpdk/memif_relay.h"

namespace demi::dpdk {

struct EalArguments {
  std::vector<std::string> arguments;  // with argv[0]
  // Of the runtime folder, if it is of our choice and ours to remove; else empty.
  std::string prefix;
  // The vdevs of memif, whose sockets are ours in the arguments.
  std::vector<MemifPort> memif_ports;
  // What is wrong; empty: nothing. `error` is an errno then.
  std::string problem;
  int error = 0;
};

// `process_id` makes the prefix unique; `cpus` are those the process may run on.
EalArguments prepare_eal_arguments(const std::vector<std::string>& given, int process_id, const std::string& cpus);

}  // namespace demi::dpdk
