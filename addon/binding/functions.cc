// The functions of an Instance that JavaScript calls. Read instance.h first. lib/native/binding.ts declares the same functions.
//
// submit() is the hot one: it takes no arguments and returns nothing, everything is in the control region. The others return a
// number that is negative when the call was refused: the errno with its sign changed.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <string>

#include "binding/instance.h"
#include "binding/setting_value.h"
#include "binding/view_source.h"
#include "memory/window.h"

namespace demi {

class InstanceFunctions {
 public:
  using Method = Napi::Value (*)(Instance&, const Napi::CallbackInfo&);

  // Every function but submit() comes through here.
  template <Method kMethod>
  static Napi::Value call(const Napi::CallbackInfo& info) {
    auto& instance = *static_cast<Instance*>(info.Data());
    if (instance.libos_ == nullptr) return refused(info, Errno::kEBADF);
    return kMethod(instance, info);
  }

  static napi_value submit(napi_env env, napi_callback_info info) {
    void* data = nullptr;
    napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
    auto& instance = *static_cast<Instance*>(data);
    if (instance.libos_ == nullptr) return nullptr;
    instance.take_returns();
    instance.environment_.note_submission();
    instance.submit_all();
    instance.environment_.settle();
    return nullptr;
  }

  static Napi::Value refused(const Napi::CallbackInfo& info, Errno error) {
    return Napi::Number::New(info.Env(), -static_cast<int32_t>(error));
  }
  static Napi::Value number(const Napi::CallbackInfo& info, double value) { return Napi::Number::New(info.Env(), value); }
  // An argument as an integer in [0, largest]; anything else is `largest + 1`, which every caller refuses.
  static uint64_t natural(const Napi::CallbackInfo& info, size_t index, uint64_t largest) {
    if (index >= info.Length() || !info[index].IsNumber()) return largest + 1;
    const double value = info[index].As<Napi::Number>().DoubleValue();
    if (!(value >= 0) || value > static_cast<double>(largest) || value != std::floor(value)) return largest + 1;
    return static_cast<uint64_t>(value);
  }
  static Queue* queue_argument(Instance& instance, const Napi::CallbackInfo& info) {
    const uint64_t slot = natural(info, 0, UINT32_MAX - 1);
    return slot >= UINT32_MAX ? nullptr : instance.libos_->queues().at(static_cast<uint32_t>(slot));
  }
  static Napi::Value slot_or_error(const Napi::CallbackInfo& info, Result<QDesc> opened) {
    if (!opened) return refused(info, opened.error());
    return number(info, opened->slot());
  }
  static Napi::Value done_or_error(const Napi::CallbackInfo& info, const Result<void>& result) {
    return number(info, -static_cast<int32_t>(result.error()));
  }
  static uint32_t* first_entry(Instance& instance) { return instance.entry(control::kSubmissions, 0); }

  // --- calls that finish at once ---

