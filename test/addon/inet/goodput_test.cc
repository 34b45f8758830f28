// Goodput of whole stacks by loss and round trip, as a table that is kept in goodput.table beside this file: whoever changes it sees what they
// changed. Time is virtual and the seed fixed, so the same code always gives the same table.
//
//   DEMI_GOODPUT=write make -C test/addon run FILTER='GoodputTest.*'   writes it anew
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "inet/talker.h"

namespace demi {
namespace {

constexpr uint64_t kBitsPerSecond = 100'000'000;
// Of 1500 bytes, with timestamps; on the wire with an Ethernet header.
constexpr double kSegmentBytes = 1448;
constexpr double kFrameBytes = 1514;

// Bytes in a second, of one connection from `a` to `b` that begins with its handshake. Text is lost, and ACKs are not.
double goodput(double loss, int64_t rtt_ms, uint64_t bytes) {
  StackPair pair(7);
  ImpairmentConfig link;
  link.delay = Duration::milliseconds(rtt_ms) / 2;
  link.rate_bits_per_second = kBitsPerSecond;
  // What is in flight on a path that is full, once more.
  link.queue_bytes = kBitsPerSecond / 8 * static_cast<uint64_t>(rtt_ms) / 1000 + 30'000;
  pair.impair(link);
  const Connected made = connect(pair);
  link.loss = loss;
  pair.a.device->outgoing().configure(link);
  const Instant begun = pair.now;
  Talker client(pair.a, made.client, bytes);
  client.largest_write = 1'000'000;
  uint64_t received = 0;
  EXPECT_TRUE(pair.run_until([&] {
    client.act(pair.now);
    Result<SgArray> text = pair.b.stack->tcp_receive(made.server, UINT64_MAX, pair.now);
    if (text.ok()) received += text->bytes();
    return received == bytes;
  }));
  // Nothing is delayed or reordered here: whatever looks lost is.
  EXPECT_EQ(pair.a.stack->tcp_counters().spurious_recoveries, 0u) << "at a loss of " << loss << " and " << rtt_ms << " ms";
  return static_cast<double>(bytes) * 1e9 / static_cast<double>((pair.now - begun).count_nanoseconds());
}

std::string table() {
  std::string text =
      "Goodput of one connection in kB/s, 1500-byte packets, 100 Mbit/s, a queue of one round trip, CUBIC.\n"
      "rate: what the link carries of text. window: the largest receive buffer in a round trip. halving: MSS / RTT * sqrt(3/2) / sqrt(loss), what\n"
      "a window that is halved at each loss carries (Mathis and others, \"The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm\").\n\n"
      "  loss     RTT   goodput      rate    window   halving   of the least\n";
  for (const double loss : {0.0, 0.001, 0.01, 0.03}) {
    for (const int64_t rtt_ms : {10, 50, 100}) {
      const double got = goodput(loss, rtt_ms, loss > 0.005 ? 5'000'000 : 20'000'000) / 1000;
      const double rtt = static_cast<double>(rtt_ms) / 1000;
      const double rate = kBitsPerSecond / 8.0 * kSegmentBytes / kFrameBytes / 1000;
      const double window = TcpConfig().receive_buffer_max_bytes / rtt / 1000;
      const double halving = loss == 0 ? INFINITY : kSegmentBytes / rtt * std::sqrt(1.5 / loss) / 1000;
      const double least = std::min({rate, window, halving});
      char line[120];
      std::snprintf(line, sizeof line, "%5.1f %%  %3lld ms  %8.0f  %8.0f  %8.0f  %8.0f   %5.2f\n", loss * 100, static_cast<long long>(rtt_ms), got, rate,
                    window, halving, got / least);
      text += line;
      EXPECT_GT(got, least * 0.5) << line;
      // Whoever is so much faster has taken losses for none.
      EXPECT_LT(got, halving * 6) << line;
      EXPECT_LT(got, rate) << line;
    }
  }
  return text;
}

TEST(GoodputTest, IsWhatTheTableSays) {
  const std::string path = DEMI_TEST_ADDON "/inet/goodput.table";
  const std::string now_is = table();
  const char* mode = std::getenv("DEMI_GOODPUT");
  if (mode != nullptr && std::string(mode) == "write") {
    std::ofstream(path) << now_is;
    return;
  }
  std::ifstream file(path);
  std::stringstream was;
  was << file.rdbuf();
  EXPECT_EQ(now_is, was.str()) << "if that is better, DEMI_GOODPUT=write keeps it";
}

}  // namespace
}  // namespace demi
