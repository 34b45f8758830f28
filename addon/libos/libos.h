// LibOS: the contract of every backend, and the machine that all of them share.
//
// A backend implements make_socket() with its own kind of Queue (queue.h), poll_backend(), where frames or kernel events come in, and
// flush_backend(), where what they have caused goes out. Everything else is here, once: the descriptor and operation tables, waiting, order, cancellation, deadlines, closing, memory
// queues, and the turn of the loop.
//
// Call order: any call; then run_ready() (or turn(now), which also reads the backend and the timers); then take_done() until it
// gives nothing; then release() of what was delivered. Nothing blocks. A libOS belongs to the thread that made it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/flow_hash.h"
#include "base/result.h"
#include "base/timer_wheel.h"
#include "libos/connection_count.h"
#include "libos/operation.h"
#include "libos/operation_table.h"
#include "libos/queue.h"
#include "libos/queue_table.h"
#include "memory/memory.h"
#include "sched/scheduler.h"

namespace demi {

class MemoryQueueNames;

struct LibOSSettings {
  uint32_t id = 0;                          // part of every descriptor; no two libOSes of a process share one
  uint32_t tokens_limit = 0;                // operations in the table at once
  // Connections at once, 0: any number. A connect beyond it is EAGAIN at the call; what could be accepted beyond it stays in the backlog
  // and the accept waits, until a connection has closed. See connection_count.h for what counts.
  uint32_t connections_limit = 0;
  std::span<double> descriptors;            // see QueueTable; its length is the limit of queues
  std::shared_ptr<Memory> memory;           // libOSes whose queues can meet share one
  std::shared_ptr<MemoryQueueNames> names;  // the named pipes that open_pipe() finds
  Clock* clock = nullptr;                   // outlives the libOS
};

// Where an operation stands when the call that started it returns.
struct Started {
  enum class State : uint8_t {
    kFinished,  // LibOS::immediate() holds what it came to
    kPending,   // `operation` will be handed out by take_done()
    kRefused,   // `error` is for the caller; nothing was started
  };
  State state;
  Errno error = Errno::kOk;
  Operation* operation = nullptr;
};

struct LibOSCounters {
  uint64_t operations = 0;           // started, finished at once or not; what was refused does not count
  uint64_t operations_pending = 0;   // of these, could not finish at once
  uint64_t canceled = 0;
  uint64_t timed_out = 0;
  uint64_t queues_opened = 0;
  uint64_t datagrams_dropped = 0;    // nobody was bound there, or the receive queue was full
  uint64_t resets = 0;               // connections ended by a reset, either side
  uint64_t memory_waits = 0;         // attempts that met an exhausted buffer pool
};

// Takes a counter: its group, its name and its value.
using CounterVisitor = std::function<void(const char* group, const char* name, uint64_t value)>;

class LibOS {
 public:
  explicit LibOS(const LibOSSettings& settings);
  LibOS(const LibOS&) = delete;
  LibOS& operator=(const LibOS&) = delete;
  // The backend's destructor must have called destroy_queues().
  virtual ~LibOS();

  // What a backend takes in and sends at once: large enough to share out what each time costs, small enough that what it holds stays in the nearest cache.
  static constexpr size_t kBurst = 32;

