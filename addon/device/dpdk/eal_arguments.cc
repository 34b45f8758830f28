#include "device/dpdk/eal_arguments.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace demi::dpdk {

namespace {

// What each option of EAL 22.11 takes behind it (rte_eal options of Linux).
enum class Takes { kNothing, kValue, kMaybe };
struct Option {
  std::string_view name;
  Takes takes;
};
constexpr Option kOptions[] = {
    {"-a", Takes::kValue}, {"-b", Takes::kValue}, {"-c", Takes::kValue}, {"-d", Takes::kValue}, {"-l", Takes::kValue},
    {"-m", Takes::kValue}, {"-n", Takes::kValue}, {"-r", Takes::kValue}, {"-s", Takes::kValue}, {"-S", Takes::kValue},
    {"-v", Takes::kNothing},
    {"--allow", Takes::kValue}, {"--base-virtaddr", Takes::kValue}, {"--block", Takes::kValue}, {"--create-uio-dev", Takes::kNothing},
    {"--file-prefix", Takes::kValue}, {"--force-max-simd-bitwidth", Takes::kValue}, {"--huge-dir", Takes::kValue},
    {"--huge-unlink", Takes::kMaybe}, {"--huge-worker-stack", Takes::kMaybe}, {"--in-memory", Takes::kNothing},
    {"--iova-mode", Takes::kValue}, {"--lcores", Takes::kValue}, {"--legacy-mem", Takes::kNothing}, {"--log-level", Takes::kValue},
    {"--main-lcore", Takes::kValue}, {"--master-lcore", Takes::kValue}, {"--match-allocations", Takes::kNothing},
    {"--mbuf-pool-ops-name", Takes::kValue}, {"--no-hpet", Takes::kNothing}, {"--no-huge", Takes::kNothing},
    {"--no-pci", Takes::kNothing}, {"--no-shconf", Takes::kNothing}, {"--no-telemetry", Takes::kNothing},
    {"--pci-allowlist", Takes::kValue}, {"--pci-blocklist", Takes::kValue}, {"--proc-type", Takes::kValue},
    {"--single-file-segments", Takes::kNothing}, {"--socket-limit", Takes::kValue}, {"--socket-mem", Takes::kValue},
    {"--syslog", Takes::kMaybe}, {"--telemetry", Takes::kNothing}, {"--trace", Takes::kValue}, {"--trace-bufsz", Takes::kValue},
    {"--trace-dir", Takes::kValue}, {"--trace-mode", Takes::kValue}, {"--vdev", Takes::kValue}, {"--vfio-intr", Takes::kValue},
    {"--vfio-vf-token", Takes::kValue}, {"--vmware-tsc-map", Takes::kNothing},
};
// What --no-huge can use, in MiB: address space, of which only what is used counts as memory.
constexpr const char* kMegabytesWithoutHugepages = "2048";
// ETH_MEMIF_DEFAULT_SOCKET_FILENAME
constexpr const char* kMemifSocket = "/run/memif.sock";

const Option* find_option(std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

class Reader {
 public:
  Reader(const std::vector<std::string>& given, int process_id) : given_(given), process_id_(process_id) {}

  EalArguments read() {
    result_.arguments = {"demi-io"};
    for (size_t i = 0; i < given_.size() && result_.problem.empty(); ++i) {
      // Lists that were written for EAL itself begin with the name of a program.
      if (i == 0 && (given_[0].empty() || given_[0][0] != '-')) continue;
      i += take(i);
    }
    return std::move(result_);
  }

  bool has(std::string_view name) const {
    for (const std::string& one : seen_) {
      if (one == name) return true;
    }
    return false;
  }
 private:
  void refuse(int error, std::string problem) {
    result_.error = error;
    result_.problem = std::move(problem);
  }

  // Returns how many more arguments than the one at `i` were taken.
  size_t take(size_t i) {
    const std::string& argument = given_[i];
    const std::string quoted = "'" + argument + "'";
    if (argument.find('\0') != std::string::npos) {
      refuse(EINVAL, "An argument for EAL has a zero byte in it.");
      return 0;
    }
    if (argument == "-h" || argument == "--help") {
      refuse(EINVAL, "EAL would print its help at " + quoted + " and end the process: leave it out.");
      return 0;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      refuse(EINVAL, "EAL takes options only, and " + quoted + " is none: options with values are two arguments, or one with '='.");
      return 0;
    }
    const bool is_long = argument[1] == '-';
    const size_t name_bytes = is_long ? std::min(argument.find('='), argument.size()) : 2;
    const std::string name = argument.substr(0, name_bytes);
    const Option* option = find_option(name);
    if (option == nullptr) {
      refuse(EINVAL, "EAL has no option '" + name + "'" + (name == argument ? "" : " (in " + quoted + ")") + ": see the EAL parameters of DPDK 22.11.");
      return 0;
    }
    seen_.push_back(name);
    const bool has_value = argument.size() > name_bytes;
    if (has_value && option->takes == Takes::kNothing) {
      refuse(EINVAL, "EAL's option '" + name + "' takes no value, and " + quoted + " has one.");
      return 0;
    }
    std::string value = has_value ? argument.substr(name_bytes + (is_long ? 1 : 0)) : "";
    size_t taken = 0;
    if (!has_value && option->takes == Takes::kValue) {
      if (i + 1 >= given_.size()) {
        refuse(EINVAL, "EAL's option '" + name + "' needs a value, and is the last argument.");
        return 0;
      }
      value = given_[i + 1];
      taken = 1;
    }
    look_at(name, value);
    if (!result_.problem.empty()) return taken;
    if (name == "--vdev" && value.starts_with("net_memif")) {
      result_.arguments.push_back(name + "=" + with_relay(value));
      return taken;
    }
    result_.arguments.push_back(argument);
    if (taken > 0) result_.arguments.push_back(value);
    return taken;
  }

  void look_at(const std::string& name, const std::string& value) {
    if (name == "--proc-type" && value != "primary" && value != "auto") {
      return refuse(ENOTSUP, "A process of demi-io is a primary one of DPDK, so '--proc-type " + value + "' cannot be: take 'primary', or leave it out.");
    }
    if (name == "--log-level" && value == "help") refuse(EINVAL, "EAL would print its log types at '--log-level help' and end the process: leave it out.");
  }

  // A vdev of memif, which is to meet its peers by way of the relay. Of what it has twice, the last counts, as for the driver.
  std::string with_relay(const std::string& value) {
    MemifPort port;
    port.socket = kMemifSocket;
    std::string rest;
    for (size_t begin = 0; begin <= value.size();) {
      const size_t end = std::min(value.find(',', begin), value.size());
      const std::string word = value.substr(begin, end - begin);
      const std::string wanted = word.substr(std::min(word.find('=') + 1, word.size()));
      if (begin == 0) port.vdev = word;
      if (word.starts_with("role=")) port.is_server = wanted.find("server") != std::string::npos || wanted.find("master") != std::string::npos;
      if (word.starts_with("id=")) port.id = static_cast<uint32_t>(std::strtoul(wanted.c_str(), nullptr, 10));
      // What the driver does not understand is left for it to say.
      if (word == "socket-abstract=yes" || word == "socket-abstract=no") {
        port.is_abstract = wanted == "yes";
      } else if (word.starts_with("socket=")) {
        port.socket = wanted;
      } else {
        rest += (begin == 0 ? "" : ",") + word;
      }
      begin = end + 1;
    }
    result_.memif_ports.push_back(port);
    return rest + ",socket=" + memif_name_for_driver(result_.memif_ports, process_id_) + ",socket-abstract=yes";
  }

  const std::vector<std::string>& given_;
  const int process_id_;
  std::vector<std::string> seen_;
  EalArguments result_;
};

}  // namespace

EalArguments prepare_eal_arguments(const std::vector<std::string>& given, int process_id, const std::string& cpus) {
  Reader reader(given, process_id);
  EalArguments prepared = reader.read();
  if (!prepared.problem.empty()) return prepared;
  const auto add = [&prepared](std::initializer_list<std::string> more) { prepared.arguments.insert(prepared.arguments.end(), more); };
  // One lcore, that of the thread which starts EAL: all others are ours, and are announced. It may run wherever the process may.
  if (!reader.has("-c") && !reader.has("-l") && !reader.has("--lcores")) add({"--lcores", "0@(" + cpus + ")"});
  // A process of its own, which needs no cleaning behind one that has crashed: without files that are shared with others.
  if (!reader.has("--file-prefix")) {
    prepared.prefix = "demi-" + std::to_string(process_id);
    add({"--file-prefix", prepared.prefix});
    const bool has_chosen = reader.has("--in-memory") || reader.has("--no-shconf") || reader.has("--legacy-mem") || reader.has("--huge-unlink") ||
                            reader.has("--huge-dir");
    if (!has_chosen) add({reader.has("--no-huge") ? "--no-shconf" : "--in-memory"});
  }
  if (reader.has("--no-huge") && !reader.has("-m") && !reader.has("--socket-mem")) add({"-m", kMegabytesWithoutHugepages});
  if (!reader.has("--no-telemetry") && !reader.has("--telemetry")) add({"--no-telemetry"});
  // What goes wrong is told by our errors.
  if (!reader.has("--log-level")) add({"--log-level", "lib.*:error", "--log-level", "pmd.*:error"});
  return prepared;
}

}  // namespace demi::dpdk
