// Two connections over a network that does what networks do. What is checked after every step is in tcp_simulation.h.
#include "inet/tcp/tcp_simulation.h"

#include <gtest/gtest.h>

#include "simulation_seeds.h"

namespace demi {
namespace {

TEST(TcpSimulationTest, AQuietNetworkCarriesEverythingBothWays) {
  TcpSimulation simulation(TcpConfig(), SimulatedLink(), 1'000'000, 500'000, 1);
  EXPECT_TRUE(simulation.run());
  EXPECT_EQ(simulation.a.resources.counters.retransmitted, 0u);
  EXPECT_EQ(simulation.b.resources.counters.retransmitted, 0u);
}

TEST(TcpSimulationTest, NothingToSendIsAnEndAtOnce) {
  TcpSimulation simulation(TcpConfig(), SimulatedLink(), 0, 0, 1);
  EXPECT_TRUE(simulation.run());
}

TEST(TcpSimulationTest, ALongFastPathIsFilled) {
  // 100 ms at 1 Gbit/s: 12.5 MB in flight.
  SimulatedLink link;
  link.delay = Duration::milliseconds(50);
  link.bytes_per_second = 125'000'000;
  link.queue_bytes = 12'500'000;
  TcpSimulation simulation(TcpConfig(), link, 60'000'000, 0, 1);
  simulation.a.largest_write = simulation.b.largest_read = 4'000'000;
  ASSERT_TRUE(simulation.run());
  EXPECT_GE(simulation.a.invariants.largest_flight(), 12'500'000u);
  // Slow start takes some 13 round trips, and the bytes themselves 0.5 s.
  EXPECT_LE(simulation.both_received.nanoseconds(), 2'400'000'000);
}

// Everything that a seed can choose: options of both sides, the network, the applications.
void run_random(uint64_t seed) {
  Random random(seed);
  const auto chance = [&random](uint64_t of) { return random.below(of) == 0; };
  TcpConfig config;
  config.timestamps = !chance(3);
  config.sack = !chance(3);
  config.window_scale = !chance(3);
  config.congestion = chance(2) ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
  config.nagle = chance(2);
  // Nobody gives up: it ends as long as anything gets through. So does TIME-WAIT outlast the longest row of losses.
  config.msl = Duration::seconds(1800);
  config.user_timeout = config.orphan_timeout = Duration::seconds(24 * 3600);
  config.syn_retries = config.syn_ack_retries = 200;
  config.receive_auto_tuning = chance(2);
  if (chance(4)) config.receive_buffer_bytes = 4'000 + static_cast<uint32_t>(random.below(20'000));
  if (chance(4)) config.send_buffer_bytes = 1 + static_cast<uint32_t>(random.below(20'000));
  SimulatedLink link;
  if (!chance(4)) link.loss = static_cast<double>(random.below(100)) / 1000;
  if (chance(10)) link.loss = 0.3;
  if (chance(2)) link.duplicate = static_cast<double>(random.below(100)) / 1000;
  if (chance(2)) link.reorder = static_cast<double>(random.below(300)) / 1000;
  link.delay = Duration::microseconds(static_cast<int64_t>(10 + random.below(50'000)));
  if (chance(2)) link.jitter = Duration::microseconds(static_cast<int64_t>(1 + random.below(20'000)));
  if (chance(3)) link.bytes_per_second = 10'000 + random.below(10'000'000);
  if (chance(2)) link.queue_bytes = 5'000 + random.below(100'000);
  const uint64_t there = random.below(chance(5) ? 1'000'000 : 60'000);
  const uint64_t back = chance(2) ? 0 : random.below(60'000);
  TcpSimulation simulation(config, link, there, back, seed);
  simulation.a.reads_slowly = chance(5);
  simulation.b.reads_slowly = chance(5);
  simulation.a.largest_write = simulation.b.largest_write = chance(3) ? 200 : 50'000;
  simulation.a.largest_read = simulation.b.largest_read = chance(3) ? 500 : 100'000;
  EXPECT_TRUE(simulation.run(Duration::seconds(24 * 3600)));
}

TEST(TcpSimulationTest, AnyNetworkThatLetsSomethingThroughCarriesEverything) { run_seeds(300, 5, run_random); }

}  // namespace
}  // namespace demi
