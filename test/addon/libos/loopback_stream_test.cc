#include "libos/loopback_stream.h"

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

using LoopbackStreamTest = LoopbackFixture;

TEST_F(LoopbackStreamTest, ConnectsAndCarriesBytesBothWays) {
  const auto [near, far] = established();
  EXPECT_EQ(*near->peer_endpoint(), here(80));
  EXPECT_EQ(*far->local_endpoint(), here(80));
  EXPECT_EQ(*far->peer_endpoint(), *near->local_endpoint());
  now(*one, push(*one, *near, "ab"));
  now(*one, push(*one, *near, "cd"));
  EXPECT_EQ(popped(*two, *far, 3), "abc");
  EXPECT_EQ(popped(*two, *far), "d");
  pending(one->pop(*near, kAll));
  now(*two, push(*two, *far, "back"));
  run();
  EXPECT_EQ(next().text, "back");
}

TEST_F(LoopbackStreamTest, RefusesWhatAFreshSocketCannotDo) {
  Queue& queue = stream(*one);
  EXPECT_EQ(refusal(push(*one, queue, "x")), Errno::kENOTCONN);
  EXPECT_EQ(refusal(one->pop(queue, kAll)), Errno::kENOTCONN);
  EXPECT_EQ(refusal(one->shutdown(queue, ShutdownHow::kWrite)), Errno::kENOTCONN);
  EXPECT_EQ(refusal(one->accept(queue)), Errno::kEINVAL);
  EXPECT_EQ(queue.listen(1).error(), Errno::kEDESTADDRREQ);
  EXPECT_EQ(queue.peer_endpoint().error(), Errno::kENOTCONN);
  EXPECT_EQ(now(*one, one->connect(queue, here(1))).error, Errno::kECONNREFUSED);
  EXPECT_EQ(refusal(one->connect(queue, here(0))), Errno::kEINVAL);
}

TEST_F(LoopbackStreamTest, HalfCloseIsTheEndForTheOtherSideOnly) {
  const auto [near, far] = established();
  pending(two->pop(*far, kAll));
  now(*one, one->shutdown(*near, ShutdownHow::kWrite));
  run();
  EXPECT_EQ(next(*two).text, "");
  EXPECT_EQ(refusal(push(*one, *near, "x")), Errno::kEPIPE);
  now(*two, push(*two, *far, "still"));
  EXPECT_EQ(popped(*one, *near), "still");
}

TEST_F(LoopbackStreamTest, ALargePushIsAcceptedInParts) {
  const auto [near, far] = established();
  option(*near, kSoSndbuf, 2048);
  option(*far, kSoRcvbuf, 2048);
  const auto data = bytes(10000);
  Operation& operation = pending(push_bytes(*one, *near, data));
  EXPECT_EQ(operation.push->accepted_bytes, 4096u);
  std::string got;
  while (got.size() < 10000) {
    got += popped(*two, *far);
    run();
  }
  EXPECT_EQ(got, std::string(data->begin(), data->end()));
  EXPECT_EQ(next().accepted, 10000u);
}

TEST_F(LoopbackStreamTest, ACanceledPushSaysWhatWasAccepted) {
  const auto [near, far] = established();
  option(*near, kSoSndbuf, 2048);
  option(*far, kSoRcvbuf, 2048);
  Operation& large = pending(push_bytes(*one, *near, bytes(10000)));
  Operation& second = pending(push(*one, *near, "x"));
  one->set_deadline(large, clock.now() + Duration::seconds(1));
  one->cancel(second);
  EXPECT_EQ(next().accepted, 0u);
  clock.advance(Duration::seconds(2));
  run();
  const Outcome late = next();
  EXPECT_EQ(late.error, Errno::kETIMEDOUT);
  EXPECT_EQ(late.accepted, 4096u);
  EXPECT_EQ(popped(*two, *far).size(), 4096u);
  EXPECT_EQ(now(*one, push(*one, *near, "y")).accepted, 1u);
  EXPECT_EQ(popped(*two, *far), "y");
}

TEST_F(LoopbackStreamTest, BytesThatWereDetachedAreAFault) {
  const auto [near, far] = established();
  option(*near, kSoSndbuf, 2048);
  option(*far, kSoRcvbuf, 2048);
  const auto data = bytes(10000);
  pending(push_bytes(*one, *near, data));
  data->clear();
  popped(*two, *far);
  run();
  const Outcome outcome = next();
  EXPECT_EQ(outcome.error, Errno::kEFAULT);
  EXPECT_EQ(outcome.accepted, 4096u);
}

TEST_F(LoopbackStreamTest, PushingToAClosedEndIsResetThenABrokenPipe) {
  const auto [near, far] = established();
  now(*two, two->close(*far));
  EXPECT_EQ(popped(*one, *near), "");
  EXPECT_EQ(now(*one, push(*one, *near, "x")).error, Errno::kECONNRESET);
  EXPECT_EQ(now(*one, push(*one, *near, "x")).error, Errno::kEPIPE);
}

TEST_F(LoopbackStreamTest, ClosingWithBytesUnreadResets) {
  const auto [near, far] = established();
  now(*one, push(*one, *near, "unread"));
  pending(one->pop(*near, kAll));
  now(*two, two->close(*far));
  run();
  EXPECT_EQ(next().error, Errno::kECONNRESET);
}

