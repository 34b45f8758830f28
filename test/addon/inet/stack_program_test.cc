// What a fuzzed stack begins with is what it says, and every committed program ends well here, too: with another compiler, and without libFuzzer.
// Random programs are played from seeds.
#include "inet/stack_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/random.h"

namespace demi {
namespace {

TEST(StackProgramTest, ThereIsASocketInEveryState) {
  FuzzedStack world{FuzzedStackSettings()};
  StackStates states(world);
  states.build();
  const auto state_of = [&](StackStates::Situation situation) {
    const FuzzedStack::Held* held = states.held_of(situation);
    return held == nullptr ? TcpState::kListen : world.stack().tcp_connection(held->socket)->state();
  };
  EXPECT_EQ(state_of(StackStates::kIdle), TcpState::kEstablished);
  EXPECT_EQ(state_of(StackStates::kFinWait1), TcpState::kFinWait1);
  EXPECT_EQ(state_of(StackStates::kFinWait2), TcpState::kFinWait2);
  EXPECT_EQ(state_of(StackStates::kClosing), TcpState::kClosing);
  EXPECT_EQ(state_of(StackStates::kCloseWait), TcpState::kCloseWait);
  EXPECT_EQ(state_of(StackStates::kLastAck), TcpState::kLastAck);
  EXPECT_EQ(state_of(StackStates::kTimeWait), TcpState::kTimeWait);
  std::set<TcpState> all;
  for (const FuzzedStack::Held& held : world.held()) all.insert(world.stack().tcp_connection(held.socket)->state());
  EXPECT_TRUE(all.contains(TcpState::kSynSent));
  EXPECT_TRUE(all.contains(TcpState::kSynReceived));
  EXPECT_EQ(world.stack().tcp_acceptable(states.listener), 1u);
  EXPECT_EQ(world.stack().orphans(), 1u);
  world.finish();
}

TEST(StackProgramTest, EstablishedConnectionsHaveSomethingToDo) {
  FuzzedStack world{FuzzedStackSettings()};
  StackStates states(world);
  states.build();
  const auto connection = [&](StackStates::Situation situation) -> const TcpConnection& {
    return *world.stack().tcp_connection(states.held_of(situation)->socket);
  };
  EXPECT_GT(connection(StackStates::kOutstanding).sender().flight_bytes(), 0u);
  EXPECT_EQ(connection(StackStates::kReceived).readable_bytes(), 500u);
  EXPECT_EQ(connection(StackStates::kReceived).receiver().reassembly()->count(), 2u);
  EXPECT_EQ(connection(StackStates::kPeerWindowZero).sender().window(), 0u);
  EXPECT_GT(connection(StackStates::kPeerWindowZero).sender().unsent_bytes(), 0u);
  EXPECT_EQ(connection(StackStates::kOwnWindowZero).receiver().window(), 0u);
  EXPECT_GT(connection(StackStates::kLossy).sender().sacked_bytes(), 0u);
  EXPECT_TRUE(connection(StackStates::kWithoutOptions).keepalive());
  EXPECT_FALSE(connection(StackStates::kWithoutOptions).info().timestamps);
  EXPECT_TRUE(connection(StackStates::kIdle).info().timestamps);
  world.finish();
}

TEST(StackProgramTest, ThereIsANeighborInEachState) {
  FuzzedStack world{FuzzedStackSettings()};
  StackStates states(world);
  states.build();
  const auto state_of = [&](uint8_t number) { return world.stack().neighbors().state(FuzzedStack::host(number)); };
  EXPECT_EQ(state_of(StackStates::kStaticHost), NeighborState::kStatic);
  EXPECT_EQ(state_of(StackStates::kKnownHost), NeighborState::kReachable);
  EXPECT_EQ(state_of(StackStates::kMissingHost), NeighborState::kIncomplete);
  EXPECT_EQ(state_of(StackStates::kStaleHost), NeighborState::kStale);
  EXPECT_EQ(state_of(StackStates::kProbedHost), NeighborState::kProbe);
  EXPECT_EQ(state_of(9), NeighborState::kNone);
  world.finish();
}

TEST(StackProgramTest, EachSituationCanStandAlone) {
  for (uint8_t which = 0; which < StackStates::kAll; ++which) {
    FuzzedStack world{FuzzedStackSettings()};
    StackStates states(world);
    states.build_only(which);
    EXPECT_FALSE(world.peers().empty());
    world.finish();
  }
}

TEST(StackProgramTest, RandomProgramsEndWell) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Octets program(random.below(300));
    for (uint8_t& octet : program) octet = static_cast<uint8_t>(random.next());
    StackProgram::run(program);
  }
}

TEST(StackProgramTest, CommittedProgramsEndWell) {
  const std::filesystem::path corpus = std::filesystem::path(DEMI_TEST_ADDON) / "../fuzz/corpus/stack_frames";
  size_t programs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const Octets program{std::istreambuf_iterator<char>(file), {}};
    StackProgram::run(program);
    ++programs;
  }
  EXPECT_GT(programs, 50u);
}

}  // namespace
}  // namespace demi
