#include "libos/libos.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "libos/memory_queue.h"

namespace demi {

OperationExtras::DeadlineTimer::DeadlineTimer(OperationExtras& owner)
    : Timer([](Timer& timer) {
        Operation& operation = static_cast<DeadlineTimer&>(timer).extras.operation;
        operation.libos.expire(operation);
      }),
      extras(owner) {}

QDesc Operation::queue_descriptor() const {
  if (extras != nullptr && extras->closing != nullptr) return extras->closed;
  return queue == nullptr ? QDesc() : queue->descriptor;
}

LibOS::LibOS(const LibOSSettings& settings)
    : id_(settings.id),
      clock_(*settings.clock),
      memory_(settings.memory),
      names_(settings.names),
      timers_(settings.clock->now()),
      scheduler_(timers_),
      operations_(*this, settings.tokens_limit),
      connections_(settings.connections_limit),
      queues_(settings.id, settings.descriptors),
      now_(settings.clock->now()) {}

LibOS::~LibOS() { DEMI_ASSERT(queues_.size() == 0, "a backend must destroy its queues before its base goes"); }

void LibOS::destroy_queues() {
  stopping_ = true;
  for (uint32_t slot = 0; slot < operations_.slots(); ++slot) {
    Operation* operation = operations_.at(slot);
    if (operation != nullptr) cancel(*operation);
  }
  for (uint32_t slot = 0; slot < queues_.slots(); ++slot) {
    Queue* queue = queues_.at(slot);
    if (queue == nullptr) continue;
    std::unique_ptr<Queue> removed = queues_.remove(queue->descriptor);
    removed->abort();
  }
  immediate_.sga.clear();
}

// --- calls that finish at once ---

Errno LibOS::queue_refusal() const {
  if (stopping_) return Errno::kECANCELED;
  return queues_.full() ? Errno::kEMFILE : Errno::kOk;
}

Result<QDesc> LibOS::add_queue(std::unique_ptr<Queue> queue) {
  const Errno refused = queue_refusal();
  if (refused != Errno::kOk) return refused;
  ++counters_.queues_opened;
  return queues_.add(std::move(queue));
}

Result<QDesc> LibOS::socket(Family family, int type, int protocol) {
  Result<std::unique_ptr<Queue>> made = make_socket(family, type, protocol);
  if (!made) return made.error();
  return add_queue(std::move(*made));
}

Result<QDesc> LibOS::memory_queue(uint64_t capacity_messages) {
  return add_queue(std::make_unique<MemoryQueue>(*this, std::make_shared<MemoryQueueCore>(capacity_messages)));
}

Result<QDesc> LibOS::create_pipe(std::string_view pipe_name, uint64_t capacity_messages) {
  // Checked first: a name that nobody has open would be left behind.
  const Errno refused = queue_refusal();
  if (refused != Errno::kOk) return refused;
  Result<std::shared_ptr<MemoryQueueCore>> core = names_->create(pipe_name, capacity_messages);
  if (!core) return core.error();
  return add_queue(std::make_unique<MemoryQueue>(*this, std::move(*core)));
}

Result<QDesc> LibOS::open_pipe(std::string_view pipe_name) {
  Result<std::shared_ptr<MemoryQueueCore>> core = names_->open(pipe_name);
  if (!core) return core.error();
  return add_queue(std::make_unique<MemoryQueue>(*this, std::move(*core)));
}

// --- starting operations ---

void LibOS::prepare_immediate() {
  immediate_.error = Errno::kOk;
  immediate_.has_endpoint = false;
  immediate_.bytes_accepted = 0;
  immediate_.new_queue = QDesc();
  DEMI_ASSERT(immediate_.sga.empty(), "the last immediate result was not taken");
}

Started LibOS::finished() {
  ++counters_.operations;
  return {Started::State::kFinished};
}

Operation* LibOS::open(OpCode opcode, Queue* queue, bool beyond_limit) {
  Operation* operation = operations_.open(beyond_limit);
  if (operation == nullptr) return nullptr;
  ++counters_.operations_pending;
  operation->opcode = opcode;
  operation->queue = queue;
  operation->started_at = now_;
  return operation;
}

Started LibOS::wait_in(OperationLine& line, Operation& operation, bool for_memory) {
  ++counters_.operations;
  line.push_back(operation);
  if (for_memory) wait_for_memory(operation);
  return {Started::State::kPending, Errno::kOk, &operation};
}

Started LibOS::wait_as_reader(Operation& operation, bool for_memory) {
  const Started started = wait_in(operation.queue->lines().readers, operation, for_memory);
  operation.queue->reader_waits();
  if (unanswered_ > 0 && --unanswered_ == 0) has_answered_ = unflushed_ > 0;
  return started;
}

void LibOS::wait_for_memory(Operation& operation) {
  ++counters_.memory_waits;
  OperationExtras& extras = operations_.extras_of(operation);
  if (operation.opcode == OpCode::kPop) extras.memory_wanted_bytes = operation.queue->pop_memory_bytes();
  if (operation.opcode == OpCode::kPush) extras.memory_wanted_bytes = operation.push->memory_wanted_bytes;
  if (!extras.memory_hook.linked()) waiting_for_memory_.push_back(extras);
  least_memory_wanted_ = std::min(least_memory_wanted_, extras.memory_wanted_bytes);
}

// Wakes as many as can hope to find what they want, so that one buffer that comes back does not set a thousand operations running.
void LibOS::wake_for_memory() {
  uint64_t available = memory_->available_bytes();
  uint64_t least = UINT64_MAX;
  for (OperationExtras* waiting = waiting_for_memory_.front(); waiting != nullptr;) {
    OperationExtras* next = waiting_for_memory_.next(*waiting);
    const uint64_t wanted = waiting->memory_wanted_bytes;
    if (wanted <= available) {
      // Even a byte takes a room.
      available -= std::min(available, std::max<uint64_t>(wanted, kRoomBytes[0]));
      waiting->memory_hook.unlink();
      wake(waiting->operation);
      // What the rest wants was not looked at; the old bound still holds.
      if (available == 0) return;
    } else {
      least = std::min(least, wanted);
    }
    waiting = next;
  }
  least_memory_wanted_ = least;
}

Started LibOS::push(Queue& queue, PushRequest& request) {
  if (queue.end_of_pushes_requested) return {Started::State::kRefused, Errno::kEPIPE};
  if (request.total_bytes == 0 && queue.is_stream) return {Started::State::kRefused, Errno::kEINVAL};
  if (queue.bounds_pushes && request.total_bytes > queue.largest_push_bytes()) return {Started::State::kRefused, Errno::kEMSGSIZE};
  if (request.destination && !queue.takes_destination) return {Started::State::kRefused, Errno::kENOTSUP};
  prepare_immediate();
  OperationLine& line = queue.lines().writers;
  const Attempt attempted = line.empty() ? queue.try_push(request, immediate_) : Attempt::would_block();
  if (attempted.outcome == Attempt::Outcome::kDone) {
    immediate_.bytes_accepted = request.accepted_bytes;
    return finished();
  }
  if (attempted.outcome == Attempt::Outcome::kRefused) return {Started::State::kRefused, attempted.error};
  Operation* operation = open(OpCode::kPush, &queue, request.accepted_bytes > 0);
  if (operation == nullptr) return {Started::State::kRefused, Errno::kEAGAIN};
  operations_.give_request(*operation, std::move(request));
  PushRequest& kept = *operation->push;
  if (kept.source != nullptr) {
    kept.kept = kept.source->keep();
    kept.source = kept.kept.get();
  }
  return wait_in(line, *operation, attempted.outcome == Attempt::Outcome::kNoMemory);
}

Started LibOS::pop(Queue& queue, uint64_t limit_bytes) {
  prepare_immediate();
  OperationLine& line = queue.lines().readers;
  const Attempt attempted = line.empty() ? queue.try_pop(limit_bytes, immediate_) : Attempt::would_block();
  if (attempted.outcome == Attempt::Outcome::kDone) return finished();
  if (attempted.outcome == Attempt::Outcome::kRefused) return {Started::State::kRefused, attempted.error};
  Operation* operation = open(OpCode::kPop, &queue);
  if (operation == nullptr) return {Started::State::kRefused, Errno::kEAGAIN};
  operation->pop_limit = limit_bytes;
  return wait_as_reader(*operation, attempted.outcome == Attempt::Outcome::kNoMemory);
}

Started LibOS::accept(Queue& queue) {
  prepare_immediate();
  OperationLine& line = queue.lines().readers;
  const Attempt attempted = line.empty() ? attempt_accept(queue, immediate_) : Attempt::would_block();
  if (attempted.outcome == Attempt::Outcome::kDone) return finished();
  if (attempted.outcome == Attempt::Outcome::kRefused) return {Started::State::kRefused, attempted.error};
  Operation* operation = open(OpCode::kAccept, &queue);
  if (operation == nullptr) return {Started::State::kRefused, Errno::kEAGAIN};
  return wait_as_reader(*operation, false);
}

Started LibOS::connect(Queue& queue, const Endpoint& remote) {
  // Checked first: an active open that has begun could not be taken back.
  if (operations_.full()) return {Started::State::kRefused, Errno::kEAGAIN};
  const Errno wrong = queue.begin_connect(remote);
  if (wrong != Errno::kOk) return {Started::State::kRefused, wrong};
  prepare_immediate();
  const Attempt attempted = queue.try_connect(immediate_);
  if (attempted.outcome == Attempt::Outcome::kDone) return finished();
  if (attempted.outcome == Attempt::Outcome::kRefused) return {Started::State::kRefused, attempted.error};
  Operation* operation = open(OpCode::kConnect, &queue);
  return wait_in(queue.lines().writers, *operation, false);
}

Started LibOS::shutdown(Queue& queue, ShutdownHow how) {
  prepare_immediate();
  OperationLine& line = queue.lines().writers;
  // Only the end of the write side has a place in the order of pushes.
  const bool waits = how != ShutdownHow::kRead && !line.empty();
  const Attempt attempted = waits ? Attempt::would_block() : queue.try_shutdown(how, immediate_);
  if (attempted.outcome == Attempt::Outcome::kRefused) return {Started::State::kRefused, attempted.error};
  const bool again = queue.end_of_pushes_requested;
  if (how != ShutdownHow::kRead) queue.end_of_pushes_requested = true;
  if (attempted.outcome == Attempt::Outcome::kDone) return finished();
  // To say that nothing more will come must always be possible; to say it again need not be.
  Operation* operation = open(OpCode::kShutdown, &queue, !again);
  if (operation == nullptr) return {Started::State::kRefused, Errno::kEAGAIN};
  operation->how = how;
  return wait_in(line, *operation, false);
}

Started LibOS::close(Queue& queue) {
  prepare_immediate();
  const QDesc qd = queue.descriptor;
  Operation* operation = nullptr;
  if (close_now(queues_.remove(qd), qd, immediate_, &operation)) return finished();
  return {Started::State::kPending, Errno::kOk, operation};
}

bool LibOS::close_now(std::unique_ptr<Queue> queue, QDesc qd, Completion& completion, Operation** operation) {
  cancel_line(queue->lines().readers, *queue);
  cancel_line(queue->lines().writers, *queue);
  queue->begin_close();
  if (queue->try_close(completion).outcome == Attempt::Outcome::kDone) return true;
  ++orphans_;
  *operation = open(OpCode::kClose, queue.get(), true);
  const Duration limit = queue->close_time_limit();
  OperationExtras& extras = operations_.extras_of(**operation);
  extras.closing = std::move(queue);
  extras.closed = qd;
  wait_in((*operation)->queue->lines().writers, **operation, false);
  if (limit > Duration()) set_deadline(**operation, clock_.now() + limit);
  return false;
}

Started LibOS::stop() {
  prepare_immediate();
  stopping_ = true;
  for (uint32_t slot = 0; slot < operations_.slots(); ++slot) {
    Operation* operation = operations_.at(slot);
    if (operation != nullptr && operation->opcode != OpCode::kClose) cancel(*operation);
  }
  for (uint32_t slot = 0; slot < queues_.slots(); ++slot) {
    Queue* queue = queues_.at(slot);
    if (queue == nullptr) continue;
    const QDesc qd = queue->descriptor;
    Operation* closing = nullptr;
    if (!close_now(queues_.remove(qd), qd, immediate_, &closing)) closing->nobody_asked = true;
  }
  immediate_.error = Errno::kOk;
  if (has_drained()) return finished();
  Operation* stopper = open(OpCode::kClose, nullptr, true);
  stopper->stops_libos = true;
  return wait_in(stoppers_, *stopper, false);
}

// --- one coroutine per pending operation that was woken ---

static bool reads(const Operation& operation) { return operation.opcode == OpCode::kPop || operation.opcode == OpCode::kAccept; }

OperationLine& LibOS::line_of(Operation& operation) {
  if (operation.stops_libos) return stoppers_;
  QueueLines& lines = operation.queue->lines();
  return reads(operation) ? lines.readers : lines.writers;
}

void LibOS::wake(Operation& operation) {
  LibOS& libos = operation.libos;
  if (!operation.task) operation.task = libos.run(operation);
  libos.scheduler_.resume(operation.task);
}

Task<void> LibOS::run(Operation& operation) {
  // The order of a line is strict: whoever is woken out of turn waits for those in front.
  while (line_of(operation).front() != &operation || !advance(operation)) co_await Scheduler::pause();
  finish(operation);
}

bool LibOS::advance(Operation& operation) {
  Completion& completion = operations_.completion_of(operation);
  const Attempt attempted = attempt(operation, completion);
  if (attempted.outcome == Attempt::Outcome::kNoMemory) {
    operations_.drop_completion(operation);
    wait_for_memory(operation);
    return false;
  }
  if (operation.extras != nullptr) operation.extras->memory_hook.unlink();
  if (attempted.outcome == Attempt::Outcome::kWouldBlock) {
    operations_.drop_completion(operation);
    return false;
  }
  // What would have been refused at the call goes through the token now: the caller has long returned.
  if (attempted.outcome == Attempt::Outcome::kRefused) {
    completion.error = attempted.error;
    // What was not ended can be pushed to again, after another connect for instance.
    if (operation.opcode == OpCode::kShutdown) operation.queue->end_of_pushes_requested = false;
  }
  return true;
}

bool LibOS::try_front(OperationLine& line) {
  Operation* operation = line.front();
  if (operation == nullptr || (operation->extras != nullptr && operation->extras->memory_hook.linked()) || !advance(*operation)) return false;
  operation->task = Task<void>();
  finish(*operation);
  return true;
}

Attempt LibOS::attempt(Operation& operation, Completion& completion) {
  switch (operation.opcode) {
    case OpCode::kPush: {
      const Attempt attempted = operation.queue->try_push(*operation.push, completion);
      completion.bytes_accepted = operation.push->accepted_bytes;
      return attempted;
    }
    case OpCode::kPop:
      return operation.queue->try_pop(operation.pop_limit, completion);
    case OpCode::kAccept:
      return attempt_accept(*operation.queue, completion);
    case OpCode::kConnect:
      return operation.queue->try_connect(completion);
    case OpCode::kShutdown:
      return operation.queue->try_shutdown(operation.how, completion);
    case OpCode::kClose:
      if (operation.stops_libos) return has_drained() ? Attempt::done() : Attempt::would_block();
      return operation.queue->try_close(completion);
  }
  DEMI_ASSERT(false, "an operation code that does not exist");
  return Attempt::done();
}

Attempt LibOS::attempt_accept(Queue& queue, Completion& completion) {
  if (queues_.full()) return Attempt::failed(completion, Errno::kEMFILE);
  std::unique_ptr<Queue> connection;
  const Attempt attempted = queue.try_accept(connection, completion);
  if (attempted.outcome == Attempt::Outcome::kDone && completion.error == Errno::kOk) {
    completion.new_queue = queues_.add(std::move(connection));
    ++counters_.queues_opened;
  }
  return attempted;
}

void LibOS::finish(Operation& operation) {
  OperationLine& line = line_of(operation);
  line.remove(operation);
  Queue::wake_front(line);
  if (operation.opcode == OpCode::kClose && !operation.stops_libos) {
    operation.extras->closing.reset();
    --orphans_;
    if (has_drained()) Queue::wake_front(stoppers_);
  }
  operation.queue = nullptr;
  if (reads(operation)) ++unanswered_;
  operations_.finish(operation);
}

// --- cancellation and deadlines ---

void LibOS::cancel(Operation& operation, Errno error) {
  if (operation.state != Operation::State::kPending) return;
  if (error == Errno::kECANCELED) ++counters_.canceled;
  operation.task = Task<void>();
  Completion& completion = operations_.completion_of(operation);
  completion.error = error;
  if (operation.stops_libos) {
    // At the end of its time a stop does not fail: what has not drained by then is reset, as announced.
    completion.error = Errno::kOk;
    cancel_every_close();
    abandon_deliveries();
  } else if (operation.opcode == OpCode::kConnect) {
    operation.queue->abandon_connect();
  } else if (operation.opcode == OpCode::kClose) {
    operation.queue->abort();
  } else if (operation.opcode == OpCode::kShutdown) {
    operation.queue->end_of_pushes_requested = another_shutdown_waits(operation);
  }
  if (operation.opcode == OpCode::kPush) completion.bytes_accepted = operation.push->accepted_bytes;
  finish(operation);
}

bool LibOS::another_shutdown_waits(Operation& operation) {
  OperationLine& line = line_of(operation);
  for (Operation* other = line.front(); other != nullptr; other = line.next(*other)) {
    if (other != &operation && other->opcode == OpCode::kShutdown && other->queue == operation.queue) return true;
  }
  return false;
}

void LibOS::cancel_every_close() {
  for (uint32_t slot = 0; slot < operations_.slots(); ++slot) {
    Operation* operation = operations_.at(slot);
    if (operation != nullptr && operation->opcode == OpCode::kClose && !operation->stops_libos) cancel(*operation);
  }
}

void LibOS::cancel_line(OperationLine& line, Queue& queue) {
  for (Operation* operation = line.front(); operation != nullptr;) {
    Operation* next = line.next(*operation);
    // Descriptors of one named pipe share a line: only this one's operations end.
    if (operation->queue == &queue) operation->libos.cancel(*operation);
    operation = next;
  }
}

void LibOS::set_deadline(Operation& operation, Instant due) {
  if (operation.state != Operation::State::kPending) return;
  Timer& deadline = operations_.extras_of(operation).deadline;
  const bool lingers = operation.opcode == OpCode::kClose && !operation.stops_libos && deadline.armed();
  if (lingers && deadline.due() < due) return;
  timers_.arm(deadline, due);
}

void LibOS::expire(Operation& operation) {
  ++counters_.timed_out;
  cancel(operation, Errno::kETIMEDOUT);
}

// --- the turn ---

bool LibOS::run_ready() {
  if (memory_came_back()) wake_for_memory();
  if (!scheduler_.has_ready()) return false;
  scheduler_.run_ready(kReadyBudget);
  return true;
}

bool LibOS::turn(Instant now) {
  now_ = now;
  bool any = unflushed_ > 0 && flush(now);
  unanswered_ = 0;
  if (poll_backend(now)) any = true;
  if (timers_.expire(now) > 0) any = true;
  if (run_ready()) any = true;
  if (flush(now)) any = true;
  return any;
}

void LibOS::set_deliveries(size_t deliveries) {
  deliveries_ = deliveries;
  if (has_drained()) Queue::wake_front(stoppers_);
}

}  // namespace demi