  // --- the backend ---
  virtual const char* name() const = 0;
  virtual Result<std::unique_ptr<Queue>> make_socket(Family family, int type, int protocol) = 0;
  // Takes in what has arrived and sends what is due. True if there was anything.
  virtual bool poll_backend(Instant now) = 0;
  // Whether anything but this thread's own calls and timers can ever complete an operation.
  virtual bool has_outside_world() const = 0;
  // A file descriptor that is readable when poll_backend() would find something, for an event loop to sleep on; -1: there is none.
  virtual int wakeup_fd() const { return -1; }
  // Whether poll_backend() may find something that no wake-up fd tells of before its next alarm: a loop that is awake looks with each turn.
  virtual bool must_be_asked() const { return false; }
  // The thread is about to sleep on wakeup_fd(), or to stop calling turn(): from now on everything that comes must show there.
  virtual void prepare_to_sleep() {}
  // The next turn must not leave anything that has come for a later one.
  virtual void look_everywhere() {}
  // Sends what operations have caused. True if there was anything. Once in a turn, behind the operations that ran in it; calls between two turns
  // that have left something are not kept waiting for what the next one receives, nor for it at all when must_flush() says so.
  virtual bool flush_backend(Instant) { return false; }
  // When poll_backend() has something to do although nobody says so; Instant() when it has already.
  virtual Instant backend_deadline() { return Instant::never(); }
  // Whether what an operation waits for may come so soon that it is worth spinning for.
  virtual bool is_worth_spinning() const { return has_outside_world(); }
  // Which flows come to it, of those to an interface that several libOSes share.
  virtual FlowShare flow_share() const { return {}; }
  // What still is to be delivered by queues that are gone is dropped, and their peers are told by a reset.
  virtual void abandon_deliveries() {}
  // Counters of the backend's own, by name.
  virtual void list_counters(const CounterVisitor&) const {}

  // --- calls that finish at once ---
  Result<QDesc> socket(Family family, int type, int protocol);
  Result<QDesc> memory_queue(uint64_t capacity_messages);
  Result<QDesc> create_pipe(std::string_view pipe_name, uint64_t capacity_messages);
  Result<QDesc> open_pipe(std::string_view pipe_name);
  QueueTable& queues() { return queues_; }

  // --- operations ---
  // `request` is moved from unless the call is refused. Its `source` need only be valid during the call.
  Started push(Queue& queue, PushRequest& request);
  Started pop(Queue& queue, uint64_t limit_bytes);
  Started accept(Queue& queue);
  Started connect(Queue& queue, const Endpoint& remote);
  Started shutdown(Queue& queue, ShutdownHow how);
  // The descriptor ends with the call; the queue lives on until what it accepted is delivered.
  Started close(Queue& queue);
  // Cancels everything, closes every queue and finishes when the last orphan is gone, or at its deadline. From then on new queues are
  // refused with ECANCELED. Stopping again joins what is under way: both finish when everything is gone.
  Started stop();
  // What the last operation that finished at once came to; valid until the next one starts.
  Completion& immediate() { return immediate_; }

  // Completes it with `error` if it is still pending. Data already received stays; the queue stays usable.
  void cancel(Operation& operation, Errno error = Errno::kECANCELED);
  // Fails with ETIMEDOUT at `due`; a close that lingers no later than SO_LINGER says.
  void set_deadline(Operation& operation, Instant due);

  // --- the turn ---
  // True if there was anything to do. `now` is the only clock read of a turn.
  bool turn(Instant now);
  // What time it is, from somebody who has just looked: the ages of operations are measured by it.
  void note_time(Instant now) { now_ = now; }
  // Runs woken operations, a bounded number; true if any ran. Cheap when there is nothing.
  bool run_ready();
  // Whether run_ready() would find anything. Another libOS of this thread may have woken one of our operations.
  bool has_work() const { return scheduler_.has_ready() || memory_came_back(); }
  bool waits_for_memory() const { return !waiting_for_memory_.empty(); }
  Instant next_deadline() { return std::min(timers_.next_deadline(), backend_deadline()); }
  // Connections for which the backend still delivers what their queues, which are gone, have left behind.
  size_t deliveries() const { return deliveries_; }
  // What time it is as far as this turn is concerned.
  Instant now() const { return now_; }
  // Calls have left something for flush_backend() that is not to wait for the next turn. It is as much as goes out at once: then the network works on
  // it while the caller makes more. Or as many operations wait again for what comes in as had finished by that: then the caller has answered.
  bool must_flush() const { return unflushed_ >= kBurst || has_answered_; }
  bool flush(Instant now) {
    now_ = now;
    unflushed_ = 0;
    has_answered_ = false;
    return flush_backend(now);
  }
  Operation* take_done() { return operations_.take_done(); }
  void release(Operation& operation) { operations_.release(operation); }
  OperationTable& operations() { return operations_; }