TEST_F(LoopbackStreamTest, LingerZeroResetsAndTheErrorIsReportedOnce) {
  const auto [near, far] = established();
  option(*far, kSoLinger, 1, 0);
  now(*two, two->close(*far));
  EXPECT_EQ(near->get_option(kSolSocket, kSoError)->number, static_cast<int64_t>(Errno::kECONNRESET));
  EXPECT_EQ(near->get_option(kSolSocket, kSoError)->number, 0);
  EXPECT_EQ(two->counters().resets, 1u);
}

TEST_F(LoopbackStreamTest, ALingeringCloseWaitsForTheReaderOrItsTime) {
  for (const bool read : {true, false}) {
    const auto [near, far] = established();
    option(*near, kSoLinger, 1, 5);
    option(*far, kSoRcvbuf, 2048);
    now(*one, push(*one, *near, std::string(4000, 'x')));
    pending(one->close(*near));
    EXPECT_EQ(one->orphans(), 1u);
    run();
    EXPECT_TRUE(nothing_done(*one));
    if (read) {
      EXPECT_EQ(popped(*two, *far).size(), 4000u);
      EXPECT_EQ(popped(*two, *far), "");
    } else {
      clock.advance(Duration::seconds(6));
    }
    run();
    EXPECT_EQ(next().error, read ? Errno::kOk : Errno::kETIMEDOUT);
    EXPECT_EQ(one->orphans(), 0u);
    two->close(*far);
  }
}

TEST_F(LoopbackStreamTest, ConnectsWaitForPlacesInTheBacklog) {
  Queue& listening = listener(*two, 80, 2);
  for (int i = 0; i < 2; ++i) now(*one, one->connect(stream(*one), here(80)));
  for (int i = 0; i < 3; ++i) pending(one->connect(stream(*one), here(80)));
  run();
  EXPECT_TRUE(nothing_done(*one));
  now(*two, two->accept(listening));
  now(*two, two->accept(listening));
  run();
  EXPECT_EQ(next().error, Errno::kOk);
  EXPECT_EQ(next().error, Errno::kOk);
  EXPECT_TRUE(nothing_done(*one));
  EXPECT_TRUE(listening.listen(3).ok());
  run();
  EXPECT_EQ(next().error, Errno::kOk);
}

TEST_F(LoopbackStreamTest, ACanceledConnectLeavesItsPlaceToTheNext) {
  Queue& listening = listener(*two, 80, 1);
  now(*one, one->connect(stream(*one), here(80)));
  Queue& first = stream(*one);
  Operation& waiting = pending(one->connect(first, here(80)));
  pending(one->connect(stream(*one), here(80)));
  EXPECT_EQ(refusal(one->connect(first, here(80))), Errno::kEALREADY);
  now(*two, two->accept(listening));
  one->cancel(waiting);
  run();
  EXPECT_EQ(next().error, Errno::kECANCELED);
  EXPECT_EQ(next().error, Errno::kOk);
}

TEST_F(LoopbackStreamTest, ClosingAListenerRefusesThoseWhoWaitAndResetsThoseWhoGotIn) {
  Queue& listening = listener(*two, 80, 1);
  Queue& in = stream(*one);
  now(*one, one->connect(in, here(80)));
  pending(one->connect(stream(*one), here(80)));
  now(*two, two->close(listening));
  run();
  EXPECT_EQ(next().error, Errno::kECONNREFUSED);
  EXPECT_EQ(now(*one, one->pop(in, kAll)).error, Errno::kECONNRESET);
  Queue& idle = listener(*two, 81);
  pending(two->accept(idle));
  now(*two, two->close(idle));
  EXPECT_EQ(next(*two).error, Errno::kECANCELED);
}

TEST_F(LoopbackStreamTest, AfterTwoEndsOfWhichOneWasCanceledNothingIsPushed) {
  const auto [near, far] = established();
  option(*near, kSoSndbuf, 2048);
  option(*far, kSoRcvbuf, 2048);
  pending(push_bytes(*one, *near, bytes(5000)));
  Operation& first = pending(one->shutdown(*near, ShutdownHow::kWrite));
  pending(one->shutdown(*near, ShutdownHow::kWrite));
  one->cancel(first);
  popped(*two, *far);
  run();
  EXPECT_EQ(refusal(push(*one, *near, "x")), Errno::kEPIPE);
}

TEST_F(LoopbackStreamTest, AFailedConnectLeavesTheSocketAsItWas) {
  Queue& listening = listener(*two, 80, 1);
  now(*one, one->connect(stream(*one), here(80)));
  Queue& queue = stream(*one);
  pending(one->connect(queue, here(80)));
  pending(push(*one, queue, "x"));
  pending(one->shutdown(queue, ShutdownHow::kWrite));
  now(*two, two->close(listening));
  run();
  EXPECT_EQ(next().error, Errno::kECONNREFUSED);
  EXPECT_EQ(next().error, Errno::kENOTCONN);
  EXPECT_EQ(next().error, Errno::kENOTCONN);
  listener(*two, 80);
  now(*one, one->connect(queue, here(80)));
  EXPECT_EQ(now(*one, push(*one, queue, "x")).accepted, 1u);
}

}  // namespace
}  // namespace demi
