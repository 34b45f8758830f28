// Two stacks over a bad link: everything together.
#include "inet/talker.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

void exchange(StackPair& pair, uint64_t bytes) {
  const Connected made = connect(pair);
  Talker client(pair.a, made.client, bytes), server(pair.b, made.server, bytes);
  EXPECT_TRUE(pair.run_until([&] {
    client.act(pair.now);
    server.act(pair.now);
    return client.is_done() && server.is_done();
  })) << client.received << " and " << server.received << " bytes arrived";
  for (PairedHost* each : {&pair.a, &pair.b}) {
    ASSERT_TRUE(each->stack->close(each == &pair.a ? made.client : made.server, pair.now).ok());
  }
  // To CLOSED on both sides: TIME-WAIT and everything else is over.
  EXPECT_TRUE(pair.run_until([&] { return pair.a.stack->connections() + pair.b.stack->connections() == 0; }));
}

TEST(StackPairTest, AMegabyteBothWaysOverAGoodLink) {
  StackPair pair(1);
  ImpairmentConfig link;
  link.delay = Duration::milliseconds(1);
  pair.impair(link);
  exchange(pair, 1 << 20);
  EXPECT_EQ(pair.a.stack->tcp_counters().retransmitted, 0u);
  EXPECT_EQ(pair.b.stack->tcp_counters().retransmitted, 0u);
}

TEST(StackPairTest, AMegabyteBothWaysOverALinkThatLosesAndReorders) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    StackPair pair(seed);
    ImpairmentConfig link;
    link.loss = 0.01;
    link.reorder = 0.02;
    link.reorder_delay = Duration::milliseconds(3);
    link.delay = Duration::milliseconds(5);
    pair.impair(link);
    exchange(pair, 1 << 20);
    EXPECT_GT(pair.a.stack->tcp_counters().retransmitted, 0u);
    if (testing::Test::HasFailure()) return;
  }
}

// One link loses the same of the same frames: so what is on the wire is the same to the last byte, whoever cuts, however much is lost and sent again.
TEST(StackPairTest, SegmentsThatADeviceCutsAreThoseThatTheStackWouldHaveCut) {
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::vector<Octets> wire[2];
    uint64_t cut_frames = 0, retransmitted = 0;
    for (const uint32_t offload : {0u, kCutTextBytesMax}) {
      StackPair pair(seed, [&](StackConfig& config) {
        config.tcp.segment_offload_bytes = offload;
        if (seed % 3 == 0) config.tcp.segment_offload_pieces = 2;
        config.tcp.sack = seed % 2 == 0;
        config.tcp.timestamps = seed % 4 < 2;
        if (seed % 5 == 0) config.tcp.receive_buffer_bytes = 30'000;
        if (seed % 7 == 0) config.tcp.mss_max = static_cast<uint16_t>(500 + 10 * seed);
      });
      pair.a.sent = &wire[offload != 0];
      ImpairmentConfig link;
      link.loss = seed % 8 == 0 ? 0 : 0.02;
      link.reorder = seed % 6 == 0 ? 0.02 : 0;
      link.delay = Duration::milliseconds(5);
      pair.impair(link);
      exchange(pair, 400'000);
      cut_frames += pair.a.cut_frames;
      retransmitted += pair.a.stack->tcp_counters().retransmitted;
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(cut_frames, 10u);
    EXPECT_TRUE(retransmitted > 0 || seed % 8 == 0);
    ASSERT_EQ(wire[0].size(), wire[1].size());
    for (size_t i = 0; i < wire[0].size(); ++i) ASSERT_EQ(wire[0][i], wire[1][i]) << "frame " << i;
  }
}

TEST(StackPairTest, DamagedFramesAreSeenAndMadeGood) {
  StackPair pair(3);
  ImpairmentConfig link;
  link.corrupt = 0.02;
  link.corrupt_from = 42;
  link.duplicate = 0.02;
  link.delay = Duration::milliseconds(1);
  pair.impair(link);
  exchange(pair, 200'000);
  const StackCounters& counters = pair.b.stack->counters();
  EXPECT_GT(counters.tcp_bad_checksum + counters.tcp_malformed, 0u);
}

TEST(StackPairTest, ArpComesThroughALinkThatLosesHalf) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    // Asked for often enough that it cannot fail by bad luck.
    StackPair pair(seed, [](StackConfig& config) { config.neighbor.requests = 50; });
    ImpairmentConfig link;
    link.loss = 0.5;
    pair.impair(link);
    Result<SocketHandle> sender = pair.a.stack->udp_bind({kAny, 53}), receiver = pair.b.stack->udp_bind({kAny, 53});
    ASSERT_TRUE(pair.a.stack->udp_send(*sender, SgArray(), {host(2), 53}, pair.now).ok());
    EXPECT_TRUE(pair.run_until([&] { return pair.a.stack->neighbors().state(host(2)) == NeighborState::kReachable; }));
  }
}

