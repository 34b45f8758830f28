// A bad cable between two interfaces of Linux: make -C test/peers, then
//
//   relay LEFT RIGHT [seed=N] [KEY=N] [right.KEY=N] [left.KEY=N] ...
//
// LEFT and RIGHT are TAP interfaces; they are made when they do not exist, and may be moved to other network namespaces afterwards. What is sent
// by the one leaves by the other: late, in another order, damaged, twice, or never, as device/impairment.h does it from the seed. A KEY holds
// both ways, `right.KEY` for what goes to the right only:
//
//   loss duplicate corrupt reorder          chances, from 0 to 1
//   burst_enter burst_leave                 loss in bursts
//   delay_us jitter_us reorder_delay_us     microseconds
//   rate_mbit queue_bytes                   a link that is slow, and what may wait for it
//
// Nothing is left unfinished on this wire: Linux cuts its segments and computes its checksums, as for a network card without offloads. When
// frames can pass it prints a line; SIGTERM or SIGINT end it, and then it prints its counters as JSON.

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "device/faults.h"
#include "device/tap.h"
#include "memory/memory.h"

namespace {

using namespace demi;

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "relay: %s\n", why.c_str());
  std::exit(2);
}

// --- its arguments ---

double* chance_of(ImpairmentConfig& config, std::string_view key) {
  if (key == "loss") return &config.loss;
  if (key == "duplicate") return &config.duplicate;
  if (key == "corrupt") return &config.corrupt;
  if (key == "reorder") return &config.reorder;
  if (key == "burst_enter") return &config.burst_loss.enter;
  if (key == "burst_leave") return &config.burst_loss.leave;
  return nullptr;
}

Duration* duration_of(ImpairmentConfig& config, std::string_view key) {
  if (key == "delay_us") return &config.delay;
  if (key == "jitter_us") return &config.jitter;
  if (key == "reorder_delay_us") return &config.reorder_delay;
  return nullptr;
}

bool set(ImpairmentConfig& config, std::string_view key, double number) {
  if (double* chance = chance_of(config, key)) return *chance = number, true;
  if (Duration* duration = duration_of(config, key)) return *duration = Duration::nanoseconds(static_cast<int64_t>(number * 1e3)), true;
  if (key == "rate_mbit") return config.rate_bits_per_second = static_cast<uint64_t>(number * 1e6), true;
  if (key == "queue_bytes") return config.queue_bytes = static_cast<uint64_t>(number), true;
  return false;
}

struct Settings {
  uint64_t seed = 1;
  ImpairmentConfig to_right;
  ImpairmentConfig to_left;
};

void take_argument(Settings& settings, const std::string& argument) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos) refuse("'" + argument + "' is not KEY=NUMBER");
  char* end = nullptr;
  const double number = std::strtod(argument.c_str() + equals + 1, &end);
  if (*end != '\0' || end == argument.c_str() + equals + 1) refuse("'" + argument + "' is not KEY=NUMBER");
  std::string_view key = std::string_view(argument).substr(0, equals);
  if (key == "seed") {
    settings.seed = static_cast<uint64_t>(number);
    return;
  }
  const bool only_right = key.starts_with("right."), only_left = key.starts_with("left.");
  if (only_right || only_left) key.remove_prefix(key.find('.') + 1);
  const bool known = (only_left || set(settings.to_right, key, number)) && (only_right || set(settings.to_left, key, number));
  if (!known) refuse("nothing is called '" + std::string(key) + "'");
}

Settings settings_of(int count, char** arguments) {
  Settings settings;
  // 42 bytes: a damaged Ethernet or ARP header is only lost, and ARP has no checksum that would tell.
  settings.to_right.corrupt_from = settings.to_left.corrupt_from = 42;
  for (int i = 0; i < count; ++i) take_argument(settings, arguments[i]);
  if (!settings.to_right.is_valid() || !settings.to_left.is_valid()) refuse("a chance is not from 0 to 1, or a time is negative");
  return settings;
}

// --- frames ---

std::unique_ptr<Tap> open_tap(const char* name, uint8_t number, Memory& memory) {
  // Nobody sends to it: it is the address of this end of a wire.
  Made<Tap> made = Tap::open({name, MacAddress{{0x02, 0xff, 0, 0, 0, number}}, false}, memory);
  if (made.device == nullptr) refuse(made.problem);
  return std::move(made.device);
}

