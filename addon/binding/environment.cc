#include "binding/environment.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "binding/binding_limits.h"
#include "binding/instance.h"

namespace demi {

namespace {
std::atomic<int64_t> live_count{0};

uint64_t hardware_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}
}  // namespace

int64_t Environment::live_environments() { return live_count.load(); }

Environment* Environment::create(Napi::Env env) { return new Environment(env); }

Environment::Environment(Napi::Env env) : env_(env) {
  ++live_count;
  napi_get_uv_event_loop(env_, &loop_);
  uv_prepare_init(loop_, &prepare_);
  uv_check_init(loop_, &check_);
  uv_timer_init(loop_, &timer_);
  uv_async_init(loop_, &keep_alive_, nullptr);
  for (uv_handle_t* handle : {reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
                              reinterpret_cast<uv_handle_t*>(&timer_), reinterpret_cast<uv_handle_t*>(&keep_alive_)}) {
    handle->data = this;
    // Only keep_alive_ ever holds the process, and only while an operation is pending.
    uv_unref(handle);
    ++open_handles_;
  }
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<Environment*>(handle->data)->before_sleep(); });
  uv_check_start(&check_, [](uv_check_t* handle) { static_cast<Environment*>(handle->data)->after_sleep(); });
  napi_add_async_cleanup_hook(env_, &Environment::clean_up, this, &cleanup_);
}

Environment::~Environment() { --live_count; }

// --- the end ---

void Environment::clean_up(napi_async_cleanup_hook_handle, void* data) {
  // No JavaScript runs any more. The operations end without anybody being told, and libuv is given its time to close the handles.
  auto* environment = static_cast<Environment*>(data);
  environment->closing_ = true;
  for (auto& instance : environment->instances_) instance->destroy();
  environment->begin_close();
}

void Environment::begin_close() {
  const auto close = [](uv_handle_t* handle) {
    uv_close(handle, [](uv_handle_t* closed) { static_cast<Environment*>(closed->data)->handle_closed(); });
  };
  close(reinterpret_cast<uv_handle_t*>(&prepare_));
  close(reinterpret_cast<uv_handle_t*>(&check_));
  close(reinterpret_cast<uv_handle_t*>(&timer_));
  close(reinterpret_cast<uv_handle_t*>(&keep_alive_));
}

void Environment::handle_closed() {
  if (--open_handles_ > 0) return;
  napi_async_cleanup_hook_handle cleanup = cleanup_;
  delete this;
  napi_remove_async_cleanup_hook(cleanup);
}

// --- libOSes ---

void Environment::add(std::unique_ptr<Instance> instance) { instances_.push_back(std::move(instance)); }

void Environment::retire(Instance& instance) {
  const auto found = std::find_if(instances_.begin(), instances_.end(), [&](auto& held) { return held.get() == &instance; });
  if (found == instances_.end()) return;
  retired_.push_back(std::move(*found));
  instances_.erase(found);
}

std::shared_ptr<LoopbackDomain> Environment::loopback_domain(const std::string& name, const MemoryConfig& config) {
  std::weak_ptr<LoopbackDomain>& known = domains_[name];
  std::shared_ptr<LoopbackDomain> domain = known.lock();
  if (domain == nullptr) {
    domain = std::make_shared<LoopbackDomain>(config, hardware_seed());
    known = domain;
  }
  return domain;
}

// --- progress ---

bool Environment::is_quiet() const {
  return std::all_of(instances_.begin(), instances_.end(), [](const auto& instance) { return instance->is_quiet(); });
}

void Environment::settle_all() {
  // One libOS may wake another, so go round until all are quiet; boundedly, because two of them could play ball for ever.
  for (size_t round = 0; round < kSettleRounds; ++round) {
    bool any = false;
    for (auto& instance : instances_) {
      LibOS* libos = instance->libos();
      if (libos != nullptr && libos->has_work() && libos->run_ready()) any = true;
    }
    if (!any) break;
  }
  bool published = false;
  for (auto& instance : instances_) {
    if (instance->publish()) published = true;
  }
  if (published) flag_attention();
  update_keep_alive();
}

void Environment::flag_attention() {
  for (auto& instance : instances_) instance->flag_attention();
}

