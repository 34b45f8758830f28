// ScriptHost: the host under test: connections, a listener and sockets over them, in virtual time. It does for one local port (8080) what a stack
// does around inet/tcp: it finds the connection of a segment, lets TIME-WAIT give way, and resets what belongs to nobody.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inet/tcp/tcp_connection.h"
#include "inet/tcp/tcp_listener.h"
#include "scripts/script.h"

namespace demi {

class ScriptHost {
 public:
  static constexpr uint16_t kLocalPort = 8080;

  struct Sent {
    Instant at;
    int peer = 1;
    ScriptSegment segment;
    bool text_is_right = true;  // the bytes that the script wrote
  };
  // As POSIX has it: -1 comes with an error.
  struct CallResult {
    int64_t value = 0;
    Errno error = Errno::kOk;
    std::string complaint;  // the call is not known, or what it brought is wrong: then nothing else counts
  };

  explicit ScriptHost(const ScriptConfig& config);
  ~ScriptHost();

  Instant now() const { return now_; }
  // When something happens without anybody's doing.
  Instant next_deadline() const;
  // Everything that is due up to `time` happens, each at its own time.
  void advance_to(Instant time);

  void inject(int peer, const ScriptSegment& segment);
  // False if there is no such message.
  bool inject_icmp(int peer, const ScriptIcmp& icmp);
  CallResult call(const ScriptCall& call);

  // What left and was not looked at yet.
  std::deque<Sent>& sent() { return sent_; }
  // The connection that was made last, by connect or accept; nullptr if there is none.
  const TcpConnection* last_connection() const { return last_; }
  const TcpCounters& counters() const { return resources_.counters; }
  // Gives everything back; says what is missing, if something is.
  std::string finish();

 private:
  // What the challenge ACKs of a connection are varied by; the low half begins the timestamps.
  static constexpr uint64_t kEntropy = uint64_t{0x1234567} << 32;

  struct Peer {
    uint16_t port = 0;
    SeqNumber iss;  // ours
    SeqNumber irs;
    TcpConnection* connection = nullptr;  // of the tuple, now
  };
  struct Connection {
    std::unique_ptr<TcpConnection> tcp;
    int peer = 1;
    uint64_t sent_bytes = 0;
    uint64_t read_bytes = 0;
    Instant linger_until = Instant::never();
    // Zero: what the configuration says.
    Duration keepalive_idle;
    Duration keepalive_interval;
    uint8_t keepalive_probes = 0;
  };
  // What setsockopt said before there was a connection stays for the one that comes.
  struct Socket {
    bool is_open = true;
    Connection* connection = nullptr;
    std::unique_ptr<TcpListener> listener;
    std::vector<ScriptCall> options;
    bool lingers = false;
    Duration linger;
    bool error_was_told = false;
  };

  Peer& peer_of(int number);
  TcpTuple tuple_of(const Peer& peer) const;
  void dispatch(int number, const TcpHeader& header, SgArray text);
  void reset(int number, const TcpHeader& segment, uint32_t text_length);
  void make_connection(int number, TcpListener::Opened opened, const TcpHeader& header, SgArray text);
  Connection& add_connection(int number, const TcpOpen& open);
  void transmit_all();
  void note_sent(int number, const OutgoingSegment& out, bool is_of_nobody);
  Socket* find_socket(int64_t fd);
  TcpListener* listener();

  CallResult connect(Socket& socket);
  CallResult accept(Socket& socket);
  CallResult write(Socket& socket, uint64_t length);
  CallResult read(Socket& socket, uint64_t length);
  CallResult shutdown(Socket& socket, const std::string& how);
  CallResult close(Socket& socket);
  CallResult set_option(Socket& socket, const ScriptCall& call);
  CallResult get_option(Socket& socket, const ScriptCall& call);
  CallResult call_on(Socket& socket, const ScriptCall& call);
  bool apply_option(Socket& socket, const ScriptCall& call);

  ScriptConfig config_;
  Memory memory_;
  TcpResources resources_;
  HalfOpenPool half_opens_;
  SipHashKey secret_{1, 2};
  Instant now_;
  std::map<int, Peer> peers_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<int64_t, Socket> sockets_;
  std::deque<Sent> sent_;
  OutgoingSegment out_;
  int64_t next_fd_ = 3;
  TcpConnection* last_ = nullptr;
};

}  // namespace demi
