// Which seeds a simulation runs, and how one that failed is run again:
//
//   DEMI_SIMULATION_SEED=N      that seed alone
//   DEMI_SIMULATION_FIRST=N     from that one on; otherwise each day has its own first seed, so that they rotate
//   DEMI_SIMULATION_SEEDS=N     so many, however long it takes; otherwise as many as fit into the time of the test
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace demi {

// Runs `run(seed)` for each of them until one fails. `otherwise`: at most so many, and begun within so many seconds, when nobody has said how many.
template <class Run>
void run_seeds(uint64_t otherwise, double seconds, Run&& run) {
  using Clock = std::chrono::steady_clock;
  const auto number = [](const char* name, uint64_t if_unset) {
    const char* value = std::getenv(name);
    return value == nullptr ? if_unset : std::strtoull(value, nullptr, 10);
  };
  const auto is_set = [](const char* name) { return std::getenv(name) != nullptr; };
  const auto today = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::hours>(std::chrono::system_clock::now().time_since_epoch()).count() / 24);
  const bool is_alone = is_set("DEMI_SIMULATION_SEED");
  const bool is_timed = !is_alone && !is_set("DEMI_SIMULATION_SEEDS");
  const uint64_t first = number("DEMI_SIMULATION_SEED", number("DEMI_SIMULATION_FIRST", today * 1'000'000));
  const uint64_t count = is_alone ? 1 : number("DEMI_SIMULATION_SEEDS", otherwise);
  const auto begin = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  uint64_t seed = first;
  for (; seed < first + count && !(is_timed && elapsed() > seconds); ++seed) {
    run(seed);
    if (!testing::Test::HasFailure()) continue;
    std::fprintf(stderr, "seed %llu fails; again: DEMI_SIMULATION_SEED=%llu make -C test/addon run FILTER='%s.%s'\n",
                 static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed), test.test_suite_name(), test.name());
    return;
  }
  std::printf("%s: seeds %llu to %llu in %.1f s\n", test.test_suite_name(), static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(seed - 1), elapsed());
}

}  // namespace demi