bool Environment::has_published() {
  for (auto& instance : instances_) {
    if (instance->has_published()) return true;
  }
  return false;
}

uint64_t Environment::idle_staging_rooms(const std::shared_ptr<Domain>& domain) {
  uint64_t idle = 0;
  for (auto& instance : instances_) idle += instance->has_idle_staging_room(domain) ? 1 : 0;
  return idle;
}

void Environment::update_keep_alive() {
  bool wanted = false;
  for (auto& instance : instances_) {
    if (instance->keeps_alive()) wanted = true;
  }
  if (wanted == keeps_alive_ || closing_) return;
  keeps_alive_ = wanted;
  if (wanted) {
    uv_ref(reinterpret_cast<uv_handle_t*>(&keep_alive_));
  } else {
    uv_unref(reinterpret_cast<uv_handle_t*>(&keep_alive_));
  }
}

bool Environment::turn_all(Instant now) {
  bool any = false;
  for (auto& instance : instances_) {
    instance->take_returns();
    if (instance->libos() != nullptr && instance->libos()->turn(now)) any = true;
  }
  settle();
  return any;
}

Instant Environment::next_deadline() {
  Instant earliest = Instant::never();
  for (auto& instance : instances_) {
    if (instance->libos() != nullptr) earliest = std::min(earliest, instance->libos()->next_deadline());
  }
  return earliest;
}

bool Environment::must_be_asked() const {
  return std::any_of(instances_.begin(), instances_.end(),
                     [](const auto& instance) { return instance->libos() != nullptr && instance->libos()->must_be_asked(); });
}

bool Environment::can_progress() {
  for (auto& instance : instances_) {
    LibOS* libos = instance->libos();
    if (libos != nullptr && (libos->has_outside_world() || libos->has_work())) return true;
  }
  return !next_deadline().is_never();
}

// --- spinning ---

Environment::Spin Environment::enter() {
  const Instant now = clock_.now();
  if (turn_all(now) || has_published() || std::exchange(has_submitted_, false)) last_progress_ = now;
  const Duration idle = now - last_progress_;
  const bool is_patient = idle < kSpinWithoutProgress || (idle < kSpinUntold && must_be_asked());
  bool spins = false;
  for (auto& instance : instances_) {
    if (instance->wants_spin(is_patient)) spins = true;
  }
  is_driven_ = spins;
  if (!spins) return Spin::kSleep;
  ignore_wakeups();
  if (now - last_loop_turn_ < kLoopTurnEvery) return Spin::kAgain;
  last_loop_turn_ = now;
  return Spin::kLetLoopTurn;
}

Environment::Waited Environment::wait_slice(Duration slice) {
  Instant now = clock_.now();
  const Instant end = now + std::min(slice, kLongestSlice);
  for (auto& instance : instances_) {
    if (instance->libos() != nullptr) instance->libos()->look_everywhere();
  }
  for (;;) {
    turn_all(now);
    if (has_published()) return Waited::kPublished;
    if (!can_progress()) return Waited::kDeadlock;
    now = clock_.now();
    if (now >= end) return Waited::kSliceOver;
    if (!may_sleep()) continue;
    const Duration gap = std::min(next_deadline(), end) - now;
    if (gap > kShortestSleep) sleep(gap - kShortestSleep);
  }
}

bool Environment::may_sleep() {
  return std::all_of(instances_.begin(), instances_.end(), [](const auto& instance) {
    LibOS* libos = instance->libos();
    return libos == nullptr || (!libos->has_work() && (!libos->has_outside_world() || instance->sleeps()));
  });
}

void Environment::prepare_to_sleep() {
  for (auto& instance : instances_) {
    if (instance->libos() != nullptr) instance->libos()->prepare_to_sleep();
  }
}