class Relay {
 public:
  Relay(const char* left, const char* right, const Settings& settings) {
    std::unique_ptr<Tap> tap = open_tap(left, 1, memory_);
    left_tap_ = tap.get();
    left_ = std::make_unique<Faults>(std::move(tap), memory_, settings.seed);
    left_->incoming().configure(settings.to_right);
    left_->outgoing().configure(settings.to_left);
    right_ = open_tap(right, 2, memory_);
  }

  // Until a signal comes.
  void run(const volatile sig_atomic_t& is_over) {
    while (is_over == 0) {
      const Instant now = clock_.now();
      const bool moved_right = move(*left_, *right_, refused_right_, now);
      const bool moved_left = move(*right_, *left_, refused_left_, now);
      if (!moved_right && !moved_left) sleep();
    }
  }

  void report() {
    std::printf("{");
    report("toRight", left_->incoming().counters(), refused_right_);
    std::printf(",");
    report("toLeft", left_->outgoing().counters(), refused_left_ + left_->refused());
    std::printf(",\"lostAtInterfaces\":%llu}\n", static_cast<unsigned long long>(lost_at(*left_tap_) + lost_at(*right_)));
  }

 private:
  static constexpr size_t kBurst = 32;

  bool move(Device& from, Device& to, uint64_t& refused, Instant now) {
    const size_t count = from.receive(burst_, now);
    size_t sent = 0;
    while (sent < count) {
      const size_t taken = to.transmit(std::span(burst_).subspan(sent, count - sent), now);
      if (taken == 0) break;
      sent += taken;
    }
    refused += count - sent;
    for (; sent < count; ++sent) burst_[sent].clear();
    return count > 0;
  }

  // Until a frame arrives or is due: to the nanosecond, as far as the kernel can (main() takes its slack away).
  void sleep() {
    const Instant due = std::min(left_->next_deadline(), right_->next_deadline());
    std::array<pollfd, 2> wakers{{{left_->capabilities().wakeup_fd, POLLIN, 0}, {right_->capabilities().wakeup_fd, POLLIN, 0}}};
    // A link that comes up says nothing, and a signal may come just before the sleep: so it is never long.
    const Duration longest = Duration::milliseconds(10);
    const Instant now = clock_.now();
    const Duration wait = std::clamp(due.is_never() ? longest : due - now, Duration(), longest);
    const timespec time{0, static_cast<long>(wait.count_nanoseconds())};
    ::ppoll(wakers.data(), wakers.size(), &time, nullptr);
  }

  static uint64_t lost_at(const Tap& tap) {
    const TapCounters& of = tap.counters();
    return of.malformed + of.not_gathered + of.refused + of.no_memory + of.unusable;
  }

  static void report(const char* name, const ImpairmentCounters& of, uint64_t refused) {
    const std::pair<const char*, uint64_t> numbers[] = {
        {"entered", of.entered},     {"left", of.left},
        {"duplicated", of.duplicated}, {"corrupted", of.corrupted},
        {"reordered", of.reordered}, {"lost", of.lost + of.lost_in_burst},
        {"queueFull", of.queue_full}, {"notCarried", of.too_many + of.no_memory + of.too_long + refused}};
    std::printf("\"%s\":{", name);
    for (const auto& [key, number] : numbers) {
      std::printf("%s\"%s\":%llu", key == numbers[0].first ? "" : ",", key, static_cast<unsigned long long>(number));
    }
    std::printf("}");
  }

  MonotonicClock clock_;
  Memory memory_;
  Tap* left_tap_ = nullptr;
  std::unique_ptr<Faults> left_;
  std::unique_ptr<Tap> right_;
  uint64_t refused_right_ = 0;
  uint64_t refused_left_ = 0;
  std::array<Frame, kBurst> burst_;
};

volatile sig_atomic_t is_over = 0;
void end(int) { is_over = 1; }

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) refuse("LEFT RIGHT [KEY=NUMBER] ...");
  const Settings settings = settings_of(count - 3, arguments + 3);
  signal(SIGTERM, end);
  signal(SIGINT, end);
  // It ends with who has started it, and its sleep is as exact as can be.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::prctl(PR_SET_TIMERSLACK, 1);
  Relay relay(arguments[1], arguments[2], settings);
  std::printf("relaying\n");
  std::fflush(stdout);
  relay.run(is_over);
  relay.report();
}
