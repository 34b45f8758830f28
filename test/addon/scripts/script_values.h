// The names that an assertion of a script may use: those of Linux's tcp_info, some of ours beside them, and the counters of the stack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "inet/tcp/tcp_connection_info.h"
#include "inet/tcp/tcp_counters.h"
#include "scripts/script.h"

namespace demi {

// tcpi_snd_cwnd, tcpi_snd_ssthresh, tcpi_unacked, tcpi_sacked and tcpi_lost are in full segments, times in microseconds, as in Linux. Those in
// bytes are ours: tcpi_cwnd_bytes, tcpi_ssthresh_bytes, tcpi_in_flight, tcpi_pipe and so on. count_NAME is a counter of tcp_counters.h.
// Nothing if there is no such name.
std::optional<int64_t> script_value(const std::string& name, const TcpConnectionInfo& info, const TcpCounters& counters);
// A number, or the name of one: TCP_ESTABLISHED and the other states.
std::optional<int64_t> script_constant(const std::string& text);
// What is wrong with it, or nothing. `info` may be that of no connection.
std::string check_assertion(const ScriptAssertion& assertion, const TcpConnectionInfo& info, const TcpCounters& counters);

}  // namespace demi
