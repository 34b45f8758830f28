#include "libos/made_netos.h"

#include <atomic>
#include <chrono>
#include <random>
#include <utility>

#include "device/pcap.h"

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

}  // namespace

std::string capture_file_name(const std::string& wanted, uint32_t number) {
  if (number <= 1) return wanted;
  const size_t name = wanted.find_last_of('/') == std::string::npos ? 0 : wanted.find_last_of('/') + 1;
  size_t end = wanted.find_last_of('.');
  // A dot that begins the name, or is none of the name's, begins no extension.
  if (end == std::string::npos || end <= name) end = wanted.size();
  return wanted.substr(0, end) + "." + std::to_string(number) + wanted.substr(end);
}

MadeNetos make_netos(const char* name, const LibOSSettings& settings, const NetosConfig& config, std::unique_ptr<Device> device) {
  StackConfig stack = config.stack;
  stack.secret = drawn_from_system();
  if (!config.capture_file.empty()) {
    const std::string path = capture_file_name(config.capture_file, ++captures);
    Result<std::unique_ptr<PcapWriter>> file = PcapWriter::create(path);
    if (!file.ok()) return {nullptr, "The capture file " + path + " cannot be written: " + errno_name(file.error()) + "."};
    device = std::make_unique<Pcap>(std::move(device), std::move(*file), unix_time_of_zero(*settings.clock));
  }
  return {std::make_unique<Netos>(name, settings, std::move(device), stack), ""};
}

}  // namespace demi
