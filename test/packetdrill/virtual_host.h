// VirtualHost: the stack, its time, and the threads of the tool. Read settings.h first; file.h is what the tool's descriptors stand for.
//
// Time is a number. It goes on only in the thread that made the host (the first): by a microsecond with each look at the clock, by as much as
// usleep() says, and from timer to timer while that thread waits for something. Any other thread that waits sleeps until something has happened.
// The first one never goes on in time before they have all looked at what did: so a script plays the same each time, however threads are scheduled.
//
// The stack begins when its address is known: what a socket is bound to, or where the first packet goes.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "inet/stack.h"
#include "settings.h"

namespace demi {

class File;
class VirtualHost;

// One call of the tool: it holds the host for as long as it runs and does not wait. What it has caused leaves the stack at its end.
class Call {
 public:
  // `changes_nothing`: it only looks at the time, which nobody waits for by itself.
  explicit Call(VirtualHost& host, bool changes_nothing = false);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  VirtualHost& host() { return host_; }
  // Waits until `is_done()`, which is asked after whatever has happened. False if `deadline` came before.
  template <class Condition>
  bool wait(Instant deadline, Condition&& is_done);

 private:
  friend class VirtualHost;
  VirtualHost& host_;
  const bool changes_nothing_;
  std::unique_lock<std::mutex> lock_;
};

class VirtualHost {
 public:
  struct Packet {
    Instant at;
    std::vector<uint8_t> octets;
  };

  explicit VirtualHost(const Settings& settings);
  VirtualHost(const VirtualHost&) = delete;
  VirtualHost& operator=(const VirtualHost&) = delete;
  ~VirtualHost();

  // --- the stack ---

  // nullptr until an address is known.
  Stack* stack() { return stack_.get(); }
  // The stack begins, if it did not yet, with `address`, or with 192.168.0.1 if that is unspecified.
  Stack& need_stack(const IpAddress& address);
  const IpAddress& address() const { return address_; }
  // What a socket that is bound to `local` uses: the one address that there is, for each that is unspecified.
  InetEndpoint with_address(const InetEndpoint& local) const;
  Memory& memory() { return memory_; }
  const Settings& settings() const { return settings_; }

  // --- files that want to be told what has happened to their sockets ---

  void add_file(File& file) { files_.push_back(&file); }
  void remove_file(File& file) { files_.remove(&file); }
  const std::list<File*>& files() const { return files_; }

  // --- the wire ---

  void inject(Bytes packet);
  // The next packet that leaves. If none does before the deadline of the settings, the process ends with a sentence and a failure.
  Packet next_packet(Call& call);

  // --- time ---

  Instant now() const { return now_; }
  bool is_first_thread() const { return std::this_thread::get_id() == first_thread_; }
  // usleep(): in the first thread time goes on by `length`, a microsecond at least; another one waits for it.
  void sleep(Call& call, Duration length);
  // gettimeofday(): in the first thread a microsecond later than before. In another one the time at which its last call ended, once: the first
  // may have gone on since.
  Instant look_at_clock(Call& call);

  // --- what the calls do ---

  // Lets the stack say what it has to say, and tells everybody who waits.
  void settle();

 private:
  friend class Call;
  struct Waiter {
    Instant deadline;
    uint64_t seen;  // of changes_
  };

  bool drain();
  bool tell_files();
  void take_frame(const Frame& frame);
  void end(Call& call);
  void advance_to(Call& call, Instant time);
  // When something happens without anybody's doing.
  Instant next_due() const;
  void step_timers();
  void await_others(Call& call);
  void sleep_until_changed(Call& call, Waiter& waiter);
  [[noreturn]] void give_up(const char* what);

  const Settings settings_;
  const std::thread::id first_thread_;
  std::mutex mutex_;
  std::condition_variable changed_;   // for those who wait
  std::condition_variable seen_;      // for the first thread: somebody who waits has seen the latest change
  std::list<Waiter*> waiters_;        // of other threads
  uint64_t changes_ = 1;
  Instant now_;
  Instant other_ended_ = Instant::never();  // when the last call of another thread did
  Memory memory_;
  IpAddress address_ = IpAddress::unspecified(Family::kIPv4);
  std::list<File*> files_;
  std::deque<Packet> packets_;        // that left and were not looked at
  std::unique_ptr<Stack> stack_;      // goes first: its buffers are of memory_
};

template <class Condition>
bool Call::wait(Instant deadline, Condition&& is_done) {
  host_.settle();
  if (host_.is_first_thread()) {
    const Instant bound = host_.now_ + host_.settings_.deadline;
    while (!is_done()) {
      if (host_.now_ >= deadline) return false;
      const Instant due = std::min(host_.next_due(), deadline);
      // Who waits for ever has waited for long enough; who says how long waits for so long.
      if (deadline.is_never() && due > bound) host_.give_up("end of a system call that waits");
      host_.advance_to(*this, due);
    }
    return true;
  }
  VirtualHost::Waiter waiter{deadline, 0};
  host_.waiters_.push_back(&waiter);
  bool done = is_done();
  while (!done && host_.now_ < deadline) {
    host_.sleep_until_changed(*this, waiter);
    done = is_done();
  }
  host_.waiters_.remove(&waiter);
  return done;
}

}  // namespace demi