  // --- for queues ---
  Scheduler& scheduler() { return scheduler_; }
  TimerWheel& timers() { return timers_; }
  Memory& memory() { return *memory_; }
  LibOSCounters& counters() { return counters_; }
  ConnectionCount& connections() { return connections_; }
  // Lets the operation at the front of a line try here and now, not within its coroutine; true if it has finished.
  bool try_front(OperationLine& line);
  // An operation has left something for flush_backend().
  void note_output() { ++unflushed_; }
  // Lets the operation try again in the next run_ready() of its libOS.
  static void wake(Operation& operation);
  Clock& clock() { return clock_; }
  uint32_t id() const { return id_; }
  uint32_t orphans() const { return orphans_; }

 protected:
  // Cancels every operation and aborts every queue. For destructors of backends, whose queues need the backend.
  void destroy_queues();
  // A stop waits until there are none.
  void set_deliveries(size_t deliveries);

 private:
  friend struct OperationExtras::DeadlineTimer;

  Task<void> run(Operation& operation);
  Attempt attempt(Operation& operation, Completion& completion);
  // One attempt of a waiting operation; true if it has come to its end.
  bool advance(Operation& operation);
  Attempt attempt_accept(Queue& queue, Completion& completion);
  Operation* open(OpCode opcode, Queue* queue, bool beyond_limit = false);
  // At the back of `line`.
  Started wait_in(OperationLine& line, Operation& operation, bool for_memory);
  // A pop or an accept, at the back of its queue's readers.
  Started wait_as_reader(Operation& operation, bool for_memory);
  void wait_for_memory(Operation& operation);
  // Nothing is on its way any more that a stop would wait for.
  bool has_drained() const { return orphans_ == 0 && deliveries_ == 0; }
  bool memory_came_back() const { return waits_for_memory() && memory_->has(least_memory_wanted_); }
  void wake_for_memory();
  void finish(Operation& operation);
  void expire(Operation& operation);
  void cancel_line(OperationLine& line, Queue& queue);
  // Whether the write side of its queue is to end by another one, too.
  bool another_shutdown_waits(Operation& operation);
  void cancel_every_close();
  // True when nothing remained to be delivered; otherwise `operation` is the pending close.
  bool close_now(std::unique_ptr<Queue> queue, QDesc qd, Completion& completion, Operation** operation);
  void prepare_immediate();
  OperationLine& line_of(Operation& operation);
  Started finished();
  // Why there can be no new queue; kOk if there can.
  Errno queue_refusal() const;
  Result<QDesc> add_queue(std::unique_ptr<Queue> queue);

  const uint32_t id_;
  Clock& clock_;
  std::shared_ptr<Memory> memory_;
  std::shared_ptr<MemoryQueueNames> names_;
  TimerWheel timers_;
  Scheduler scheduler_;
  OperationTable operations_;
  ConnectionCount connections_;
  QueueTable queues_;
  Completion immediate_;
  LibOSCounters counters_;
  // In the order in which they met the exhausted pool. Whoever wants more than there is does not hold up those who want less.
  IntrusiveList<OperationExtras, &OperationExtras::memory_hook> waiting_for_memory_;
  uint64_t least_memory_wanted_ = UINT64_MAX;  // bytes; nobody in the list wants less
  Instant now_;                     // of the last turn, flush() or note_time()
  uint32_t unflushed_ = 0;          // notes of output since the last flush
  uint32_t unanswered_ = 0;         // readers that have finished since the last turn began, less those that have begun to wait since
  bool has_answered_ = false;
  uint32_t orphans_ = 0;            // queues that were closed and still deliver
  OperationLine stoppers_;          // every pending stop()
  bool stopping_ = false;
  size_t deliveries_ = 0;
};

}  // namespace demi
