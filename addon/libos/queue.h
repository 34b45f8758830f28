// Queue: the contract of everything that a queue descriptor can name: a socket of some libOS, or a memory queue.
//
// A queue never waits. It is asked to try, and answers that it is done, that it would block, or that the call was wrong. When
// something changed it calls wake_reader() / wake_writer(), and the operation at the front of that line tries again. So the
// waiting, the order, cancellation and deadlines are the same for every queue of every libOS; they are in LibOS.
//
// A queue belongs to the thread of its libOS. It holds what it was given to send until that is delivered, and owns no operation.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/errno.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "libos/descriptor.h"
#include "libos/endpoint.h"
#include "libos/operation.h"
#include "libos/tcp_info.h"

namespace demi {

class LibOS;

// What came of an attempt.
struct Attempt {
  enum class Outcome : uint8_t {
    kDone,        // finished: the Completion says how, a failure that peer, network or time decided included
    kWouldBlock,  // nothing to be done before the next wake-up
    kNoMemory,    // as kWouldBlock, but it is the buffer pool that must recover
    kRefused,     // the call itself was wrong: `error` is thrown at the caller, nothing happened
  };
  Outcome outcome;
  Errno error = Errno::kOk;

  static constexpr Attempt done() { return {Outcome::kDone}; }
  static constexpr Attempt would_block() { return {Outcome::kWouldBlock}; }
  static constexpr Attempt no_memory() { return {Outcome::kNoMemory}; }
  static constexpr Attempt refused(Errno error) { return {Outcome::kRefused, error}; }
  // Done, and failed: the error goes through the token.
  static Attempt failed(Completion& completion, Errno error) {
    completion.error = error;
    return done();
  }
};

// The value of a socket option: a number or boolean, or SO_LINGER's pair.
struct OptionValue {
  int64_t number = 0;   // SO_LINGER: enabled
  int64_t seconds = 0;  // SO_LINGER only
};

// The pending operations of a queue, each side in order of arrival. Several descriptors of one named pipe share them.
struct QueueLines {
  OperationLine readers;  // pop, accept
  OperationLine writers;  // push, connect, shutdown, close
};

class Queue {
 public:
  explicit Queue(LibOS& libos) : libos_(libos) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  virtual ~Queue();

  // Calls that finish at once. Those of sockets; a memory queue has none of them (ENOTSUP).
  virtual Result<void> bind(const Endpoint& endpoint);
  virtual Result<void> listen(uint32_t backlog);
  virtual Result<Endpoint> local_endpoint();
  virtual Result<Endpoint> peer_endpoint();
  virtual Result<void> set_option(int level, int name, const OptionValue& value);
  virtual Result<OptionValue> get_option(int level, int name);
  // Options whose value is a text (TCP_CONGESTION), and TCP_INFO.
  virtual Result<void> set_text_option(int level, int name, std::string_view value);
  virtual Result<std::string> text_option(int level, int name);
  virtual Result<TcpInfo> tcp_info();

  // Attempts. An operation tries only when it is at the front of its line.
  virtual Attempt try_push(PushRequest& request, Completion& completion) = 0;
  virtual Attempt try_pop(uint64_t limit, Completion& completion) = 0;
  // Done: `connection` is the new queue, which has no descriptor yet, and completion.endpoint its peer.
  virtual Attempt try_accept(std::unique_ptr<Queue>& connection, Completion& completion);
  // begin_connect() is called once, try_connect() until it is done; abandon_connect() if the operation was cancelled before.
  virtual Errno begin_connect(const Endpoint& remote);
  virtual Attempt try_connect(Completion& completion);
  virtual void abandon_connect() {}
  // The write side ends behind every push that came before.
  virtual Attempt try_shutdown(ShutdownHow how, Completion& completion) = 0;
  // begin_close() is called once, with no operation left on the queue; done when nothing remains to be delivered.
  virtual void begin_close() = 0;
  virtual Attempt try_close(Completion& completion);
  // Ends at once: the peer is told by a reset, what was not delivered is dropped.
  virtual void abort() = 0;
  // Of a queue that begin_close() has left with something to deliver: a close that takes longer fails and resets; zero: no limit.
  virtual Duration close_time_limit() const { return Duration(); }
  // An operation joined the readers.
  virtual void reader_waits() {}
  // If it bounds pushes: what is longer can never be accepted, and is EMSGSIZE at the call.
  virtual uint64_t largest_push_bytes() const { return UINT64_MAX; }
  // What must be free before a pop that met an exhausted pool tries again.
  virtual uint64_t pop_memory_bytes() const { return 1; }

  LibOS& libos() { return libos_; }
  QueueLines& lines() { return shares_lines ? shared_lines() : own_lines_; }
  void wake_reader() { wake_front(lines().readers); }
  void wake_writer() { wake_front(lines().writers); }

  QDesc descriptor;                            // invalid before the queue is in the table and after it left
  bool is_stream = false;                      // a zero-length push would read as end of stream there
  bool takes_destination = false;              // pushto is possible
  bool end_of_pushes_requested = false;        // SHUT_WR was called: no more pushes
  bool shares_lines = false;                   // as descriptors of one named pipe do; see shared_lines()
  bool awaits_connection_end = false;          // a listener that waits for a connection to end; see connection_count.h
  bool bounds_pushes = false;                  // see largest_push_bytes()

  static void wake_front(OperationLine& line);

 protected:
  // The lines of all who share them.
  virtual QueueLines& shared_lines() { return own_lines_; }

 private:
  LibOS& libos_;
  QueueLines own_lines_;
};

}  // namespace demi