  static Napi::Value socket(Instance& instance, const Napi::CallbackInfo& info) {
    const uint64_t family = natural(info, 0, 255);
    const uint64_t type = natural(info, 1, INT32_MAX);
    const uint64_t protocol = natural(info, 2, INT32_MAX);
    if (family != 4 && family != 6) return refused(info, Errno::kENOTSUP);
    return slot_or_error(info, instance.libos_->socket(family == 4 ? Family::kIPv4 : Family::kIPv6, static_cast<int>(type),
                                                       static_cast<int>(protocol)));
  }
  static Napi::Value memory_queue(Instance& instance, const Napi::CallbackInfo& info) {
    return slot_or_error(info, instance.libos_->memory_queue(natural(info, 0, uint64_t{1} << 53)));
  }
  static Napi::Value create_pipe(Instance& instance, const Napi::CallbackInfo& info) {
    const std::string name = text_of(info[0]);
    return slot_or_error(info, instance.libos_->create_pipe(name, natural(info, 1, uint64_t{1} << 53)));
  }
  static Napi::Value open_pipe(Instance& instance, const Napi::CallbackInfo& info) {
    return slot_or_error(info, instance.libos_->open_pipe(text_of(info[0])));
  }
  // The endpoint is in the first submission entry.
  static Napi::Value bind(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    return done_or_error(info, queue->bind(Instance::read_endpoint(first_entry(instance))));
  }
  static Napi::Value listen(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    const uint64_t backlog = natural(info, 1, INT32_MAX);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    if (backlog > INT32_MAX) return refused(info, Errno::kEINVAL);
    const Result<void> listening = queue->listen(static_cast<uint32_t>(backlog));
    instance.environment_.settle();
    return done_or_error(info, listening);
  }
  // Second argument: 0 for the local end, 1 for the peer's. The endpoint is written to the first submission entry.
  static Napi::Value endpoint(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    Result<Endpoint> endpoint = natural(info, 1, 1) == 0 ? queue->local_endpoint() : queue->peer_endpoint();
    if (!endpoint) return refused(info, endpoint.error());
    Instance::write_endpoint(first_entry(instance), *endpoint);
    return number(info, 0);
  }
  // Of a flow whose ends are in the first two submission entries.
  static Napi::Value flow_queue(Instance& instance, const Napi::CallbackInfo& info) {
    FlowFold fold;
    for (uint32_t end : {0, 1}) {
      const Endpoint endpoint = Instance::read_endpoint(instance.entry(control::kSubmissions, end));
      fold.add_address(endpoint.words).add16(endpoint.port);
    }
    return number(info, instance.libos_->flow_share().queue_of(fold.hash()));
  }
  static Napi::Value set_option(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    const OptionValue value{info[3].As<Napi::Number>().Int64Value(), info[4].As<Napi::Number>().Int64Value()};
    return done_or_error(info, queue->set_option(info[1].As<Napi::Number>().Int32Value(), info[2].As<Napi::Number>().Int32Value(), value));
  }
  // The value is written to the first two words of the first submission entry; its seconds to the next two.
  static Napi::Value get_option(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    Result<OptionValue> value = queue->get_option(info[1].As<Napi::Number>().Int32Value(), info[2].As<Napi::Number>().Int32Value());
    if (!value) return refused(info, value.error());
    uint32_t* words = first_entry(instance);
    words[0] = static_cast<uint32_t>(value->number);
    words[1] = static_cast<uint32_t>(static_cast<uint64_t>(value->number) >> 32);
    words[2] = static_cast<uint32_t>(value->seconds);
    words[3] = static_cast<uint32_t>(static_cast<uint64_t>(value->seconds) >> 32);
    return number(info, 0);
  }

  static Napi::Value set_text_option(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    const std::string value = info[3].As<Napi::String>().Utf8Value();
    return done_or_error(info, queue->set_text_option(info[1].As<Napi::Number>().Int32Value(), info[2].As<Napi::Number>().Int32Value(), value));
  }
  // A string, or a negative number.
  static Napi::Value text_option(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    Result<std::string> value = queue->text_option(info[1].As<Napi::Number>().Int32Value(), info[2].As<Napi::Number>().Int32Value());
    if (!value) return refused(info, value.error());
    return Napi::String::New(info.Env(), *value);
  }
  // An object of numbers, or a negative number.
  static Napi::Value tcp_info(Instance& instance, const Napi::CallbackInfo& info) {
    Queue* queue = queue_argument(instance, info);
    if (queue == nullptr) return refused(info, Errno::kEBADF);
    Result<TcpInfo> told = queue->tcp_info();
    if (!told) return refused(info, told.error());
    Napi::Object object = Napi::Object::New(info.Env());
#define DEMI_SET_FIELD(member, name) object.Set(name, Napi::Number::New(info.Env(), static_cast<double>(told->member)));
    DEMI_TCP_INFO_FIELDS(DEMI_SET_FIELD)
#undef DEMI_SET_FIELD
    return object;
  }

  // --- operations ---

