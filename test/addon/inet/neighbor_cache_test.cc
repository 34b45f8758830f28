#include "inet/neighbor_cache.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "memory/memory.h"

namespace demi {
namespace {

constexpr MacAddress mac(uint8_t number) { return {{2, 0, 0, 0, 0, number}}; }
constexpr IpAddress ip(uint32_t number) { return IpAddress::ipv4(0x0a000000 + number); }
constexpr Instant at(int64_t seconds) { return Instant() + Duration::seconds(seconds); }

class NeighborCacheTest : public ::testing::Test {
 protected:
  ~NeighborCacheTest() override {
    cache.reset();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
  }
  // A frame that is recognised by its length.
  Frame frame(uint32_t length = 60) {
    BufferRef room = memory.allocate_room(length);
    const uint32_t first = room->headroom;
    return Frame(std::move(room), first, length);
  }
  // What is asked, "all 1" for a request by broadcast for address 1, "7 1" for one to station 7.
  std::string request() {
    NeighborRequest request;
    if (!cache->poll_request(request)) return "";
    const std::string to = request.to.is_broadcast() ? "all" : std::to_string(request.to.octets[5]);
    return to + " " + std::to_string(request.target.words[0] & 0xffffff);
  }
  // The lengths of frames that leave, and where they go.
  std::vector<std::pair<uint32_t, uint8_t>> sent() {
    std::vector<std::pair<uint32_t, uint8_t>> all;
    Frame out;
    MacAddress to;
    while (cache->poll_frame(out, to)) all.emplace_back(out.length, to.octets[5]);
    return all;
  }
  size_t unreachable() {
    size_t count = 0;
    Frame out;
    while (cache->poll_unreachable(out)) ++count;
    return count;
  }
  void reachable() {
    cache->wait_for(ip(1), frame(), at(0));
    ASSERT_EQ(request(), "all 1");
    cache->handle_reply(ip(1), mac(1), at(0));
    ASSERT_EQ(sent().size(), 1u);
    ASSERT_EQ(cache->state(ip(1)), NeighborState::kReachable);
  }
  void stale() {
    reachable();
    cache->handle_timeout(at(30));
    ASSERT_EQ(cache->state(ip(1)), NeighborState::kStale);
  }

  using Sent = std::vector<std::pair<uint32_t, uint8_t>>;
  Memory memory;
  std::unique_ptr<NeighborCache> cache = std::make_unique<NeighborCache>(NeighborConfig{}, SipHashKey{1, 2});
};

TEST_F(NeighborCacheTest, FramesWaitForTheAnswerAndLeaveInOrder) {
  EXPECT_FALSE(cache->use(ip(1), at(0)));
  cache->wait_for(ip(1), frame(60), at(0));
  cache->wait_for(ip(1), frame(61), at(0));
  EXPECT_EQ(request(), "all 1");
  EXPECT_EQ(request(), "");
  EXPECT_EQ(sent(), Sent{});
  cache->handle_reply(ip(1), mac(7), at(0));
  EXPECT_EQ(sent(), (Sent{{60, 7}, {61, 7}}));
  EXPECT_EQ(cache->use(ip(1), at(1)), mac(7));
  EXPECT_EQ(request(), "");
}

TEST_F(NeighborCacheTest, WhoDoesNotAnswerIsAskedOncePerSecondAndThenGivenUp) {
  cache->wait_for(ip(1), frame(), at(0));
  cache->wait_for(ip(1), frame(), at(0));
  for (int second = 0; second < 3; ++second) {
    EXPECT_EQ(request(), "all 1");
    cache->wait_for(ip(1), frame(), at(second));
    EXPECT_EQ(request(), "");  // RFC 1122 2.3.2.1: no flood
    EXPECT_EQ(cache->poll_timeout(), at(second + 1));
    cache->handle_timeout(at(second + 1));
  }
  EXPECT_EQ(request(), "");
  EXPECT_EQ(unreachable(), 5u);
  EXPECT_EQ(cache->counters().unanswered, 5u);
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kNone);
  EXPECT_EQ(cache->poll_timeout(), Instant::never());
  // The next frame tries again.
  cache->wait_for(ip(1), frame(), at(4));
  EXPECT_EQ(request(), "all 1");
}

TEST_F(NeighborCacheTest, TheLatestFramesAreKept) {
  for (uint32_t i = 0; i < kNeighborQueueFrames + 2; ++i) cache->wait_for(ip(1), frame(100 + i), at(0));
  EXPECT_EQ(cache->counters().queue_full, 2u);
  EXPECT_EQ(cache->frames_waiting(), kNeighborQueueFrames);
  request();
  cache->handle_reply(ip(1), mac(1), at(0));
  const Sent frames = sent();
  ASSERT_EQ(frames.size(), kNeighborQueueFrames);
  EXPECT_EQ(frames.front().first, 102u);
  EXPECT_EQ(frames.back().first, 101 + kNeighborQueueFrames);
}

TEST_F(NeighborCacheTest, RepliesThatNobodyAskedForChangeNothing) {
  cache->handle_reply(ip(1), mac(9), at(0));
  EXPECT_EQ(cache->size(), 0u);
  reachable();
  cache->handle_reply(ip(1), mac(9), at(1));
  EXPECT_EQ(cache->use(ip(1), at(1)), mac(1));
  cache->handle_timeout(at(31));
  cache->handle_reply(ip(1), mac(9), at(31));
  EXPECT_EQ(cache->use(ip(1), at(31)), mac(1));
  EXPECT_EQ(cache->counters().unsolicited, 3u);
}

TEST_F(NeighborCacheTest, AnAnswerBeforeTheQuestionHasLeftIsNone) {
  cache->wait_for(ip(1), frame(), at(0));
  cache->handle_reply(ip(1), mac(9), at(0));
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kIncomplete);
  EXPECT_EQ(cache->counters().unsolicited, 1u);
}

