#include "binding/instance.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "binding/binding_limits.h"
#include "libos/catnap.h"
#include "libos/loopback.h"

namespace demi {

namespace {
std::atomic<uint32_t> next_libos_number{0};
}  // namespace

Result<std::unique_ptr<Instance>> Instance::create(Environment& environment, const InstanceSettings& settings, std::string& problem) {
  const size_t bytes = control::kDescriptors * sizeof(uint32_t) + settings.queues_limit * sizeof(double);
  std::shared_ptr<Mapping> region = Mapping::create(bytes);
  if (region == nullptr) return Errno::kENOMEM;
  std::unique_ptr<Instance> instance(new Instance(environment, settings, std::move(region)));
  const Errno wrong = instance->make_libos(settings, problem);
  if (wrong != Errno::kOk) return wrong;
  return instance;
}

Instance::Instance(Environment& environment, const InstanceSettings& settings, std::shared_ptr<Mapping> region)
    : environment_(environment),
      poll_(settings.poll),
      region_(std::move(region)),
      words_(reinterpret_cast<uint32_t*>(region_->data())),
      ring_operations_(std::make_unique<Operation*[]>(control::kRingEntries)) {}

Errno Instance::make_libos(const InstanceSettings& settings, std::string& problem) {
  MemoryConfig memory;
  memory.limit_bytes = settings.buffer_bytes;
  LibOSSettings libos;
  libos.id = next_libos_number++ % kLibOSNumbers;
  // TypeScript keeps to the limit exactly. What it has read stays in the table until the ring comes round to it.
  libos.tokens_limit = settings.tokens_limit + control::kRingEntries;
  libos.connections_limit = settings.connections_limit;
  libos.descriptors = {reinterpret_cast<double*>(&word(control::kDescriptors)), settings.queues_limit};
  libos.clock = &environment_.clock();
  const auto live_in = [&](std::shared_ptr<Domain> domain) {
    domain_ = std::move(domain);
    if (settings.poison) domain_->memory.set_poison(true);
    without_bytes_ = domain_->memory.make_array();
    libos.memory = std::shared_ptr<Memory>(domain_, &domain_->memory);
    libos.names = std::shared_ptr<MemoryQueueNames>(domain_, &domain_->pipes);
  };
  if (settings.libos == "loopback") {
    std::shared_ptr<LoopbackDomain> shared = environment_.loopback_domain(settings.loopback_namespace, memory);
    live_in(shared);
    libos_ = std::make_unique<Loopback>(libos, std::shared_ptr<LoopbackNamespace>(shared, &shared->names));
    return Errno::kOk;
  }
  if (settings.libos == "catpowder") {
    live_in(std::make_shared<Domain>(memory));
    MadeNetos made = make_catpowder(libos, settings.netos, settings.catpowder, environment_.hubs());
    if (made.libos == nullptr) {
      problem = std::move(made.problem);
      return Errno::kEINVAL;
    }
    libos_ = std::move(made.libos);
  }
#ifdef __linux__
  if (settings.libos == "catnip") {
    const CatnipGround ground = prepare_catnip(settings.catnip);
    if (ground.plugin == nullptr) {
      problem = ground.problem;
      return ground.error;
    }
    memory.source = ground.mappings;
    live_in(std::make_shared<Domain>(memory));
    Errno error = Errno::kOk;
    MadeNetos made = make_catnip(libos, settings.netos, settings.catnip, ground, error);
    if (made.libos == nullptr) {
      problem = std::move(made.problem);
      return error;
    }
    libos_ = std::move(made.libos);
  }
  if (settings.libos == "catnap") {
    live_in(std::make_shared<Domain>(memory));
    Result<std::unique_ptr<Catnap>> catnap = Catnap::create(libos);
    if (!catnap) return catnap.error();
    libos_ = std::move(*catnap);
  }
#endif
  if (libos_ == nullptr) return Errno::kENOTSUP;
  if (libos_->wakeup_fd() >= 0) {
    watch_ = environment_.watch_fd(libos_->wakeup_fd());
    if (watch_ == nullptr) return Errno::kENOMEM;
  }
  return Errno::kOk;
}

Instance::~Instance() { destroy(); }

void Instance::destroy() {
  if (libos_ == nullptr) return;
  if (uv_poll_t* watch = std::exchange(watch_, nullptr)) environment_.unwatch_fd(watch);
  close_staging();
  libos_.reset();
  sgas_.clear();
  domain_.reset();
  ring_operations_.reset();
  notify_.Reset();
  // JavaScript keeps the region for as long as it looks at it.
  region_.reset();
}

bool Instance::wants_spin(bool is_patient) {
  if (libos_ == nullptr || libos_->operations().pending() == 0) return false;
  if (poll_ == PollMode::kBusy) return true;
  return poll_ == PollMode::kAdaptive && libos_->is_worth_spinning() && is_patient;
}

// --- submissions ---

void Instance::submit_all() {
  const uint32_t count = std::min(word(control::kSubmitCount), control::kSubmissionEntries);
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t* submitted = entry(control::kSubmissions, i);
    submitted[control::kWord0] = static_cast<uint32_t>(submit(submitted));
    // Later entries of a batch see what earlier ones made ready.
    if (i + 1 < count && libos_->has_work()) libos_->run_ready();
    flush_if_due();
  }
  // There are as many segments as there may be: what is staged would become one each, so pushes are copied by native code, which waits until there is one.
  if (!domain_->memory.segments().admits(1)) close_staging();
}

