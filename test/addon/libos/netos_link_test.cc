// A link that is down, comes up again, or is gone for good, as the sockets of netos see it.

#include "libos/netos_fixture.h"

namespace demi {
namespace {

class NetosLinkTest : public NetosFixture {};

TEST_F(NetosLinkTest, NobodyIsConnectedToOverALinkThatIsDown) {
  listening(b, at(2));
  plug_one->set(LinkState::kDown);
  const QDesc client = a.stream();
  EXPECT_EQ(finish(a.connect(client, at(2))), "ENETDOWN");
  EXPECT_EQ(one->stack().connections(), 0u);
  // The same socket gets through when the link is up.
  plug_one->set(LinkState::kUp);
  EXPECT_EQ(finish(a.connect(client, at(2))), "ok");
}

TEST_F(NetosLinkTest, WhoIsConnectingHearsThatTheLinkGoesDown) {
  link_two->outgoing().configure({.loss = 1});
  const QDesc client = a.stream();
  const Token connecting = a.connect(client, at(2));
  run_for(Duration::seconds(1));
  EXPECT_TRUE(connecting.pending());
  plug_one->set(LinkState::kDown);
  settle();
  EXPECT_EQ(connecting.came_to(), "ENETDOWN");
}

TEST_F(NetosLinkTest, AConnectionOutlivesALinkThatWasDown) {
  const Connection made = established();
  plug_one->set(LinkState::kDown);
  const Token pushing = a.push(made.client, "patience");
  const Token popping = b.pop(made.server);
  run_for(Duration::seconds(5));
  EXPECT_EQ(pushing.came_to(), "ok");
  EXPECT_TRUE(popping.pending());
  plug_one->set(LinkState::kUp);
  EXPECT_EQ(text(popping), "patience");
}

TEST_F(NetosLinkTest, WhoIsAtTheOtherEndIsAskedForAgain) {
  established();
  ASSERT_EQ(one->stack().neighbors().size(), 1u);
  plug_one->set(LinkState::kDown);
  settle();
  EXPECT_EQ(one->stack().neighbors().size(), 0u);
  plug_one->set(LinkState::kUp);
  established();
}

TEST_F(NetosLinkTest, DatagramsAreRefusedWhileTheLinkIsDown) {
  const QDesc to = b.datagram();
  ASSERT_EQ(b.bind(to, at(2)), Errno::kOk);
  const QDesc from = a.datagram();
  plug_one->set(LinkState::kDown);
  EXPECT_EQ(finish(a.push_to(from, "lost", at(2))), "ENETDOWN");
  const QDesc connected = a.datagram();
  EXPECT_EQ(finish(a.connect(connected, at(2))), "ok");
  EXPECT_EQ(finish(a.push(connected, "lost, too")), "ENETDOWN");
  plug_one->set(LinkState::kUp);
  EXPECT_EQ(finish(a.push_to(from, "heard", at(2))), "ok");
  EXPECT_EQ(text(b.pop(to)), "heard");
}

TEST_F(NetosLinkTest, WhatIsOursNeedsNoLink) {
  plug_one->set(LinkState::kDown);
  listening(a, at(1));
  EXPECT_EQ(finish(a.connect(a.stream(), at(1))), "ok");
  const QDesc to = a.datagram();
  ASSERT_EQ(a.bind(to, at(1, 7)), Errno::kOk);
  EXPECT_EQ(finish(a.push_to(a.datagram(), "myself", at(1, 7))), "ok");
  EXPECT_EQ(text(a.pop(to)), "myself");
}

TEST_F(NetosLinkTest, ALinkThatIsGoneEndsWhatWaitsForIt) {
  const Connection made = established();
  const QDesc listener = listening(a, at(1, 8080));
  const QDesc datagrams = a.datagram();
  ASSERT_EQ(a.bind(datagrams, at(1, 53)), Errno::kOk);
  const QDesc opening = a.stream();
  const Token popping = a.pop(made.client), accepting = a.accept(listener), receiving = a.pop(datagrams);
  settle();
  link_two->outgoing().configure({.loss = 1});
  const Token connecting = a.connect(opening, at(2, 9));
  settle();
  EXPECT_TRUE(connecting.pending());
  plug_one->set(LinkState::kGone);
  settle();
  for (const Token* token : {&popping, &accepting, &receiving, &connecting}) EXPECT_EQ(token->came_to(), "ENETDOWN");
  // And what comes later does not wait at all.
  EXPECT_EQ(finish(a.push(made.client, "x")), "EPIPE");
  EXPECT_EQ(finish(a.accept(listener)), "ENETDOWN");
  EXPECT_EQ(finish(a.pop(datagrams)), "ENETDOWN");
  EXPECT_EQ(finish(a.connect(opening, at(2))), "ENETDOWN");
  EXPECT_EQ(finish(a.push_to(datagrams, "x", at(2))), "ENETDOWN");
}

TEST_F(NetosLinkTest, NobodyWaitsForDeliveriesOverALinkThatIsGone) {
  const Connection made = established();
  link_two->outgoing().configure({.loss = 1});
  a.push(made.client, "never acknowledged");
  EXPECT_EQ(finish(a.close(made.client)), "ok");
  EXPECT_EQ(one->deliveries(), 1u);
  const Token stopping = a.stop();
  settle();
  EXPECT_TRUE(stopping.pending());
  plug_one->set(LinkState::kGone);
  settle();
  EXPECT_EQ(one->deliveries(), 0u);
  EXPECT_EQ(stopping.came_to(), "ok");
}

TEST_F(NetosLinkTest, AConnectionToOneselfOutlivesTheNetwork) {
  const QDesc listener = listening(a, at(1));
  const QDesc client = a.stream();
  EXPECT_EQ(finish(a.connect(client, at(1))), "ok");
  const Token accepting = a.accept(listener);
  EXPECT_EQ(finish(accepting), "ok");
  plug_one->set(LinkState::kGone);
  settle();
  EXPECT_EQ(finish(a.push(client, "still here")), "ok");
  EXPECT_EQ(text(a.pop(accepting.new_queue())), "still here");
}

}  // namespace
}  // namespace demi
