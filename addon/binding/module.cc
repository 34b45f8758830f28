// The module: what `require` of the binary gives. create() makes a libOS; the rest tells what this build is. Read environment.h first.
#include <napi.h>

#ifdef __linux__
#include <sched.h>
#endif

#include "binding/environment.h"
#include "binding/inet_settings.h"
#include "binding/instance.h"

namespace demi {

namespace {

uint64_t setting(const Napi::Object& settings, const char* name) {
  return static_cast<uint64_t>(settings.Get(name).ToNumber().Int64Value());
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
  if (given.Get("affinity").IsNumber() && !pin_to(given.Get("affinity").ToNumber().Int64Value())) {
    return Napi::Number::New(info.Env(), -static_cast<int32_t>(Errno::kEINVAL));
  }
  InstanceSettings settings;
  settings.queues_limit = static_cast<uint32_t>(setting(given, "queues"));
  settings.tokens_limit = static_cast<uint32_t>(setting(given, "tokens"));
  settings.connections_limit = static_cast<uint32_t>(setting(given, "connections"));
  settings.buffer_bytes = setting(given, "bufferBytes");
  settings.poll = static_cast<PollMode>(setting(given, "poll"));
  settings.poison = given.Get("poison").ToBoolean().Value();
  settings.libos = given.Get("libos").ToString().Utf8Value();
  settings.loopback_namespace = given.Get("namespace").ToString().Utf8Value();
  if (given.Get("inet").IsObject()) settings.netos = read_inet_settings(given.Get("inet").As<Napi::Object>());
  if (given.Get("device").IsObject()) settings.catpowder = read_catpowder_device(given.Get("device").As<Napi::Object>());
#ifdef __linux__
  if (given.Get("dpdk").IsObject()) settings.catnip = read_catnip_settings(given.Get("dpdk").As<Napi::Object>(), settings.netos.stack);
#endif
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