void Instance::flush_if_due() {
  if (libos_->must_flush()) libos_->flush(environment_.clock().now());
}

int32_t Instance::submit(uint32_t* submitted) {
  Queue* queue = libos_->queues().at(submitted[control::kQueueSlot]);
  if (queue == nullptr) return control::refused_status(static_cast<int32_t>(Errno::kEBADF));
  const uint32_t argument = submitted[control::kArgument];
  switch (static_cast<OpCode>(submitted[control::kWord0] & control::kOpcodeMask)) {
    case OpCode::kPush:
      return conclude(submit_push(*queue, submitted), submitted);
    case OpCode::kPop:
      // Every result needs an id; those of pops that are on their way are set aside.
      if (sgas_.live() + libos_->operations().in_use() >= kSgaSlotsMax) {
        return control::refused_status(static_cast<int32_t>(Errno::kEAGAIN));
      }
      return conclude(libos_->pop(*queue, argument == 0 ? UINT64_MAX : argument), submitted);
    case OpCode::kAccept:
      return conclude(libos_->accept(*queue), submitted);
    case OpCode::kConnect:
      return conclude(libos_->connect(*queue, read_endpoint(submitted)), submitted);
    case OpCode::kShutdown:
      if (argument > static_cast<uint32_t>(ShutdownHow::kReadWrite)) break;
      return conclude(libos_->shutdown(*queue, static_cast<ShutdownHow>(argument)), submitted);
    case OpCode::kClose:
      return conclude(libos_->close(*queue), submitted);
  }
  return control::refused_status(static_cast<int32_t>(Errno::kEINVAL));
}

Started Instance::submit_push(Queue& queue, const uint32_t* submitted) {
  const uint32_t flags = submitted[control::kWord0];
  PushRequest request;
  request.until_acknowledged = (flags & control::kFlagAcknowledged) != 0;
  if ((flags & control::kFlagDestination) != 0) request.destination = read_endpoint(submitted);
  if ((flags & control::kFlagStaged) != 0) {
    const Errno wrong = take_staged(request, submitted[control::kOffset], submitted[control::kArgument]);
    if (wrong != Errno::kOk) return {Started::State::kRefused, wrong};
    return libos_->push(queue, request);
  }
  const uint32_t id = submitted[control::kSga];
  SgArray* array = sga(id);
  if (array == nullptr) return {Started::State::kRefused, Errno::kEFAULT};
  request.data = std::move(*array);
  request.total_bytes = request.data.bytes();
  const Started started = libos_->push(queue, request);
  if (started.state == Started::State::kRefused) {
    // Nothing happened: the caller still has it.
    *array = std::move(request.data);
  } else {
    sgas_.release(id);
  }
  return started;
}

int32_t Instance::submit_bytes(PushSource& source, uint64_t bytes) {
  uint32_t* submitted = entry(control::kSubmissions, 0);
  Queue* queue = libos_->queues().at(submitted[control::kQueueSlot]);
  if (queue == nullptr) return control::refused_status(static_cast<int32_t>(Errno::kEBADF));
  PushRequest request;
  request.data = domain_->memory.make_array();
  request.source = &source;
  request.total_bytes = bytes;
  request.until_acknowledged = (submitted[control::kWord0] & control::kFlagAcknowledged) != 0;
  if ((submitted[control::kWord0] & control::kFlagDestination) != 0) request.destination = read_endpoint(submitted);
  return conclude(libos_->push(*queue, request), submitted);
}

int32_t Instance::conclude(const Started& started, uint32_t* submitted) {
  if (started.state == Started::State::kPending) return static_cast<int32_t>(started.operation->slot);
  if (started.state == Started::State::kRefused) return control::refused_status(static_cast<int32_t>(started.error));
  const auto opcode = static_cast<OpCode>(submitted[control::kWord0] & control::kOpcodeMask);
  Completion& completion = libos_->immediate();
  if (completion.error == Errno::kOk && opcode != OpCode::kPop && opcode != OpCode::kAccept) return control::kStatusDone;
  write_completion(submitted, completion, opcode);
  return control::kStatusDetails;
}

void Instance::write_completion(uint32_t* written, Completion& completion, OpCode opcode) {
  written[control::kQueueSlot] = static_cast<uint32_t>(completion.error);
  written[control::kPortAndFamily] = 0;
  if (completion.has_endpoint) write_endpoint(written, completion.endpoint);
  if (opcode == OpCode::kAccept) {
    written[control::kNewQueue] = completion.new_queue.slot();
    return;
  }
  if (opcode == OpCode::kPop) {
    if (completion.error != Errno::kOk) return;
    hand_over(written, std::move(completion.sga));
    return;
  }
  written[control::kArgument] = static_cast<uint32_t>(completion.bytes_accepted);
  written[control::kOffset] = static_cast<uint32_t>(completion.bytes_accepted >> 32);
}