  // A push whose bytes stay in the caller's hands: the entry is in the control region, the view is the argument.
  static Napi::Value push_bytes(Instance& instance, const Napi::CallbackInfo& info) {
    ViewSource source(info.Env(), info[0]);
    instance.take_returns();
    instance.environment_.note_submission();
    const int32_t status = instance.submit_bytes(source, source.bytes().size());
    instance.flush_if_due();
    instance.environment_.settle();
    return number(info, status);
  }
  // Slot, and the deadline in milliseconds on now().
  static Napi::Value set_deadline(Instance& instance, const Napi::CallbackInfo& info) {
    Operation* operation = operation_argument(instance, info);
    const double due_ms = info[1].As<Napi::Number>().DoubleValue();
    if (operation == nullptr || std::isnan(due_ms)) return refused(info, Errno::kEINVAL);
    // Beyond this a double has no nanoseconds left, and nobody waits 100 years.
    constexpr double kFarthestMs = 1e12 * 3;
    const auto due_ns = static_cast<int64_t>(std::clamp(due_ms, 0.0, kFarthestMs) * 1e6);
    instance.libos_->set_deadline(*operation, Instant::from_nanoseconds(due_ns));
    return number(info, 0);
  }
  static Napi::Value cancel(Instance& instance, const Napi::CallbackInfo& info) {
    Operation* operation = operation_argument(instance, info);
    if (operation == nullptr) return refused(info, Errno::kEINVAL);
    instance.libos_->cancel(*operation);
    instance.environment_.settle();
    return number(info, 0);
  }
  static Operation* operation_argument(Instance& instance, const Napi::CallbackInfo& info) {
    const uint64_t slot = natural(info, 0, UINT32_MAX - 1);
    return slot >= UINT32_MAX ? nullptr : instance.libos_->operations().at(static_cast<uint32_t>(slot));
  }
  // A status as submit() writes it; the argument is the time for draining in milliseconds.
  static Napi::Value stop(Instance& instance, const Napi::CallbackInfo& info) {
    instance.take_returns();
    const Started started = instance.libos_->stop();
    int32_t status = control::kStatusDone;
    if (started.state == Started::State::kPending) {
      const auto limit = Duration::nanoseconds(static_cast<int64_t>(std::clamp(info[0].As<Napi::Number>().DoubleValue(), 0.0, 1e9) * 1e6));
      instance.libos_->set_deadline(*started.operation, instance.environment_.clock().now() + limit);
      status = static_cast<int32_t>(started.operation->slot);
    }
    instance.environment_.settle();
    return number(info, status);
  }
  static Napi::Value destroy(Instance& instance, const Napi::CallbackInfo& info) {
    Environment& environment = instance.environment_;
    instance.destroy();
    environment.retire(instance);
    environment.settle();
    return number(info, 0);
  }
  // Gives back what JavaScript returned and refills the completion ring.
  static Napi::Value flush(Instance& instance, const Napi::CallbackInfo& info) {
    instance.take_returns();
    instance.environment_.settle();
    return number(info, 0);
  }

  // --- the driver ---

  static Napi::Value enter(Instance& instance, const Napi::CallbackInfo& info) {
    return number(info, static_cast<int32_t>(instance.environment_.enter()));
  }
  // The argument is the longest time to wait in milliseconds.
  static Napi::Value wait_slice(Instance& instance, const Napi::CallbackInfo& info) {
    const double limit_ms = std::clamp(info[0].As<Napi::Number>().DoubleValue(), 0.0, 1000.0);
    const auto slice = Duration::nanoseconds(static_cast<int64_t>(limit_ms * 1e6));
    return number(info, static_cast<int32_t>(instance.environment_.wait_slice(slice)));
  }
  static Napi::Value set_referenced(Instance& instance, const Napi::CallbackInfo& info) {
    instance.referenced_ = info[0].As<Napi::Boolean>().Value();
    instance.environment_.update_keep_alive();
    return number(info, 0);
  }
  static Napi::Value now(Instance& instance, const Napi::CallbackInfo& info) {
    return number(info, static_cast<double>(instance.environment_.clock().now().nanoseconds()) / 1e6);
  }

  // --- memory ---