TEST_F(NeighborCacheTest, WhatIsOldIsUsedAndAskedForAgain) {
  stale();
  EXPECT_EQ(cache->use(ip(1), at(40)), mac(1));
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kProbe);
  EXPECT_EQ(request(), "1 1");  // the neighbor itself
  cache->handle_reply(ip(1), mac(1), at(40));
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kReachable);
  EXPECT_EQ(cache->poll_timeout(), at(70));
}

TEST_F(NeighborCacheTest, AProbeEndsWithAQuestionToAllAndThenTheEntryIsGone) {
  stale();
  cache->use(ip(1), at(40));
  EXPECT_EQ(request(), "1 1");
  cache->handle_timeout(at(41));
  EXPECT_EQ(request(), "1 1");
  cache->handle_timeout(at(42));
  EXPECT_EQ(request(), "all 1");
  EXPECT_EQ(cache->use(ip(1), at(42)), mac(1));
  cache->handle_timeout(at(43));
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kNone);
}

TEST_F(NeighborCacheTest, AProbeIsAnsweredByTheOneWhoWasAsked) {
  stale();
  cache->use(ip(1), at(40));
  request();
  cache->handle_reply(ip(1), mac(9), at(40));
  EXPECT_EQ(cache->use(ip(1), at(40)), mac(1));
  EXPECT_EQ(cache->counters().contradicted, 1u);
  // When all are asked, another one may have the address by now.
  cache->handle_timeout(at(41));
  request();
  cache->handle_timeout(at(42));
  EXPECT_EQ(request(), "all 1");
  cache->handle_reply(ip(1), mac(9), at(42));
  EXPECT_EQ(cache->use(ip(1), at(42)), mac(9));
}

TEST_F(NeighborCacheTest, WhoAsksForUsIsLearned) {
  cache->handle_request(ip(1), mac(1), true, at(0));
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kStale);
  cache->handle_request(ip(2), mac(2), false, at(0));
  EXPECT_EQ(cache->state(ip(2)), NeighborState::kNone);
  EXPECT_EQ(cache->use(ip(1), at(0)), mac(1));
  EXPECT_EQ(request(), "1 1");
}

TEST_F(NeighborCacheTest, WhoAsksForUsIsTheAnswerToOurQuestion) {
  cache->wait_for(ip(1), frame(60), at(0));
  cache->handle_request(ip(1), mac(1), false, at(0));
  EXPECT_EQ(sent(), Sent{});
  cache->handle_request(ip(1), mac(1), true, at(0));
  EXPECT_EQ(sent(), (Sent{{60, 1}}));
  EXPECT_EQ(request(), "");
}

TEST_F(NeighborCacheTest, AClaimOfAnotherAddressOnlyRaisesDoubt) {
  reachable();
  cache->handle_request(ip(1), mac(9), true, at(1));
  EXPECT_EQ(cache->counters().contradicted, 1u);
  EXPECT_EQ(cache->use(ip(1), at(1)), mac(1));
  // Everybody is asked, and the one who answers has it.
  EXPECT_EQ(request(), "all 1");
  cache->handle_reply(ip(1), mac(9), at(1));
  EXPECT_EQ(cache->use(ip(1), at(1)), mac(9));
}

// Who remembers a neighbor's address asks again when the version is another: when it grows old, has answered, is doubted, goes.
TEST_F(NeighborCacheTest, TheVersionChangesWithWhatIsSaid) {
  uint64_t version = cache->version();
  const auto changed = [&] { return std::exchange(version, cache->version()) != cache->version(); };
  reachable();
  EXPECT_TRUE(changed());
  EXPECT_TRUE(cache->use(ip(1), at(1)).has_value());
  cache->handle_request(ip(1), mac(1), true, at(1));
  EXPECT_FALSE(changed()) << "nothing new";
  cache->confirm(ip(1), at(1));
  EXPECT_FALSE(changed()) << "its address is the same: with many connections that happens all the time";
  cache->handle_timeout(at(31));
  EXPECT_TRUE(changed()) << "it is to be asked for with its next use";
  EXPECT_TRUE(cache->use(ip(1), at(31)).has_value());
  EXPECT_FALSE(changed()) << "it is used while it is asked for";
  ASSERT_EQ(request(), "1 1");
  cache->handle_reply(ip(1), mac(1), at(31));
  EXPECT_TRUE(changed());
  cache->handle_request(ip(1), mac(2), true, at(32));
  EXPECT_TRUE(changed()) << "doubt";
  cache->add_static(ip(1), mac(3));
  EXPECT_TRUE(changed());
}

