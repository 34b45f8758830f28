// Environment: what one Node-API environment (the main thread, or one worker) has of us: its libOSes, and the libuv handles that
// wake them while the event loop sleeps. Nothing here is static or thread-local: environments share nothing.
//
// How a libOS makes progress:
//   - within each call from JavaScript: settle() runs what that call made ready, in every libOS of the environment;
//   - while the loop sleeps: a prepare handle looks, before each sleep, when the next timer is due, and a timer handle wakes the loop;
//     behind the sleep a check handle tells the libOSes what time it is;
//   - spinning: JavaScript calls enter() in a loop (lib/demi/environment.ts).
// Read libos/libos.h first, then instance.h.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <napi.h>
#include <uv.h>

#include "base/clock.h"
#include "libos/catpowder.h"
#include "libos/libos.h"
#include "libos/loopback.h"
#include "libos/memory_queue.h"

namespace demi {

class Instance;

// What libOSes share whose queues can meet; most libOSes have one of their own.
struct Domain {
  explicit Domain(const MemoryConfig& config) : memory(config) {}
  Memory memory;
  MemoryQueueNames pipes;
};

// What loopback libOSes of one namespace share.
struct LoopbackDomain : Domain {
  LoopbackDomain(const MemoryConfig& config, uint64_t seed) : Domain(config), names(seed) {}
  LoopbackNamespace names;
};

class Environment {
 public:
  // Belongs to `env`; frees itself when the environment has been torn down and libuv has closed its handles.
  static Environment* create(Napi::Env env);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  void add(std::unique_ptr<Instance> instance);
  // For an Instance that was destroyed: nobody looks at it any more, but JavaScript may still call its functions.
  void retire(Instance& instance);
  // The namespace of that name, made if nobody uses it; the first user's limit of memory holds.
  std::shared_ptr<LoopbackDomain> loopback_domain(const std::string& name, const MemoryConfig& config);
  // The in-memory switches that the libOSes of this environment are plugged into.
  WireHubNames& hubs() { return hubs_; }

  // Runs what is ready in all libOSes and publishes what is done. Called at the end of every call from JavaScript.
  void settle() {
    if (!is_quiet()) settle_all();
  }
  // One turn of every libOS: backends, timers, ready operations. True if there was anything to do.
  bool turn_all(Instant now);
  // The earliest timer of all libOSes.
  Instant next_deadline();
  // Whether a libOS has something that no wake-up fd tells of.
  bool must_be_asked() const;
  // Whether anything but this thread's JavaScript could still complete an operation of any libOS.
  bool can_progress();
  // Whether there are completions that JavaScript has not taken yet.
  bool has_published();
  // Staging rooms over that memory which hold nothing that anybody uses.
  uint64_t idle_staging_rooms(const std::shared_ptr<Domain>& domain);
  void flag_attention();
  // An operation has just been started: the driver has a reason to spin.
  void note_submission() { has_submitted_ = true; }
  // Has the event loop woken when `fd` is readable, until unwatch_fd(), whenever nothing else drives the libOSes. nullptr when libuv
  // cannot watch it.
  uv_poll_t* watch_fd(int fd);
  // To be called before the fd is closed.
  void unwatch_fd(uv_poll_t* watch);
  void update_keep_alive();

  enum class Spin : int32_t { kAgain = 0, kLetLoopTurn = 1, kSleep = 2 };
  // One round of a spinning driver: a turn, and what the caller is to do next.
  Spin enter();
  // Takes turns until something completes, the slice is over, or nothing can complete any more.
  enum class Waited : int32_t { kPublished = 0, kSliceOver = 1, kDeadlock = 2 };
  Waited wait_slice(Duration slice);

  Clock& clock() { return clock_; }
  Napi::Env env() const { return env_; }
  // Native objects of all environments of the process, for tests that prove that nothing leaks.
  static int64_t live_environments();

 private:
  bool is_quiet() const;
  void settle_all();
  // Whether a blocking wait may sleep until the next timer or wake-up fd, and does not spin.
  bool may_sleep();
  void sleep(Duration limit);
  // What comes from outside shows at the wake-up fds; only while the event loop watches them is the work of noting it there done twice.
  void prepare_to_sleep();
  void watch_wakeups();
  void ignore_wakeups();
  explicit Environment(Napi::Env env);
  ~Environment();

  static void clean_up(napi_async_cleanup_hook_handle handle, void* data);
  void begin_close();
  void handle_closed();
  void before_sleep();
  void after_sleep();
  void woken();
  void notify();

  Napi::Env env_;
  MonotonicClock clock_;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::vector<std::unique_ptr<Instance>> retired_;
  std::unordered_map<std::string, std::weak_ptr<LoopbackDomain>> domains_;
  WireHubNames hubs_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  uv_loop_t* loop_ = nullptr;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_timer_t timer_;
  uv_async_t keep_alive_;
  int open_handles_ = 0;
  bool keeps_alive_ = false;
  bool closing_ = false;
  Instant timer_due_ = Instant::never();
  Instant last_progress_;
  Instant last_loop_turn_;
  bool has_submitted_ = false;
  bool is_driven_ = false;        // enter() was called since the last turn of the event loop, and will be called again
  bool watches_wakeups_ = false;
};

}  // namespace demi