  // A window as an ArrayBuffer over the slab. The mapping lives as long as the ArrayBuffer, whatever becomes of the libOS.
  static Napi::Value window(Instance& instance, const Napi::CallbackInfo& info) {
    const uint64_t index = natural(info, 0, UINT32_MAX - 1);
    WindowTable& windows = instance.domain_->memory.windows();
    if (index >= windows.size()) return info.Env().Undefined();
    return array_buffer(info.Env(), windows.at(static_cast<uint32_t>(index)));
  }
  static Napi::Value array_buffer(Napi::Env env, const std::shared_ptr<Mapping>& mapping) {
    auto* holder = new std::shared_ptr<Mapping>(mapping);
    const Napi::Value exposed = Napi::ArrayBuffer::New(
        env, mapping->data(), mapping->size(), [](Napi::BasicEnv, void*, std::shared_ptr<Mapping>* held) { delete held; }, holder);
    // While the worker is being terminated there is none, and nobody to let go of it.
    if (exposed.IsEmpty()) delete holder;
    return exposed;
  }
  // A new staging room, for at least one payload that JavaScript may write; false when there is no memory.
  static Napi::Value stage(Instance& instance, const Napi::CallbackInfo& info) {
    instance.take_returns();
    return Napi::Boolean::New(info.Env(), instance.renew_staging());
  }
  // The results of these three are written to the first submission entry, as those of a pop.
  static Napi::Value sga_allocate(Instance& instance, const Napi::CallbackInfo& info) {
    instance.take_returns();
    const uint64_t bytes = natural(info, 0, uint64_t{1} << 53);
    return put_sga(instance, info, instance.domain_->memory.allocate(bytes));
  }
  static Napi::Value sga_clone(Instance& instance, const Napi::CallbackInfo& info) {
    SgArray* array = sga_argument(instance, info);
    if (array == nullptr) return refused(info, Errno::kEFAULT);
    return put_sga(instance, info, instance.domain_->memory.clone(*array));
  }
  static Napi::Value sga_slice(Instance& instance, const Napi::CallbackInfo& info) {
    SgArray* array = sga_argument(instance, info);
    if (array == nullptr) return refused(info, Errno::kEFAULT);
    const uint64_t begin = natural(info, 1, array->bytes());
    const uint64_t end = natural(info, 2, array->bytes());
    if (begin > end || end > array->bytes()) return refused(info, Errno::kEINVAL);
    return put_sga(instance, info, instance.domain_->memory.slice(*array, begin, end));
  }
  static SgArray* sga_argument(Instance& instance, const Napi::CallbackInfo& info) {
    const uint64_t id = natural(info, 0, UINT32_MAX - 1);
    return id >= UINT32_MAX ? nullptr : instance.sga(static_cast<uint32_t>(id));
  }
  static Napi::Value put_sga(Instance& instance, const Napi::CallbackInfo& info, Result<SgArray> made) {
    if (!made) return refused(info, made.error());
    if (instance.sgas_.live() + instance.libos_->operations().in_use() >= kSgaSlotsMax) return refused(info, Errno::kENOMEM);
    return number(info, instance.hand_over(first_entry(instance), std::move(*made)));
  }
  // (window, offset, length) of each segment, one after the other.
  static Napi::Value sga_segments(Instance& instance, const Napi::CallbackInfo& info) {
    SgArray* array = sga_argument(instance, info);
    if (array == nullptr) return refused(info, Errno::kEFAULT);
    // None while the worker is being terminated.
    const size_t words = size_t{array->count()} * 3;
    void* memory = nullptr;
    napi_value buffer = nullptr;
    napi_value triples = nullptr;
    if (napi_create_arraybuffer(info.Env(), words * sizeof(uint32_t), &memory, &buffer) != napi_ok ||
        napi_create_typedarray(info.Env(), napi_uint32_array, words, buffer, 0, &triples) != napi_ok) {
      return refused(info, Errno::kENOMEM);
    }
    auto* at = static_cast<uint32_t*>(memory);
    for (const Segment& segment : *array) {
      *at++ = segment.window();
      *at++ = segment.window_offset();
      *at++ = segment.length;
    }
    return Napi::Value(info.Env(), triples);
  }

  // --- what is going on ---

  static Napi::Value stats(Instance& instance, const Napi::CallbackInfo& info) {
    instance.take_returns();
    LibOS& libos = *instance.libos_;
    Memory& memory = instance.domain_->memory;
    const LibOSCounters& counters = libos.counters();
    Napi::Object stats = Napi::Object::New(info.Env());
    const auto set = [&](const char* name, uint64_t value) {
      stats.Set(name, Napi::Number::New(info.Env(), static_cast<double>(value)));
    };
    set("operations", counters.operations);
    set("operationsThatWaited", counters.operations_pending);
    set("canceled", counters.canceled);
    set("timedOut", counters.timed_out);
    set("queuesOpened", counters.queues_opened);
    set("datagramsDropped", counters.datagrams_dropped);
    set("resets", counters.resets);
    set("queues", libos.queues().size());
    set("closing", libos.orphans() + libos.deliveries());
    set("tokensPending", libos.operations().pending());
    set("sgArrays", instance.sgas_.live());
    // The staging room is ours and not the application's.
    set("buffers", memory.buffers_outstanding() - staging_rooms(instance));
    set("bufferBytesMapped", memory.bytes_in_windows());
    set("bufferBytesAvailable", memory.available_bytes());
    set("bufferBytesLimit", memory.limit_bytes());
    set("bufferWaits", memory.exhausted_count());
    std::map<std::string, Napi::Object> groups;
    libos.list_counters([&](const char* group, const char* name, uint64_t value) {
      const auto known = groups.try_emplace(group, Napi::Object::New(info.Env())).first;
      known->second.Set(in_camel_case(name), Napi::Number::New(info.Env(), static_cast<double>(value)));
    });
    if (groups.empty()) return stats;
    Napi::Object network = Napi::Object::New(info.Env());
    for (const auto& [group, counters_of_group] : groups) network.Set(group, counters_of_group);
    stats.Set("network", network);
    return stats;
  }
  // frames_in becomes framesIn.
  static std::string in_camel_case(const char* name) {
    std::string text;
    for (bool begins_word = false; *name != '\0'; ++name) {
      if (*name != '_') text += begins_word ? static_cast<char>(std::toupper(*name)) : *name;
      begins_word = *name == '_';
    }
    return text;
  }
  // Staging rooms of every libOS that shares this memory: a room counts only while somebody else holds part of it.
  static uint64_t staging_rooms(Instance& instance) { return instance.environment_.idle_staging_rooms(instance.domain_); }

