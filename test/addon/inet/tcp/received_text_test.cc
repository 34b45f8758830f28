#include "inet/tcp/received_text.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "inet/tcp/tcp_fixture.h"
#include "memory/memory.h"

namespace demi {
namespace {

TEST(ReceivedTextTest, IsIdleWithoutTextAndWithoutAnythingToSayOfIt) {
  Memory memory;
  ReceivedText text(memory.segments());
  EXPECT_TRUE(text.is_idle());
  const std::array<uint8_t, 3> bytes{1, 2, 3};
  ASSERT_TRUE(memory.copy_whole(bytes, text.queue));
  EXPECT_FALSE(text.is_idle()) << "nobody has read it";
  text.queue.clear();
  EXPECT_TRUE(text.is_idle());
  text.duplicate = {SeqNumber(10), SeqNumber(20)};
  EXPECT_FALSE(text.is_idle()) << "the peer is to be told";
  text.duplicate = {};
  EXPECT_TRUE(text.is_idle());
}

// A busy connection keeps its place for text, and an idle one gives it back.
class ReceivedTextOfAConnectionTest : public TcpTest {};

TEST_F(ReceivedTextOfAConnectionTest, GoesBackToItsPoolWhenTheConnectionRests) {
  established();
  EXPECT_EQ(resources.received_texts.live(), 0u);
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(resources.received_texts.live(), 1u);
  connection->rest();
  EXPECT_EQ(resources.received_texts.live(), 1u) << "it holds text";
  EXPECT_EQ(read(), 100u);
  EXPECT_EQ(resources.received_texts.live(), 1u) << "more may come at once";
  connection->rest();
  EXPECT_EQ(resources.received_texts.live(), 0u);
  in("P. 101:201(100) ack 1 win 10000");
  EXPECT_EQ(read(), 100u);
}

}  // namespace
}  // namespace demi