TEST_F(NeighborCacheTest, TheVersionChangesWhenAnEntryGoes) {
  stale();
  const uint64_t version = cache->version();
  cache->handle_timeout(at(30 + 1200));
  ASSERT_EQ(cache->state(ip(1)), NeighborState::kNone);
  EXPECT_NE(cache->version(), version);
}

TEST_F(NeighborCacheTest, WhatNobodyUsesExpires) {
  stale();
  EXPECT_EQ(cache->poll_timeout(), at(30 + 1200));
  cache->handle_timeout(at(30 + 1200));
  EXPECT_EQ(cache->size(), 0u);
  EXPECT_EQ(cache->counters().expired, 1u);
}

TEST_F(NeighborCacheTest, TrafficConfirms) {
  stale();
  cache->confirm(ip(1), at(40));
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kReachable);
  EXPECT_EQ(cache->poll_timeout(), at(70));
  cache->confirm(ip(2), at(40));
  EXPECT_EQ(cache->state(ip(2)), NeighborState::kNone);
  // Not while there is doubt who it is.
  cache->handle_request(ip(1), mac(9), true, at(41));
  cache->confirm(ip(1), at(41));
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kStale);
}

TEST_F(NeighborCacheTest, AStaticEntryStays) {
  cache->add_static(ip(1), mac(1));
  EXPECT_EQ(cache->use(ip(1), at(0)), mac(1));
  cache->handle_reply(ip(1), mac(9), at(0));
  cache->handle_request(ip(1), mac(9), true, at(0));
  cache->handle_timeout(at(1'000'000));
  EXPECT_EQ(cache->use(ip(1), at(1'000'000)), mac(1));
  EXPECT_EQ(request(), "");
  EXPECT_EQ(cache->poll_timeout(), Instant::never());
}

TEST_F(NeighborCacheTest, WhenItIsFullTheOneThatIsUsedLeastMakesRoom) {
  cache->add_static(ip(5000), mac(5));
  for (uint32_t i = 1; i < kNeighborsMax; ++i) cache->handle_request(ip(i), mac(1), true, at(i));
  EXPECT_EQ(cache->size(), kNeighborsMax);
  cache->use(ip(1), at(2000));
  cache->handle_request(ip(4000), mac(1), true, at(2000));
  EXPECT_EQ(cache->size(), kNeighborsMax);
  EXPECT_EQ(cache->state(ip(1)), NeighborState::kProbe);
  EXPECT_EQ(cache->state(ip(2)), NeighborState::kNone);
  EXPECT_EQ(cache->state(ip(5000)), NeighborState::kStatic);
  EXPECT_EQ(cache->counters().evicted, 1u);
}

// Whoever makes us look for hosts that do not exist takes no more memory than there is for them, and those that answer stay.
TEST_F(NeighborCacheTest, AFloodOfUnknownHostsDoesNotPushOutKnownOnes) {
  reachable();
  for (uint32_t i = 10; i < 10 + 2 * kNeighborsMax; ++i) cache->wait_for(ip(i), frame(), at(1));
  EXPECT_EQ(cache->size(), kNeighborsMax);
  EXPECT_EQ(cache->frames_waiting(), kNeighborsMax - 1);
  EXPECT_EQ(cache->use(ip(1), at(1)), mac(1));
}

// Two cables of the same network, and whoever has the address there.
TEST_F(NeighborCacheTest, ALinkThatWasDownLeavesNothingToBelieve) {
  reachable();
  cache->handle_request(ip(2), mac(2), true, at(0));
  cache->handle_request(ip(3), mac(3), true, at(0));
  ASSERT_TRUE(cache->use(ip(3), at(0)));
  ASSERT_EQ(cache->state(ip(3)), NeighborState::kProbe);
  cache->add_static(ip(4), mac(4));
  cache->wait_for(ip(5), frame(65), at(0));
  const uint64_t version = cache->version();
  cache->handle_link_loss();
  EXPECT_NE(cache->version(), version);
  for (uint32_t forgotten : {1, 2, 3}) EXPECT_EQ(cache->state(ip(forgotten)), NeighborState::kNone);
  EXPECT_EQ(cache->use(ip(4), at(1)), mac(4));
  // Who was asked is asked for, and nobody else.
  EXPECT_EQ(request(), "all 5");
  EXPECT_EQ(request(), "");
  cache->handle_reply(ip(5), mac(9), at(1));
  EXPECT_EQ(sent(), (Sent{{65, 9}}));
  // Another station has the address now.
  cache->wait_for(ip(1), frame(61), at(1));
  EXPECT_EQ(request(), "all 1");
  cache->handle_reply(ip(1), mac(7), at(1));
  EXPECT_EQ(sent(), (Sent{{61, 7}}));
}

}  // namespace
}  // namespace demi
