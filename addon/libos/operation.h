// Operation: one entry of the operation table, the native side of a queue token. Read libos.h first.
// An operation that can finish at once never gets an entry; the others live here until they are done, and their result stays here until it was
// delivered.
//
// A pop is pending on every connection on which nothing happens, so an operation that just waits is small: its coroutine is made when it is first
// woken, its result when it has one, and what only pushes or few operations need is not in here.
#pragma once

#include <cstdint>
#include <memory>

#include "base/errno.h"
#include "base/intrusive_list.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "libos/descriptor.h"
#include "libos/endpoint.h"
#include "libos/push_request.h"
#include "memory/sg_array.h"
#include "sched/task.h"

namespace demi {

class LibOS;
class Queue;

// The numbers are DEMI_OPC_* of the public API.
enum class OpCode : uint8_t { kPush = 1, kPop = 2, kAccept = 3, kConnect = 4, kClose = 5, kShutdown = 6 };

// SHUT_RD, SHUT_WR, SHUT_RDWR.
enum class ShutdownHow : uint8_t { kRead = 0, kWrite = 1, kReadWrite = 2 };

// What an operation came to. Which fields mean something depends on the operation.
struct Completion {
  Errno error = Errno::kOk;
  bool has_endpoint = false;
  uint64_t bytes_accepted = 0;  // push
  SgArray sga;                  // pop; empty: end of stream, or an empty datagram
  QDesc new_queue;              // accept
  Endpoint endpoint;            // accept: the peer; pop of a datagram: where it came from
};

class Operation;

// What few operations need: a deadline, a wait for memory, or the queue that a close still delivers.
struct OperationExtras {
  explicit OperationExtras(Operation& owner) : operation(owner), deadline(*this) {}

  Operation& operation;
  std::unique_ptr<Queue> closing;    // close: the queue that left the table and still delivers what it accepted,
  QDesc closed;                      // and the descriptor that it had
  uint64_t memory_wanted_bytes = 1;  // what must have come back before it is of use to try again, after an ENOMEM
  ListHook memory_hook;              // waits for memory to come back

  // Runs out when the operation's deadline passes.
  struct DeadlineTimer : Timer {
    explicit DeadlineTimer(OperationExtras& owner);
    OperationExtras& extras;
  };
  DeadlineTimer deadline;
};

class Operation {
 public:
  enum class State : uint8_t { kFree, kPending, kDone };

  Operation(LibOS& owner, uint32_t slot_number) : libos(owner), slot(slot_number) {}

  QDesc queue_descriptor() const;    // while pending

  LibOS& libos;
  const uint32_t slot;
  uint32_t generation = 1;  // bumped when the entry is given back, so that an old token cannot mean a new operation
  State state = State::kFree;
  OpCode opcode = OpCode::kPush;
  ShutdownHow how = ShutdownHow::kRead;
  bool stops_libos : 1 = false;      // the token of stop(): it waits for the last orphan, and has no queue
  bool nobody_asked : 1 = false;     // a close that stop() started: its result is not handed out
  Queue* queue = nullptr;            // only while pending
  uint64_t pop_limit = 0;
  Instant started_at;
  std::unique_ptr<PushRequest> push;      // push: what it still has to hand over, only while pending
  OperationExtras* extras = nullptr;      // the table's; only while pending
  Completion* completion = nullptr;       // the table's; what it came to
  Task<void> task;                        // none before it was woken
  // In the readers or the writers of the queue while it is pending, in order of arrival; afterwards in the list of what is done and not delivered, or
  // in the free list.
  ListHook hook;
};

static_assert(sizeof(Operation) <= 96);

using OperationLine = IntrusiveQueue<Operation, &Operation::hook>;

}  // namespace demi
