#include "libos/catnap_datagram.h"

#include "libos/catnap_fixture.h"

namespace demi {
namespace {

class CatnapDatagramTest : public CatnapFamilies {
 protected:
  using CatnapFamilies::CatnapFamilies;
  QDesc bound(HostOf<Catnap>& host) {
    const QDesc qd = host.datagram(family());
    EXPECT_EQ(host.bind(qd, here(family())), Errno::kOk);
    return qd;
  }
  void SetUp() override {
    from = bound(a);
    to = bound(b);
    name = b.name(to);
  }
  QDesc from;
  QDesc to;
  Endpoint name;
};
INSTANTIATE_TEST_SUITE_P(Families, CatnapDatagramTest, testing::Values(Family::kIPv4, Family::kIPv6), family_name);

TEST_P(CatnapDatagramTest, ArrivesWithTheAddressOfItsSender) {
  const Token popping = b.pop(to);
  EXPECT_EQ(a.push_to(from, "hello", name).came_to(), "ok");
  EXPECT_EQ(text(popping), "hello");
  EXPECT_EQ(popping.endpoint(), a.name(from));
}

TEST_P(CatnapDatagramTest, ABurstComesInOrderAndWhole) {
  for (size_t i = 0; i < 60; ++i) ASSERT_EQ(a.push_to(from, pattern(i * 40, i), name).came_to(), "ok");
  for (size_t i = 0; i < 60; ++i) EXPECT_EQ(text(b.pop(to)), pattern(i * 40, i));
}

TEST_P(CatnapDatagramTest, WhatExceedsTheLimitOfThePopIsLost) {
  a.push_to(from, "0123456789", name);
  a.push_to(from, "next", name);
  EXPECT_EQ(text(b.pop(to, 3)), "012");
  EXPECT_EQ(text(b.pop(to)), "next");
}

TEST_P(CatnapDatagramTest, AnEmptyOneIsADatagramToo) {
  EXPECT_EQ(a.push_to(from, "", name).came_to(), "ok");
  const Token popping = b.pop(to);
  EXPECT_EQ(text(popping), "");
  EXPECT_TRUE(popping.has_endpoint());
}

TEST_P(CatnapDatagramTest, TheLargestArrivesAndALargerOneIsRefused) {
  const uint64_t largest = a.queue(from).largest_push_bytes();
  a.set(from, kSolSocket, kSoSndbuf, 1 << 20);
  b.set(to, kSolSocket, kSoRcvbuf, 1 << 20);
  EXPECT_EQ(a.push_to(from, pattern(largest), name).came_to(), "ok");
  EXPECT_EQ(text(b.pop(to)), pattern(largest));
  EXPECT_EQ(a.push_to(from, pattern(largest + 1), name).came_to(), "thrown EMSGSIZE");
}

TEST_P(CatnapDatagramTest, OneOfMoreSegmentsThanOneCallTakesArrivesWhole) {
  const std::string whole = pattern(3000);
  PushRequest request;
  request.data = memory->make_array();
  for (size_t i = 0; i < whole.size(); i += 20) {
    memory->copy_in({reinterpret_cast<const uint8_t*>(whole.data()) + i, 20}, request.data);
  }
  ASSERT_EQ(request.data.count(), 150u);
  request.total_bytes = whole.size();
  request.destination = name;
  EXPECT_EQ(finish(a.record(one->push(a.queue(from), request))), "ok");
  EXPECT_EQ(text(b.pop(to)), whole);
}

TEST_P(CatnapDatagramTest, AConnectedSocketIsToldThatNobodyIsThere) {
  b.close(to);
  EXPECT_EQ(finish(a.connect(from, name)), "ok");
  const Token popping = a.pop(from);
  settle();
  EXPECT_EQ(a.push(from, "anybody?").came_to(), "ok");
  EXPECT_EQ(finish(popping), "ECONNREFUSED");
  // That was one answer; the socket goes on.
  EXPECT_EQ(a.push(from, "really?").came_to(), "ok");
}

TEST_P(CatnapDatagramTest, WithoutADestinationItCannotBeSent) {
  EXPECT_EQ(a.push(from, "where to?").came_to(), "thrown ENOTCONN");
  EXPECT_EQ(a.push_to(from, "there?", here(family(), 0)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.shutdown(from, ShutdownHow::kWrite).came_to(), "thrown ENOTCONN");
}

TEST_P(CatnapDatagramTest, ACanceledPopLosesNothing) {
  const Token popping = b.pop(to);
  settle();
  b.cancel(popping);
  EXPECT_EQ(popping.came_to(), "ECANCELED");
  a.push_to(from, "still here", name);
  EXPECT_EQ(text(b.pop(to)), "still here");
}

TEST_P(CatnapDatagramTest, ClosingEndsThePop) {
  const Token popping = b.pop(to);
  b.close(to);
  b.collect();
  EXPECT_EQ(popping.came_to(), "ECANCELED");
}

TEST_P(CatnapDatagramTest, WhenMemoryIsShortAPopWaitsForAsMuchAsTheDatagramNeeds) {
  ASSERT_EQ(a.push_to(from, pattern(1000), name).came_to(), "ok");
  std::vector<SgArray> taken = exhaust();
  const Token popping = b.pop(to);
  for (int rooms = 0; rooms < 3; ++rooms) {
    taken.pop_back();
    settle();
    EXPECT_TRUE(popping.pending()) << rooms;
    // It does not try again and again meanwhile.
    EXPECT_FALSE(two->has_work());
  }
  taken.pop_back();
  EXPECT_EQ(text(popping), pattern(1000));
}

TEST_P(CatnapDatagramTest, AFewBytesHoldARoomOfTheirSizeOnly) {
  a.push_to(from, "small", name);
  ASSERT_EQ(two->pop(b.queue(to), UINT64_MAX).state, Started::State::kFinished);
  EXPECT_EQ(memory->pool(0).outstanding(), 1u);
  EXPECT_EQ(memory->buffers_outstanding(), 1u);
  two->immediate().sga.clear();
}

class CatnapBroadcastTest : public CatnapFixture {};

TEST_F(CatnapBroadcastTest, IsRefusedAtTheCallUntilTheOptionAllowsIt) {
  const QDesc qd = a.datagram();
  const Endpoint everybody = Endpoint::ipv4(127, 255, 255, 255, 9);
  EXPECT_EQ(a.push_to(qd, "x", everybody).came_to(), "thrown EACCES");
  EXPECT_EQ(a.connect(qd, everybody).came_to(), "thrown EACCES");
  EXPECT_EQ(a.set(qd, SOL_SOCKET, SO_BROADCAST, 1), Errno::kOk);
  EXPECT_EQ(a.push_to(qd, "x", everybody).came_to(), "ok");
}

}  // namespace
}  // namespace demi