// --- completions ---

bool Instance::publish() {
  if (libos_ == nullptr) return false;
  word(control::kMemoryWaits) = libos_->waits_for_memory() ? 1 : 0;
  if (!libos_->operations().has_done()) return false;
  release_consumed();
  bool any = false;
  while (published_ - released_ < control::kRingEntries) {
    Operation* operation = libos_->take_done();
    if (operation == nullptr) break;
    uint32_t* written = entry(control::kRing, published_ % control::kRingEntries);
    written[control::kWord0] = operation->slot;
    write_completion(written, *operation->completion, operation->opcode);
    ring_operations_[published_ % control::kRingEntries] = operation;
    ++published_;
    any = true;
  }
  word(control::kPublished) = published_;
  return any;
}

void Instance::release_consumed() {
  const uint32_t consumed = word(control::kConsumed);
  while (released_ != consumed && released_ != published_) {
    libos_->release(*ring_operations_[released_++ % control::kRingEntries]);
  }
}

void Instance::notify() {
  if (!has_published() || notify_.IsEmpty()) return;
  Napi::Env env = environment_.env();
  notify_.MakeCallback(env.Global(), std::initializer_list<napi_value>{});
  // Nobody is left to catch what was thrown there; it must not be lost.
  if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
}

// --- memory ---

void Instance::release_returned() {
  const uint32_t count = std::min(word(control::kReturnCount), control::kReturnEntries);
  for (uint32_t i = 0; i < count; ++i) sgas_.release(word(control::kReturns + i));
  word(control::kReturnCount) = 0;
}

void Instance::close_staging() {
  staging_.reset();
  word(control::kStageOffset) = word(control::kStageEnd) = 0;
}

bool Instance::renew_staging() {
  staging_ = domain_->memory.segments().admits(1) ? domain_->memory.allocate_room(kStagingBytes) : BufferRef();
  const bool renewed = static_cast<bool>(staging_);
  word(control::kStageWindow) = renewed ? staging_->window : 0;
  word(control::kStageOffset) = renewed ? staging_->window_offset + staging_->headroom : 0;
  word(control::kStageEnd) = renewed ? staging_->window_offset + staging_->capacity : 0;
  return renewed;
}

Errno Instance::take_staged(PushRequest& request, uint32_t offset, uint32_t length) {
  // JavaScript can only give away what it was given, and each byte once.
  if (!staging_ || offset < word(control::kStageOffset) || offset > word(control::kStageEnd) ||
      length > word(control::kStageEnd) - offset) {
    return Errno::kEFAULT;
  }
  request.data = domain_->memory.make_array();
  request.data.append_segment(staging_, offset - staging_->window_offset, length);
  request.total_bytes = length;
  word(control::kStageOffset) = offset + length;
  return Errno::kOk;
}

uint32_t Instance::hand_over(uint32_t* written, SgArray&& array) {
  if (array.empty()) {
    write_sga(written, 0, array);
    return 0;
  }
  const uint32_t id = sgas_.put(std::move(array));
  DEMI_ASSERT(id != 0, "an id was set aside for every array");
  write_sga(written, id, *sgas_.find(id));
  return id;
}

void Instance::write_sga(uint32_t* written, uint32_t id, const SgArray& array) {
  written[control::kSga] = id;
  written[control::kArgument] = static_cast<uint32_t>(array.bytes());
  written[control::kOffset] = static_cast<uint32_t>(array.bytes() >> 32);
  written[control::kSegmentCount] = array.count();
  const Segment* first = array.front();
  if (first == nullptr) return;
  written[control::kSegmentWindow] = first->buffer->window;
  written[control::kSegmentOffset] = first->buffer->window_offset + first->offset;
  written[control::kSegmentLength] = first->length;
}

// --- endpoints ---

Endpoint Instance::read_endpoint(const uint32_t* from) {
  Endpoint endpoint;
  const uint32_t family = from[control::kPortAndFamily] & 0xff;
  endpoint.family = family == 4 ? Family::kIPv4 : family == 6 ? Family::kIPv6 : Family::kNone;
  endpoint.port = static_cast<uint16_t>(from[control::kPortAndFamily] >> 16);
  endpoint.scope_id = from[control::kScope];
  std::copy_n(from + control::kAddress, 4, endpoint.words.begin());
  return endpoint;
}

void Instance::write_endpoint(uint32_t* to, const Endpoint& endpoint) {
  to[control::kPortAndFamily] = (uint32_t{endpoint.port} << 16) | static_cast<uint32_t>(endpoint.family);
  to[control::kScope] = endpoint.scope_id;
  std::copy_n(endpoint.words.begin(), 4, to + control::kAddress);
}

}  // namespace demi