  // (slot of the operation, opcode, descriptor, age in milliseconds) of each pending operation, one after the other.
  static Napi::Value pending(Instance& instance, const Napi::CallbackInfo& info) {
    OperationTable& operations = instance.libos_->operations();
    const Instant now = instance.environment_.clock().now();
    Napi::Array list = Napi::Array::New(info.Env());
    uint32_t at = 0;
    for (uint32_t slot = 0; slot < operations.slots(); ++slot) {
      Operation* operation = operations.at(slot);
      if (operation == nullptr || operation->state != Operation::State::kPending || operation->nobody_asked) continue;
      list.Set(at++, number(info, slot));
      list.Set(at++, number(info, static_cast<uint32_t>(operation->opcode)));
      list.Set(at++, number(info, static_cast<double>(operation->queue_descriptor().bits())));
      list.Set(at++, number(info, static_cast<double>((now - operation->started_at).count_nanoseconds()) / 1e6));
    }
    return list;
  }
};

Napi::Object Instance::make_functions(Napi::Env env, Napi::Function notify) {
  notify_ = Napi::Persistent(notify);
  Napi::Object functions = Napi::Object::New(env);
  functions.Set("control", InstanceFunctions::array_buffer(env, region_));
  functions.Set("isWorthSpinning", Napi::Boolean::New(env, is_worth_spinning()));
  napi_value submit = nullptr;
  napi_create_function(env, "submit", NAPI_AUTO_LENGTH, &InstanceFunctions::submit, this, &submit);
  functions.Set("submit", Napi::Value(env, submit));
#define DEMI_FUNCTION(name, method) \
  functions.Set(name, Napi::Function::New<InstanceFunctions::call<&InstanceFunctions::method>>(env, name, this))
  DEMI_FUNCTION("socket", socket);
  DEMI_FUNCTION("queue", memory_queue);
  DEMI_FUNCTION("createPipe", create_pipe);
  DEMI_FUNCTION("openPipe", open_pipe);
  DEMI_FUNCTION("bind", bind);
  DEMI_FUNCTION("listen", listen);
  DEMI_FUNCTION("endpoint", endpoint);
  DEMI_FUNCTION("flowQueue", flow_queue);
  DEMI_FUNCTION("setOption", set_option);
  DEMI_FUNCTION("getOption", get_option);
  DEMI_FUNCTION("setTextOption", set_text_option);
  DEMI_FUNCTION("textOption", text_option);
  DEMI_FUNCTION("tcpInfo", tcp_info);
  DEMI_FUNCTION("pushBytes", push_bytes);
  DEMI_FUNCTION("setDeadline", set_deadline);
  DEMI_FUNCTION("cancel", cancel);
  DEMI_FUNCTION("stop", stop);
  DEMI_FUNCTION("destroy", destroy);
  DEMI_FUNCTION("flush", flush);
  DEMI_FUNCTION("enter", enter);
  DEMI_FUNCTION("waitSlice", wait_slice);
  DEMI_FUNCTION("setReferenced", set_referenced);
  DEMI_FUNCTION("now", now);
  DEMI_FUNCTION("window", window);
  DEMI_FUNCTION("stage", stage);
  DEMI_FUNCTION("sgaAllocate", sga_allocate);
  DEMI_FUNCTION("sgaClone", sga_clone);
  DEMI_FUNCTION("sgaSlice", sga_slice);
  DEMI_FUNCTION("sgaSegments", sga_segments);
  DEMI_FUNCTION("stats", stats);
  DEMI_FUNCTION("pending", pending);
#undef DEMI_FUNCTION
  return functions;
}

}  // namespace demi
