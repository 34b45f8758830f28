// The module: what `require` of the binary gives. create() makes a libOS; the rest tells what this build is. Read environment.h first.
#include <napi.h>

#ifdef __linux__
#include <sched.h>
#endif

#include "binding/environment.h"
#include "binding/inet_settings.h"
#include "binding/instance.h"
#include "binding/setting_value.h"

namespace demi {

namespace {

uint64_t setting(const Napi::Object& settings, const char* name) {
  return static_cast<uint64_t>(integer_of(settings.Get(name)));
}

// Pins the calling thread; false where that cannot be done.
bool pin_to(int64_t cpu) {
#ifdef __linux__
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<size_t>(cpu), &cpus);
  return cpu < CPU_SETSIZE && sched_setaffinity(0, sizeof(cpus), &cpus) == 0;
#else
  return cpu < 0;
#endif
}

// create(settings, notify): the functions of a new libOS, a negative errno, or that and what is wrong, in words. `settings` were checked by lib/core/config.ts.
Napi::Value create(const Napi::CallbackInfo& info) {
  auto& environment = *static_cast<Environment*>(info.Data());
  const auto given = info[0].As<Napi::Object>();
  const Napi::Value affinity = given.Get("affinity");
  if (affinity.IsNumber() && !pin_to(integer_of(affinity))) {
    return Napi::Number::New(info.Env(), -static_cast<int32_t>(Errno::kEINVAL));
  }
  InstanceSettings settings;
  settings.queues_limit = static_cast<uint32_t>(setting(given, "queues"));
  settings.tokens_limit = static_cast<uint32_t>(setting(given, "tokens"));
  settings.connections_limit = static_cast<uint32_t>(setting(given, "connections"));
  settings.buffer_bytes = setting(given, "bufferBytes");
  settings.poll = static_cast<PollMode>(setting(given, "poll"));
  settings.poison = flag_of(given.Get("poison"));
  settings.loopback_namespace = text_of(given.Get("namespace"));
  const Napi::Value inet = given.Get("inet");
  if (inet.IsObject()) settings.netos = read_inet_settings(inet.As<Napi::Object>());
  const Napi::Value device = given.Get("device");
  if (device.IsObject()) settings.catpowder = read_catpowder_device(device.As<Napi::Object>());
#ifdef __linux__
  const Napi::Value dpdk = given.Get("dpdk");
  if (dpdk.IsObject()) settings.catnip = read_catnip_settings(dpdk.As<Napi::Object>(), settings.netos.stack);
#endif
  // The last: when this can be read, so could everything before. When not, the worker is being terminated, and nobody waits for an answer.
  settings.libos = text_of(given.Get("libos"));
  if (settings.libos.empty()) return info.Env().Undefined();
  std::string problem;
  Result<std::unique_ptr<Instance>> instance = Instance::create(environment, settings, problem);
  if (!problem.empty()) {
    auto refusal = Napi::Array::New(info.Env());
    refusal.Set(uint32_t{0}, -static_cast<int32_t>(instance.error()));
    refusal.Set(uint32_t{1}, problem);
    return refusal;
  }
  if (!instance) return Napi::Number::New(info.Env(), -static_cast<int32_t>(instance.error()));
  Instance& created = **instance;
  environment.add(std::move(*instance));
  return created.make_functions(info.Env(), info[1].As<Napi::Function>());
}

// Environments of this process that have libOSes or are being torn down: for tests.
Napi::Value live_environments(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Environment::live_environments()));
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  Environment* environment = Environment::create(env);
  exports.Set("create", Napi::Function::New<create>(env, "create", environment));
  exports.Set("liveEnvironments", Napi::Function::New<live_environments>(env, "liveEnvironments"));
  return exports;
}

}  // namespace

}  // namespace demi

static Napi::Object demi_initialize(Napi::Env env, Napi::Object exports) { return demi::initialize(env, exports); }
NODE_API_MODULE(demi, demi_initialize)
