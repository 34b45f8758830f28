// Whole stacks over bad links, from seeds. What is checked is in stack_simulation.h, and which seeds run, in simulation_seeds.h.
#include "inet/stack_simulation.h"

#include "simulation_seeds.h"

namespace demi {
namespace {

TEST(StackSimulationTest, WhateverTheLinksAndTheApplicationsDoEverythingArrives) {
  run_seeds(UINT64_MAX / 2, 10, [](uint64_t seed) {
    StackSimulation simulation(seed);
    EXPECT_TRUE(simulation.run());
  });
}

// A failure that cannot be had again is worth little.
TEST(StackSimulationTest, ASeedIsTheSameEachTime) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    StackSimulation first(seed), second(seed);
    ASSERT_TRUE(first.run());
    ASSERT_TRUE(second.run());
    EXPECT_EQ(first.frames(), second.frames());
    EXPECT_EQ(first.now(), second.now());
    EXPECT_EQ(first.bytes_delivered(), second.bytes_delivered());
  }
}

}  // namespace
}  // namespace demi
