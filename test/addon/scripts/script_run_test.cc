// That a script which is wrong fails, at the right line and with the right words: a runner that passes everything would prove nothing.
#include "scripts/script_run.h"

#include <gtest/gtest.h>

#include <string>

namespace demi {
namespace {

using testing::Test;

// Up to ESTABLISHED, in 7 lines, at 0.1 s. The peer has no options but MSS.
const std::string kEstablished =
    "0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
    "+0   bind(3, ..., ...) = 0\n"
    "+0   listen(3, 1) = 0\n"
    "+0.1 < S 0:0(0) win 1000 <mss 1000>\n"
    "+0   > S. 0:0(0) ack 1 <mss 1460>\n"
    "+0   < . 1:1(0) ack 1 win 5000\n"
    "+0   accept(3, ..., ...) = 4\n";

std::string run_established(const std::string& rest) { return run_script("x.pkt", kEstablished + rest); }

TEST(ScriptRun, AScriptThatHoldsIsSilent) {
  EXPECT_EQ(run_established("+0 write(4, ..., 1000) = 1000\n"
                            "+0 > P. 1:1001(1000) ack 1 win 65535\n"
                            "+0.1 < . 1:1(0) ack 1001 win 5000\n"
                            "+9 %{ assert tcpi_state == TCP_ESTABLISHED\n"
                            "      tcpi_bytes_acked == 1000 }%\n"),
            "");
}

// --- what is sent is other than expected ---

TEST(ScriptRun, AWrongSequenceNumberIsMarked) {
  EXPECT_EQ(run_established("+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1002(1001) ack 1\n"),
            "x.pkt:9: other than expected\n"
            "  expected:  0.100000  P. 1:1002(1001) ack 1\n"
            "  got:       0.100000  P. 1:1001(1000) ack 1\n"
            "                               ^");
}

TEST(ScriptRun, SoAreFlagsAcknowledgmentAndWindow) {
  const std::string write = "+0 write(4, ..., 100) = 100\n";
  EXPECT_NE(run_established(write + "+0 > . 1:101(100) ack 1\n").find("x.pkt:9: other than expected"), std::string::npos);
  EXPECT_NE(run_established(write + "+0 > P. 1:101(100) ack 2\n").find("x.pkt:9: other than expected"), std::string::npos);
  const std::string window = run_established(write + "+0 > P. 1:101(100) ack 1 win 1\n");
  EXPECT_NE(window.find("expected:  0.100000  P. 1:101(100) ack 1 win 1\n"), std::string::npos) << window;
  EXPECT_NE(window.find("got:       0.100000  P. 1:101(100) ack 1 win 65535\n"), std::string::npos) << window;
}

TEST(ScriptRun, OptionsAreComparedInTheirOrder) {
  const std::string open = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 connect(3, ..., ...) = -1 EINPROGRESS (whatever)\n";
  EXPECT_EQ(run_script("x.pkt", open + "+0 > S 0:0(0) <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 10>\n"), "");
  EXPECT_EQ(run_script("x.pkt", open + "+0 > S 0:0(0) <...>\n"), "");
  EXPECT_NE(run_script("x.pkt", open + "+0 > S 0:0(0)\n"), "");
  EXPECT_NE(run_script("x.pkt", open + "+0 > S 0:0(0) <mss 1460,nop,wscale 10,sackOK,TS val 0 ecr 0>\n"), "");
  EXPECT_NE(run_script("x.pkt", open + "+0 > S 0:0(0) <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 10>\n"), "");
}

TEST(ScriptRun, AMissingSegmentIsMissed) {
  EXPECT_EQ(run_established("+0.5 > . 1:1(0) ack 1\n"),
            "x.pkt:8: a segment is missing\n"
            "  expected:  0.600000  . 1:1(0) ack 1\n"
            "  got:       nothing until 0.600000");
  EXPECT_NE(run_established("* > . 1:1(0) ack 1\n").find("a segment is missing"), std::string::npos) << "and what may come at any time has a bound";
}

TEST(ScriptRun, ASegmentThatNobodyExpectedIsNoticed) {
  const std::string extra = "a segment that nobody expected\n  got: 0.100000  P. 1:101(100) ack 1 win 65535";
  EXPECT_EQ(run_established("+0 write(4, ..., 100) = 100\n"), "x.pkt:8: " + extra) << "at the end";
  EXPECT_EQ(run_established("+0 write(4, ..., 100) = 100\n+0.1 read(4, ..., 1) = -1 EAGAIN\n"), "x.pkt:9: " + extra) << "before something else";
}

TEST(ScriptRun, AnotherTimeIsNoticed) {
  const std::string write = "+0 write(4, ..., 100) = 100\n";
  EXPECT_EQ(run_established(write + "+0.2 > P. 1:101(100) ack 1\n"),
            "x.pkt:9: at another time than expected\n"
            "  expected:  0.300000  P. 1:101(100) ack 1\n"
            "  got:       0.100000  P. 1:101(100) ack 1\n"
            "             ^");
  EXPECT_EQ(run_established(write + "0.1 > P. 1:101(100) ack 1\n"), "");
  EXPECT_EQ(run_established(write + "* > P. 1:101(100) ack 1\n"), "");
  EXPECT_EQ(run_established(write + "+0~+0.1 > P. 1:101(100) ack 1\n"), "");
  EXPECT_EQ(run_established(write + "0.05~0.2 > P. 1:101(100) ack 1\n"),
            "x.pkt:9: a time before that of the line above");
  EXPECT_NE(run_established(write + "+0.01~+0.1 > P. 1:101(100) ack 1\n"), "");
  EXPECT_NE(run_script("x.pkt", "--tolerance=0.01\n" + kEstablished + write + "+0.02 > P. 1:101(100) ack 1\n"), "");
  EXPECT_EQ(run_script("x.pkt", "--tolerance=0.01\n" + kEstablished + write + "+0.005 > P. 1:101(100) ack 1\n"), "");
}

TEST(ScriptRun, AnAckMayBeMissingWhereTheScriptSaysSo) {
  const std::string text = "+0 < P. 1:101(100) ack 1 win 5000\n";
  const std::string later = "+0.04 > . 1:1(0) ack 101\n";
  EXPECT_EQ(run_established(text + later), "");
  EXPECT_EQ(run_established(text + "+0 >? . 1:1(0) ack 101\n" + later), "") << "it was none";
  EXPECT_EQ(run_established(text + "+0~+0.1 >? . 1:1(0) ack 101\n"), "") << "it came";
  EXPECT_NE(run_established(text + "+0~+0.1 >? . 1:1(0) ack 51\n"), "") << "another one came";
  EXPECT_NE(run_established(text + "+0 >? P. 1:101(100) ack 1\n").find("only a pure ACK may come or not"), std::string::npos);
}

TEST(ScriptRun, TheBytesAreThoseOfTheirPlace) {
  EXPECT_EQ(run_established("+0 < P. 1:101(100) ack 1 win 5000\n+0 read(4, ..., 1000) = 100\n+0.04 > . 1:1(0) ack 101\n"), "");
}

// --- calls and assertions ---

TEST(ScriptRun, AnotherResultIsNoticed) {
  EXPECT_EQ(run_established("+0 read(4, ..., 100) = 100\n"), "x.pkt:8: another result of read\n  expected: 100 \n  got:      -1 EAGAIN");
  EXPECT_NE(run_established("+0 read(4, ..., 100) = -1 ECONNRESET (reset)\n"), "");
  EXPECT_NE(run_established("+0 read(9, ..., 100) = 0\n").find("EBADF"), std::string::npos);
}

TEST(ScriptRun, AnAssertionThatDoesNotHoldIsNoticed) {
  EXPECT_EQ(run_established("+0 %{ assert tcpi_state == TCP_CLOSE }%\n"),
            "x.pkt:8: other than asserted\n  expected: tcpi_state == TCP_CLOSE\n  got:      tcpi_state == ESTABLISHED");
  EXPECT_NE(run_established("+0 %{ assert tcpi_snd_cwnd == 10; tcpi_snd_cwnd > 10 }%\n"), "");
  EXPECT_NE(run_established("+0 %{ assert count_resets_in == 1 }%\n"), "");
}

// --- what is not known is unsupported, and never passed over ---

TEST(ScriptRun, WhatIsNotKnownIsUnsupported) {
  const auto unsupported = [](const std::string& wrong) { return wrong.find("unsupported") != std::string::npos; };
  EXPECT_EQ(run_script("x.pkt", "--ip_version=ipv4\n" + kEstablished), "x.pkt:1: unsupported directive: --ip_version=ipv4");
  EXPECT_EQ(run_established("+0 ioctl(4, SIOCINQ, [0]) = 0\n"), "x.pkt:8: unsupported call: ioctl");
  EXPECT_EQ(run_established("+0 poll([{fd=4,events=POLLIN}], 1, 0) = 0\n"), "x.pkt:8: unsupported call: poll without a descriptor");
  EXPECT_TRUE(unsupported(run_established("+0 setsockopt(4, SOL_TCP, TCP_QUICKACK, [1], 4) = 0\n")));
  EXPECT_TRUE(unsupported(run_established("+0 getsockopt(4, SOL_TCP, TCP_INFO, ..., ...) = 0\n")));
  EXPECT_TRUE(unsupported(run_established("+0 shutdown(4, SHUT_NOW) = 0\n")));
  EXPECT_TRUE(unsupported(run_established("+0...0.1 read(4, ..., 10) = 10\n")));
  EXPECT_TRUE(unsupported(run_established("+0 < A 1:1(0) ack 1\n")));
  EXPECT_TRUE(unsupported(run_established("+0 < . 1:1(0) ack 1 win 1 <mptcp>\n")));
  EXPECT_TRUE(unsupported(run_established("+0 %{ assert tcpi_nothing == 1 }%\n")));
  EXPECT_TRUE(unsupported(run_established("+0 %{ assert tcpi_state == TCP_NOTHING }%\n")));
  EXPECT_TRUE(unsupported(run_established("+0 < icmp unreachable source_quench [1:2(1)]\n")));
}

TEST(ScriptRun, WhatIsNotUnderstoodIsAnError) {
  EXPECT_EQ(run_script("x.pkt", "// nothing\n"), "x.pkt:1: a script in which nothing happens");
  EXPECT_EQ(run_script("x.pkt", "--msl=long\n" + kEstablished), "x.pkt:1: a bad value: --msl=long");
  EXPECT_EQ(run_established("--msl=1\n"), "x.pkt:8: directives come before events");
  EXPECT_EQ(run_established("`sysctl -q net`\n"), "x.pkt:8: neither a segment nor a call: `sysctl -q net`");
  EXPECT_EQ(run_established("+0 < . 1:2(0) ack 1\n"), "x.pkt:8: sequence numbers are BEGIN:END(LENGTH)");
  EXPECT_EQ(run_established("+0 < . 1:1(0)\n"), "x.pkt:8: 'ack NUMBER' and the flag '.' belong together");
  EXPECT_EQ(run_established("+0 < . 1:1(0) ack 1 <nop>\n"), "x.pkt:8: options of 1 bytes: a multiple of 4 is needed, and 40 at most");
  EXPECT_EQ(run_established("+0 < . 1:1(0) ack 1 win 5 what\n"), "x.pkt:8: not understood: what");
  EXPECT_EQ(run_established("+0.2~+0.1 > . 1:1(0) ack 1\n"),
            "x.pkt:8: both ends of a range are relative, or none, and the first is not later");
  EXPECT_EQ(run_established("+0~+0.1 < . 1:1(0) ack 1\n"), "x.pkt:8: only what is expected has a choice of times");
}

}  // namespace
}  // namespace demi
