#include "inet/tcp/challenge_limit.h"

#include <gtest/gtest.h>

#include <set>

namespace demi {
namespace {

Instant ms(int64_t count) { return Instant::from_nanoseconds(count * 1'000'000); }

uint32_t take_all(ChallengeLimit& limit, const TcpConfig& config, Instant now) {
  uint32_t taken = 0;
  while (taken < 1000 && limit.take(config, now)) ++taken;
  return taken;
}

TEST(ChallengeLimitTest, IsBoundedInEachPeriod) {
  const TcpConfig config;
  ChallengeLimit limit(12345);
  for (int64_t second = 0; second < 600; second += 5) {
    const uint32_t taken = take_all(limit, config, ms(second * 1000));
    EXPECT_GE(taken, config.challenge_acks / 2);
    EXPECT_LE(taken, config.challenge_acks);
    EXPECT_EQ(take_all(limit, config, ms(second * 1000 + 2000)), 0u) << "no period is shorter than half of what is configured";
  }
}

TEST(ChallengeLimitTest, NoTwoConnectionsAndNoTwoPeriodsNeedBeAlike) {
  const TcpConfig config;
  std::set<uint32_t> of_connections, of_periods;
  ChallengeLimit one(1);
  for (uint32_t i = 0; i < 100; ++i) {
    ChallengeLimit limit(i * 2654435761u);
    of_connections.insert(take_all(limit, config, ms(0)));
    of_periods.insert(take_all(one, config, ms(i * 10'000)));
  }
  EXPECT_GT(of_connections.size(), 3u);
  EXPECT_GT(of_periods.size(), 3u);
}

TEST(ChallengeLimitTest, OneIsAlwaysAllowed) {
  TcpConfig config;
  config.challenge_acks = 0;
  ChallengeLimit limit(7);
  EXPECT_EQ(take_all(limit, config, ms(0)), 1u);
}

}  // namespace
}  // namespace demi
