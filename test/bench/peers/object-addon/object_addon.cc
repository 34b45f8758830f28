// A peer for the bench `token`: memory queues behind an addon written the ordinary way. Every operation returns a result object made
// in native code, or a native promise of one.
//
// It is generous to that way. The fields are integers (strings would cost more), what is popped is copied into bytes that the caller
// gave once (a Buffer per message would cost more), and every operation finishes at once: there are no tokens, no waiting, no accounts.

#include <napi.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr size_t kCapacity = 1024;
constexpr size_t kMessageBytes = 64;
constexpr int kPush = 1;
constexpr int kPop = 2;

struct Queue {
  std::array<std::array<uint8_t, kMessageBytes>, kCapacity> messages;
  std::array<uint32_t, kCapacity> lengths;
  size_t head = 0;
  size_t tail = 0;
};

std::vector<Queue*> queues;  // Never freed: the process is a benchmark.

Napi::Object Result(Napi::Env env, int opcode, int qd, uint32_t bytes) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("opcode", Napi::Number::New(env, opcode));
  result.Set("qd", Napi::Number::New(env, qd));
  result.Set("bytes", Napi::Number::New(env, bytes));
  return result;
}

Napi::Object DoPush(const Napi::CallbackInfo& info) {
  const int qd = info[0].As<Napi::Number>().Int32Value();
  const Napi::Uint8Array data = info[1].As<Napi::Uint8Array>();
  Queue& queue = *queues[static_cast<size_t>(qd)];
  const size_t length = data.ByteLength() < kMessageBytes ? data.ByteLength() : kMessageBytes;
  const size_t at = queue.tail++ % kCapacity;
  std::memcpy(queue.messages[at].data(), data.Data(), length);
  queue.lengths[at] = static_cast<uint32_t>(length);
  return Result(info.Env(), kPush, qd, static_cast<uint32_t>(length));
}

Napi::Object DoPop(const Napi::CallbackInfo& info) {
  const int qd = info[0].As<Napi::Number>().Int32Value();
  Napi::Uint8Array into = info[1].As<Napi::Uint8Array>();
  Queue& queue = *queues[static_cast<size_t>(qd)];
  if (queue.head == queue.tail) return Result(info.Env(), kPop, qd, 0);
  const size_t at = queue.head++ % kCapacity;
  std::memcpy(into.Data(), queue.messages[at].data(), queue.lengths[at]);
  return Result(info.Env(), kPop, qd, queue.lengths[at]);
}

Napi::Value Push(const Napi::CallbackInfo& info) { return DoPush(info); }

Napi::Value Pop(const Napi::CallbackInfo& info) { return DoPop(info); }

Napi::Value PushPromise(const Napi::CallbackInfo& info) {
  const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(info.Env());
  deferred.Resolve(DoPush(info));
  return deferred.Promise();
}

Napi::Value PopPromise(const Napi::CallbackInfo& info) {
  const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(info.Env());
  deferred.Resolve(DoPop(info));
  return deferred.Promise();
}

Napi::Value MakeQueue(const Napi::CallbackInfo& info) {
  queues.push_back(new Queue());
  return Napi::Number::New(info.Env(), static_cast<double>(queues.size() - 1));
}

// What one call costs that does nothing: straight from Node-API, without the C++ wrapper.
napi_value Nothing(napi_env, napi_callback_info) { return nullptr; }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("queue", Napi::Function::New(env, MakeQueue));
  exports.Set("push", Napi::Function::New(env, Push));
  exports.Set("pop", Napi::Function::New(env, Pop));
  exports.Set("pushPromise", Napi::Function::New(env, PushPromise));
  exports.Set("popPromise", Napi::Function::New(env, PopPromise));
  napi_value nothing;
  napi_create_function(env, "nothing", NAPI_AUTO_LENGTH, Nothing, nullptr, &nothing);
  exports.Set("nothing", Napi::Value(env, nothing));
  return exports;
}

}  // namespace

NODE_API_MODULE(object_addon, Init)