void Environment::sleep(Duration limit) {
  prepare_to_sleep();
  std::vector<pollfd> wakeups;
  for (auto& instance : instances_) {
    const int fd = instance->libos() == nullptr ? -1 : instance->libos()->wakeup_fd();
    if (fd >= 0) wakeups.push_back({fd, POLLIN, 0});
  }
  // Only a timer can help then, and it is known when.
  if (wakeups.empty()) return std::this_thread::sleep_for(std::chrono::nanoseconds(limit.count_nanoseconds()));
#ifdef __linux__
  const timespec rest{static_cast<time_t>(limit.count_nanoseconds() / 1'000'000'000), static_cast<long>(limit.count_nanoseconds() % 1'000'000'000)};
  ::ppoll(wakeups.data(), static_cast<nfds_t>(wakeups.size()), &rest, nullptr);
#else
  // poll(2) counts whole milliseconds; what is less is spun away.
  ::poll(wakeups.data(), static_cast<nfds_t>(wakeups.size()), static_cast<int>(limit.count_nanoseconds() / 1'000'000));
#endif
}

// --- while the event loop sleeps ---

uv_poll_t* Environment::watch_fd(int fd) {
  auto* watch = new uv_poll_t;
  if (uv_poll_init(loop_, watch, fd) != 0) {
    delete watch;
    return nullptr;
  }
  watch->data = this;
  ++open_handles_;
  uv_unref(reinterpret_cast<uv_handle_t*>(watch));
  watches_wakeups_ = false;
  return watch;
}

void Environment::watch_wakeups() {
  if (std::exchange(watches_wakeups_, true)) return;
  for (auto& instance : instances_) {
    if (instance->watch() == nullptr) continue;
    uv_poll_start(instance->watch(), UV_READABLE, [](uv_poll_t* handle, int, int) { static_cast<Environment*>(handle->data)->woken(); });
  }
}

void Environment::ignore_wakeups() {
  if (!std::exchange(watches_wakeups_, false)) return;
  for (auto& instance : instances_) {
    if (instance->watch() != nullptr) uv_poll_stop(instance->watch());
  }
}

void Environment::unwatch_fd(uv_poll_t* watch) {
  uv_poll_stop(watch);
  uv_close(reinterpret_cast<uv_handle_t*>(watch), [](uv_handle_t* closed) {
    auto* environment = static_cast<Environment*>(closed->data);
    delete reinterpret_cast<uv_poll_t*>(closed);
    environment->handle_closed();
  });
}

void Environment::before_sleep() {
  for (auto& instance : instances_) instance->take_returns();
  settle();
  // What calls have given a stack leaves now, and not with the timer of the next turn of the loop.
  const bool is_asking = must_be_asked() && uv_backend_timeout(loop_) == 0;
  if (const Instant due_first = next_deadline(); is_asking || !due_first.is_never()) {
    const Instant now = clock_.now();
    if (is_asking || due_first <= now) turn_all(now);
  }
  if (has_published()) {
    // Somebody's completions were not taken by the call that produced them: another copy of our JavaScript owns that libOS.
    notify();
  }
  // Behind everything that starts operations. A driver that spins keeps the loop from sleeping; a loop that will sleep has lost its driver.
  if (!std::exchange(is_driven_, false) || uv_backend_timeout(loop_) != 0) {
    prepare_to_sleep();
    watch_wakeups();
  }
  bool work = false;
  for (auto& instance : instances_) {
    if (instance->libos() != nullptr && instance->libos()->has_work()) work = true;
  }
  const Instant due = work ? clock_.now() : next_deadline();
  if (due == timer_due_) return;
  timer_due_ = due;
  if (due.is_never()) {
    uv_timer_stop(&timer_);
    return;
  }
  // libuv counts whole milliseconds of the clock that MonotonicClock reads; rounding up, a timer never fires early.
  const auto due_ms = static_cast<uint64_t>((due.nanoseconds() + 999'999) / 1'000'000);
  const uint64_t now_ms = uv_now(loop_);
  uv_timer_start(
      &timer_,
      [](uv_timer_t* handle) {
        auto* environment = static_cast<Environment*>(handle->data);
        environment->timer_due_ = Instant::never();
        environment->woken();
      },
      due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

void Environment::after_sleep() {
  const Instant now = clock_.now();
  for (auto& instance : instances_) {
    if (instance->libos() != nullptr) instance->libos()->note_time(now);
  }
}

void Environment::woken() {
  turn_all(clock_.now());
  if (has_published()) notify();
}

void Environment::notify() {
  if (closing_) return;
  Napi::HandleScope scope(env_);
  // By index: what JavaScript does in there may add libOSes.
  for (size_t i = 0; i < instances_.size(); ++i) instances_[i]->notify();
}

}  // namespace demi
