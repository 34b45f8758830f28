// What the stack costs per segment, in one process and one thread: test/bench/stack.js runs this, and says what the cases are. Each line that
// it prints is one sample.
//
//   stack_bench connections=1,10,1000 repetitions=7 ms=50 [case=echo] [check]
#include <sys/resource.h>
#ifdef __linux__
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bare_loop.h"
#include "base/random.h"
#include "heap_count.h"
#include "stack_peer.h"

namespace {

using namespace demi;

double nanoseconds() { return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch().count()); }

double cpu_nanoseconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) { return 1e9 * static_cast<double>(time.tv_sec) + 1e3 * static_cast<double>(time.tv_usec); };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// A fixed piece of work: when it takes longer than at its best the core was slower, or shared.
double yardstick() {
  const double began = nanoseconds();
  uint32_t x = 12345;
  for (int i = 0; i < 300'000; ++i) {
    x = x * 1103515245 + 12345;
    asm volatile("" : "+r"(x));
  }
  return nanoseconds() - began;
}

// What reading the clock twice adds to what lies between.
double clock_cost() {
  std::vector<double> costs(10'001);
  for (double& cost : costs) {
    const double began = nanoseconds();
    cost = nanoseconds() - began;
  }
  std::nth_element(costs.begin(), costs.begin() + 5'000, costs.end());
  return costs[5'000];
}

// One of the things that are measured: prepare() is not, run() is, finish() is not.
struct Case {
  std::string name;
  uint32_t burst;
  std::function<void(std::span<const uint32_t>)> prepare;
  std::function<void(size_t)> run;
  std::function<void()> finish;
};

class Bench {
 public:
  explicit Bench(uint32_t connections) : connections_(connections), peer_(connections), bare_(connections), order_(connections) {
    for (uint32_t i = 0; i < connections; ++i) order_[i] = i;
    const uint32_t of_different = std::min<uint32_t>(connections, StackPeer::kBurst);
    const auto make_requests = [this](std::span<const uint32_t> chosen) { peer_.make_requests(chosen, in_); };
    const auto take_answers = [this] {
      drain();
      peer_.take(std::span(out_).first(std::exchange(out_count_, 0)));
    };
    cases_ = {
        {"echo", of_different, make_requests, [this](size_t count) { echo(count); }, take_answers},
        {"bare loop", of_different,
         [this](std::span<const uint32_t> chosen) {
           for (size_t i = 0; i < chosen.size(); ++i) bare_.make_request(chosen[i], packets_in_[i]);
         },
         [this](size_t count) { bare_.run(std::span(packets_in_).first(count), packets_out_); }, [] {}},
        {"receive", StackPeer::kBurst, make_requests, [this](size_t count) { receive(count); }, take_answers},
        {"receive, whole turn", StackPeer::kBurst, make_requests,
         [this](size_t count) {
           receive(count);
           finish_turn();
         },
         take_answers},
    };
  }

  const std::vector<Case>& cases() const { return cases_; }

  // Goes on for `milliseconds` of what is measured, and at least until each connection had its turn.
  void sample(const Case& each, double milliseconds, double clock) {
    run_bursts(each, connections_ < 10'000 ? connections_ * 2 : connections_ / 8, 0, clock);
    const double yardstick_before = yardstick();
    const size_t heap = heap_allocations();
    const double wall_began = nanoseconds(), cpu_began = cpu_nanoseconds();
    const auto [count, ns] = run_bursts(each, connections_, milliseconds * 1e6, clock);
    const double stolen = 1 - (cpu_nanoseconds() - cpu_began) / (nanoseconds() - wall_began);
    const size_t allocations = heap_allocations() - heap;
    std::printf("{\"case\":\"%s\",\"connections\":%u,\"ns\":%.2f,\"count\":%zu,\"allocations\":%zu,\"stolen\":%.4f,\"slowed\":%.0f}\n",
                each.name.c_str(), connections_, ns / static_cast<double>(count), count, allocations, stolen,
                std::max(yardstick_before, yardstick()));
    std::fflush(stdout);
  }

  // As many, and the clock is not read.
  void run_untimed(const Case& each, size_t count) {
    const auto chosen = std::span(chosen_).first(each.burst);
    for (size_t done = 0; done < count; done += chosen.size()) {
      for (uint32_t& connection : chosen) connection = next_connection();
      each.prepare(chosen);
      each.run(chosen.size());
      each.finish();
      peer_.now = peer_.now + Duration::microseconds(3);
    }
  }

  struct Measured {
    size_t count = 0;
    double ns = 0;
  };
  Measured run_bursts(const Case& each, size_t at_least, double ns_at_least, double clock) {
    Measured measured;
    const auto chosen = std::span(chosen_).first(each.burst);
    while (measured.count < at_least || measured.ns < ns_at_least) {
      for (uint32_t& connection : chosen) connection = next_connection();
      each.prepare(chosen);
      const double began = nanoseconds();
      each.run(chosen.size());
      measured.ns += nanoseconds() - began - clock;
      measured.count += chosen.size();
      each.finish();
      // As if the bursts followed one another on a fast link.
      peer_.now = peer_.now + Duration::nanoseconds(100 * static_cast<int64_t>(chosen.size()));
    }
    return measured;
  }

 private:
  // Each connection once, in an order that is another one each time.
  uint32_t next_connection() {
    if (at_ == 0) {
      for (uint32_t i = connections_ - 1; i > 0; --i) std::swap(order_[i], order_[random_.below(i + 1)]);
      at_ = connections_;
    }
    return order_[--at_];
  }

  // One turn of a libOS whose user echoes, without the device.
  [[gnu::noinline]] void echo(size_t count) {
    Stack& stack = peer_.stack();
    stack.handle_frames(std::span(in_).first(count), peer_.now);
    stack.handle_timeout(peer_.now);
    for (SocketEvent event; stack.poll_event(event);) {
      if (event.kind != SocketEventKind::kReadable) continue;
      Result<SgArray> text = stack.tcp_receive(event.socket, UINT64_MAX, peer_.now);
      if (text.ok()) (void)stack.tcp_send(event.socket, *text, peer_.now);
    }
    drain();
  }
  [[gnu::noinline]] void receive(size_t count) {
    Stack& stack = peer_.stack();
    stack.handle_frames(std::span(in_).first(count), peer_.now);
    for (SocketEvent event; stack.poll_event(event);) {
      if (event.kind != SocketEventKind::kReadable) continue;
      Result<SgArray> text = stack.tcp_receive(event.socket, UINT64_MAX, peer_.now);
      if (!text.ok()) std::abort();
    }
  }
  void finish_turn() {
    peer_.stack().handle_timeout(peer_.now);
    drain();
  }
  void drain() {
    for (;;) {
      // With very many connections one turn may be that of a thousand delayed acknowledgments; the peer takes them in between.
      if (out_count_ == out_.size()) peer_.take(std::span(out_).first(std::exchange(out_count_, 0)));
      out_[out_count_] = peer_.stack().poll_transmit(peer_.now);
      if (out_[out_count_].empty()) return;
      ++out_count_;
    }
  }

  const uint32_t connections_;
  StackPeer peer_;
  BareLoop bare_;
  Random random_{1};
  std::vector<uint32_t> order_;
  uint32_t at_ = 0;
  std::array<uint32_t, StackPeer::kBurst> chosen_;
  StackPeer::Burst in_;
  std::array<Frame, 4 * StackPeer::kBurst> out_;
  size_t out_count_ = 0;
  std::array<BareLoop::Packet, StackPeer::kBurst> packets_in_;
  std::array<BareLoop::Packet, StackPeer::kBurst> packets_out_;
  std::vector<Case> cases_;
};

// Echoes in a process that the kernel ends at its first system call. Prints whether it lived.
void print_system_calls() {
#ifdef __linux__
  Bench bench(1000);
  const Case& echo = bench.cases()[0];
  bench.run_untimed(echo, 4000);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(2);
    bench.run_untimed(echo, 100'000);  // to read the clock is forbidden, too
    syscall(SYS_exit, 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const bool is_known = WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
  const char* calls = !is_known ? "null" : WIFSIGNALED(status) ? "true" : "false";
  std::printf("{\"systemCalls\":%s}\n", calls);
#endif
}

std::string option(int count, char** arguments, const char* name, const char* otherwise) {
  const size_t length = std::strlen(name);
  for (int i = 1; i < count; ++i) {
    if (std::strncmp(arguments[i], name, length) == 0 && arguments[i][length] == '=') return arguments[i] + length + 1;
  }
  return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = std::atoi(option(argc, argv, "repetitions", "7").c_str());
  const double ms = std::atof(option(argc, argv, "ms", "50").c_str());
  const std::string only = option(argc, argv, "case", "");
  const std::string counts = option(argc, argv, "connections", "1,10,1000,100000");
  const double clock = clock_cost();
  std::printf("{\"connectionBytes\":%zu,\"flightBytes\":%zu,\"clock\":%.1f}\n", sizeof(Connection), sizeof(Flight), clock);
  if (only.empty()) print_system_calls();
  for (const char* at = counts.c_str(); at != nullptr; at = std::strchr(at, ',')) {
    if (*at == ',') ++at;
    const auto connections = static_cast<uint32_t>(std::atoi(at));
    Bench bench(connections);
    // Every connection has what it needs from the pools.
    bench.run_untimed(bench.cases()[0], connections);
    for (int repetition = 0; repetition < repetitions; ++repetition) {
      const size_t cases = bench.cases().size();
      for (size_t k = 0; k < cases; ++k) {
        const Case& each = bench.cases()[(k + static_cast<size_t>(repetition)) % cases];
        if (only.empty() || only == each.name) bench.sample(each, ms, clock);
      }
    }
  }
}
