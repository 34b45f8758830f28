#include "binding/inet_settings.h"

#include <cmath>
#include <optional>
#include <string>

#include "binding/setting_value.h"

namespace demi {

namespace {

double number(const Napi::Object& given, const char* name) { return number_of(given.Get(name)); }

Duration milliseconds(const Napi::Object& given, const char* name) {
  return Duration::nanoseconds(static_cast<int64_t>(std::llround(number(given, name) * 1e6)));
}

// [family, word, word, word, word, ...]: an address, and what follows it.
IpAddress address(const Napi::Array& given) {
  IpAddress address;
  address.family = integer_of(given.Get(uint32_t{0})) == 4 ? Family::kIPv4 : Family::kIPv6;
  for (uint32_t i = 0; i < address.words.size(); ++i) address.words[i] = static_cast<uint32_t>(integer_of(given.Get(i + 1)));
  return address;
}

Cidr network(const Napi::Array& given) { return {address(given), static_cast<uint8_t>(integer_of(given.Get(uint32_t{5})))}; }

MacAddress mac(const Napi::Value& given) {
  MacAddress mac;
  uint32_t i = 0;
  each_of(given, [&](const Napi::Value& octet) {
    if (i < mac.octets.size()) mac.octets[i++] = static_cast<uint8_t>(integer_of(octet));
  });
  return mac;
}

template <class Take>
void each(const Napi::Object& given, const char* name, Take&& take) {
  each_of(given.Get(name), [&take](const Napi::Value& one) {
    if (one.IsArray()) take(one.As<Napi::Array>());
  });
}

// An object within an object; an empty one while the worker is being terminated.
Napi::Object object_in(const Napi::Object& given, const char* name) {
  const Napi::Value value = given.Get(name);
  return value.IsObject() ? value.As<Napi::Object>() : Napi::Object::New(given.Env());
}

TcpConfig read_tcp(const Napi::Object& given) {
  TcpConfig tcp;
  const auto whole = [&given](const char* name) { return static_cast<uint32_t>(number(given, name)); };
  const auto flag = [&given](const char* name) { return flag_of(given.Get(name)); };
  tcp.initial_rto = milliseconds(given, "rtoInitialMs");
  tcp.min_rto = milliseconds(given, "rtoMinMs");
  tcp.max_rto = milliseconds(given, "rtoMaxMs");
  tcp.syn_retries = static_cast<uint8_t>(whole("synRetries"));
  tcp.syn_ack_retries = static_cast<uint8_t>(whole("synAckRetries"));
  tcp.congestion = text_of(given.Get("congestion")) == "newreno" ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
  tcp.initial_window_segments = whole("initialWindow");
  tcp.send_buffer_bytes = whole("sndbuf");
  tcp.send_buffer_max_bytes = whole("sndbufMax");
  tcp.receive_buffer_bytes = whole("rcvbuf");
  tcp.receive_buffer_max_bytes = whole("rcvbufMax");
  tcp.nagle = !flag("nodelay");
  tcp.delayed_ack = milliseconds(given, "delayedAckMs");
  tcp.window_scale = flag("windowScale");
  tcp.timestamps = flag("timestamps");
  tcp.sack = flag("sack");
  tcp.segment_offload = flag("segmentOffload");
  tcp.user_timeout = milliseconds(given, "userTimeoutMs");
  tcp.orphan_timeout = milliseconds(given, "orphanTimeoutMs");
  tcp.fin_wait_2_timeout = milliseconds(given, "finWait2TimeoutMs");
  tcp.mss_max = static_cast<uint16_t>(whole("mss"));
  tcp.keepalive = flag("keepalive");
  tcp.keepalive_idle = milliseconds(given, "keepIdle") * 1000;
  tcp.keepalive_interval = milliseconds(given, "keepInterval") * 1000;
  tcp.keepalive_probes = static_cast<uint8_t>(whole("keepCount"));
  tcp.msl = milliseconds(given, "msl") * 1000;
  tcp.syn_queue_entries = whole("synQueue");
  return tcp;
}

}  // namespace

CatpowderDevice read_catpowder_device(const Napi::Object& given) {
  return {static_cast<CatpowderDevice::Kind>(static_cast<uint8_t>(number(given, "kind"))), text_of(given.Get("name"))};
}

#ifdef __linux__
CatnipConfig read_catnip_settings(const Napi::Object& given, const StackConfig& stack) {
  CatnipConfig config;
  config.plugin_file = text_of(given.Get("plugin"));
  each_of(given.Get("eal"), [&config](const Napi::Value& argument) { config.eal.push_back(text_of(argument)); });
  config.device.port = text_of(given.Get("port"));
  config.device.queues = static_cast<uint16_t>(number(given, "queues"));
  config.device.queue = static_cast<uint16_t>(number(given, "queue"));
  config.device.rooms = static_cast<uint32_t>(number(given, "mbufs"));
  config.device.link_address = stack.mac;
  config.device.mtu_bytes = static_cast<uint16_t>(stack.mtu_bytes);
  return config;
}
#endif

NetosConfig read_inet_settings(const Napi::Object& given) {
  NetosConfig config;
  config.capture_file = text_of(given.Get("capture"));
  StackConfig& stack = config.stack;
  stack.mac = mac(given.Get("mac"));
  stack.mtu_bytes = static_cast<uint32_t>(number(given, "mtu"));
  each(given, "addresses", [&stack](const Napi::Array& own) { stack.addresses.push_back(network(own)); });
  // [family, words, prefix, the gateway as an address]; without the last, whoever is there is on our link.
  each(given, "routes", [&stack](const Napi::Array& route) {
    const Napi::Value gateway = route.Get(uint32_t{6});
    stack.routes.push_back({network(route), gateway.IsArray() ? std::optional(address(gateway.As<Napi::Array>())) : std::nullopt});
  });
  // [family, words, MAC].
  each(given, "neighbors", [&stack](const Napi::Array& neighbor) {
    stack.neighbors.push_back({address(neighbor), mac(neighbor.Get(uint32_t{5}))});
  });
  const auto discovery = object_in(given, "neighborDiscovery");
  stack.neighbor.requests = static_cast<uint8_t>(number(discovery, "requests"));
  stack.neighbor.retry = milliseconds(discovery, "retryMs");
  stack.neighbor.reachable = milliseconds(discovery, "reachableMs");
  stack.tcp = read_tcp(object_in(given, "tcp"));
  stack.time_wait_max = static_cast<uint32_t>(number(object_in(given, "tcp"), "timeWaitMax"));
  // Those in TIME-WAIT come on top of what limits.connections bounds, and so do those that were not accepted.
  stack.connections_max = static_cast<uint32_t>(number(given, "connections")) + stack.time_wait_max + kBacklogMax;
  return config;
}

}  // namespace demi
