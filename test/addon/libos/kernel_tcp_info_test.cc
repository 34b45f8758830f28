#include "libos/kernel_tcp_info.h"

#include "libos/catnap_fixture.h"

namespace demi {
namespace {

class KernelTcpInfoTest : public CatnapFixture {};

TEST_F(KernelTcpInfoTest, TellsWhatTheConnectionHasDone) {
  const Connection made = established(Family::kIPv4);
  ASSERT_EQ(finish(a.push(made.client, pattern(1000), true)), "ok");
  const Result<TcpInfo> told = a.queue(made.client).tcp_info();
  ASSERT_TRUE(told.ok());
  const TcpInfo info = *const_cast<Result<TcpInfo>&>(told);
  EXPECT_EQ(info.state, 1u);  // ESTABLISHED
  EXPECT_GE(info.bytes_acked, 1000u);
  EXPECT_GT(info.snd_mss, 500u);
  EXPECT_GT(info.snd_cwnd, 0u);
  EXPECT_EQ(info.unacked, 0u);
}

TEST_F(KernelTcpInfoTest, KnowsASocketThatListens) {
  EXPECT_EQ(a.queue(listening(a, Family::kIPv4)).tcp_info()->state, 10u);
}

TEST_F(KernelTcpInfoTest, IsRefusedForWhatIsNoTcpSocket) {
  const RawSocket datagram(Family::kIPv4, SOCK_DGRAM);
  EXPECT_FALSE(kernel_tcp_info(datagram.fd()).ok());
  EXPECT_EQ(kernel_tcp_info(-1).error(), Errno::kEBADF);
}

}  // namespace
}  // namespace demi
