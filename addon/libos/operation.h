// Operation: one entry of the operation table, the native side of a queue token. Read libos.h first.
// An operation that can finish at once never gets an entry; the others live here as one coroutine each until they are done, and their
// result stays here until it was delivered.
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
#include "sched/event.h"
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

class Operation {
 public:
  enum class State : uint8_t { kFree, kPending, kDone };

  Operation(LibOS& owner, Scheduler& scheduler, uint32_t slot_number)
      : libos(owner), slot(slot_number), wakeup(scheduler), deadline(*this) {}

  LibOS& libos;
  const uint32_t slot;
  uint32_t generation = 1;  // bumped when the entry is given back, so that an old token cannot mean a new operation
  State state = State::kFree;
  OpCode opcode = OpCode::kPush;
  ShutdownHow how = ShutdownHow::kRead;
  bool stops_libos = false;            // the token of stop(): it waits for the last orphan, and has no queue
  bool nobody_asked = false;           // a close that stop() started: its result is not handed out
  Queue* queue = nullptr;              // only while pending
  std::unique_ptr<Queue> closing;      // close: the queue that left the table and still delivers what it accepted
  QDesc qd;
  uint64_t pop_limit = 0;
  uint64_t memory_wanted_bytes = 1;    // what must have come back before it is of use to try again, after an ENOMEM
  std::unique_ptr<PushRequest> push;   // push: what it still has to hand over, only while pending
  Completion completion;
  Instant started_at;
  Event wakeup;                        // this operation's coroutine is the only one that ever waits here
  Task<void> task;

  // Runs out when the operation's deadline passes.
  struct DeadlineTimer : Timer {
    explicit DeadlineTimer(Operation& owner);
    Operation& operation;
  };
  DeadlineTimer deadline;

  ListHook line_hook;    // the readers or the writers of the queue, in order of arrival
  ListHook table_hook;   // the free list, or the list of what is done and not delivered
  ListHook memory_hook;  // waits for memory to come back
};

// A pop is pending on every connection on which nothing happens, so what only a push needs is not in here.
static_assert(sizeof(Operation) <= 304);

using OperationLine = IntrusiveList<Operation, &Operation::line_hook>;

}  // namespace demi