TEST(StackPairTest, DatagramsGoThereAndBack) {
  StackPair pair(1);
  Result<SocketHandle> client = pair.a.stack->udp_bind({kAny, 0}), server = pair.b.stack->udp_bind({kAny, 53});
  for (size_t bytes : {1, 0, 1472}) {
    SgArray payload = pair.a.memory.make_array();
    const Octets octets(bytes, 9);
    EXPECT_TRUE(bytes == 0 || pair.a.memory.copy_whole(octets, payload));
    ASSERT_TRUE(pair.a.stack->udp_send(*client, std::move(payload), {host(2), 53}, pair.now).ok());
    ASSERT_TRUE(pair.run_until([&] { return pair.b.stack->udp_socket(*server)->readable() > 0; }));
    Result<UdpDatagram> request = pair.b.stack->udp_receive(*server);
    ASSERT_TRUE(request.ok());
    EXPECT_EQ(request->payload.bytes(), bytes);
    ASSERT_TRUE(pair.b.stack->udp_send(*server, std::move(request->payload), request->from, pair.now).ok());
    ASSERT_TRUE(pair.run_until([&] { return pair.a.stack->udp_socket(*client)->readable() > 0; }));
    Result<UdpDatagram> reply = pair.a.stack->udp_receive(*client);
    EXPECT_EQ(reply->payload.bytes(), bytes);
    EXPECT_EQ(reply->from, (InetEndpoint{host(2), 53}));
  }
}

TEST(StackPairTest, APortWhereNobodyListensRefuses) {
  StackPair pair(1);
  const SocketHandle client = *pair.a.stack->tcp_connect({kAny, 0}, {host(2), 81}, pair.now);
  ASSERT_TRUE(pair.run_until([&] { return pair.a.saw(client, SocketEventKind::kClosed); }));
  EXPECT_EQ(pair.a.stack->tcp_connection(client)->error(), Errno::kECONNREFUSED);
  Result<SocketHandle> udp = pair.a.stack->udp_bind({kAny, 0});
  ASSERT_TRUE(pair.a.stack->udp_connect(*udp, {host(2), 81}).ok());
  ASSERT_TRUE(pair.a.stack->udp_send(*udp, SgArray(), {}, pair.now).ok());
  ASSERT_TRUE(pair.run_until([&] { return pair.a.stack->udp_socket(*udp)->has_error(); }));
  EXPECT_EQ(pair.a.stack->udp_receive(*udp).error(), Errno::kECONNREFUSED);
}

// Ten minutes of silence: neighbors have grown old, and everything still arrives.
TEST(StackPairTest, AConnectionThatWasIdleForLongStillWorks) {
  StackPair pair(1);
  const Connected made = connect(pair);
  pair.run_for(Duration::seconds(600));
  EXPECT_EQ(pair.a.stack->neighbors().state(host(2)), NeighborState::kStale);
  Talker client(pair.a, made.client, 1000), server(pair.b, made.server, 1000);
  EXPECT_TRUE(pair.run_until([&] {
    client.act(pair.now);
    server.act(pair.now);
    return client.is_done() && server.is_done();
  }));
}

// Neither of two stacks answers the other's pure ACKs.
TEST(StackPairTest, SilenceIsSilence) {
  StackPair pair(1);
  const Connected made = connect(pair);
  Talker client(pair.a, made.client, 10'000), server(pair.b, made.server, 10'000);
  pair.run_until([&] {
    client.act(pair.now);
    server.act(pair.now);
    return client.received == 10'000 && server.received == 10'000;
  });
  pair.run_for(Duration::seconds(1));
  const uint64_t sent = pair.a.stack->counters().frames_out + pair.b.stack->counters().frames_out;
  pair.run_for(Duration::seconds(20));
  EXPECT_EQ(pair.a.stack->counters().frames_out + pair.b.stack->counters().frames_out, sent);
}

// RFC 4861 7.3.1: text that is acknowledged shows that the neighbor is there, so nobody asks for it.
TEST(StackPairTest, ProgressConfirmsTheNeighbor) {
  StackPair pair(1);
  const Connected made = connect(pair);
  for (uint64_t i = 0; i < 60; ++i) {
    SgArray text = text_at(pair.a.memory, i, 1);
    ASSERT_TRUE(pair.a.stack->tcp_send(made.client, text, pair.now).ok());
    pair.run_for(Duration::seconds(5));
  }
  EXPECT_EQ(pair.a.stack->neighbors().state(host(2)), NeighborState::kReachable);
  EXPECT_EQ(pair.a.stack->neighbors().counters().requests, 1u);
}

// What a connection has found out about its way holds for as long as nothing is known to have changed, however many connections make progress.
TEST(StackPairTest, TheProgressOfManyLeavesTheWayOfEachAlone) {
  constexpr int kConnections = 100;
  StackPair pair(1);
  const SocketHandle listener = *pair.b.stack->tcp_listen({kAny, 80}, kConnections);
  std::vector<SocketHandle> clients;
  for (int i = 0; i < kConnections; ++i) clients.push_back(*pair.a.stack->tcp_connect({kAny, 0}, {host(2), 80}, pair.now));
  pair.run_for(Duration::seconds(1));
  ASSERT_EQ(pair.b.stack->tcp_acceptable(listener), static_cast<size_t>(kConnections));
  const uint64_t version = pair.a.stack->neighbors().version();
  for (uint64_t round = 0; round < 3; ++round) {
    for (SocketHandle client : clients) {
      SgArray text = text_at(pair.a.memory, round, 1);
      ASSERT_TRUE(pair.a.stack->tcp_send(client, text, pair.now).ok());
    }
    pair.run_for(Duration::seconds(1));
  }
  EXPECT_EQ(pair.a.stack->neighbors().version(), version);
}

}  // namespace
}  // namespace demi
