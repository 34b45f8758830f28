// SimulatedApplication: what uses one end of a connection in a simulation. It sends and reads in pieces and with pauses as its plan says, and
// acts only when an event or its own clock tells it to, as a real one does: an event that is forgotten ends in silence.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "base/random.h"
#include "inet/stack_pair.h"
#include "inet/tcp/known_text.h"

namespace demi {

// When an end that has sent everything closes.
enum class ClosingStyle : uint8_t {
  kHalfClose,    // its half at once, the rest when the other's end has come
  kAfterPeer,    // when the other's end has come
  kWhenServed,   // all of it, when as much as it waits for has come: the other's end arrives at nobody
};

struct ApplicationPlan {
  uint64_t first_place = 0;             // of its stream: tells its text from everybody else's
  uint64_t sending_bytes = 0;
  uint64_t expected_bytes = 0;
  uint64_t expected_place = 0;
  uint64_t largest_write = 20'000;
  uint64_t largest_read = 100'000;
  Duration write_pause;                 // at most so long between two writes
  Duration read_pause;
  uint64_t stalls_at = UINT64_MAX;      // having read so much it reads nothing for a while
  Duration stall;
  ClosingStyle closing = ClosingStyle::kHalfClose;
  bool nagle = true;
  uint32_t send_buffer = 0;             // 0: as the stack says
  uint32_t receive_buffer = 0;
  Duration keepalive;                   // zero: none
  uint64_t aborts_at = UINT64_MAX;      // having sent and read so much in all
  bool aborts_by_close = false;         // and not by ABORT: then unread text, or text that comes, is what resets
};

class SimulatedApplication {
 public:
  SimulatedApplication(PairedHost& host, const ApplicationPlan& plan, uint64_t seed) : plan_(plan), host_(host), random_(seed) {}

  // The connection has been begun, or accepted: then it is `open`.
  void take(SocketHandle socket, bool is_open, Instant now) {
    socket_ = socket;
    is_open_ = is_open;
    error_ = Errno::kOk;
    TcpConnection& connection = *host_.stack->tcp_connection(socket);
    connection.set_nagle(plan_.nagle);
    if (plan_.send_buffer > 0) connection.set_send_buffer(plan_.send_buffer);
    if (plan_.receive_buffer > 0) connection.set_receive_buffer(plan_.receive_buffer);
    if (plan_.keepalive > Duration()) {
      // As many probes as it takes: it must find a peer that is gone, and no link ends it.
      connection.set_keepalive_times(plan_.keepalive, Duration::seconds(30), 250);
      connection.set_keepalive(true, now);
    }
    host_.stack->touch(socket);
    is_readable_ = is_writable_ = true;
  }

  void handle_event(SocketEventKind kind) {
    is_open_ = is_open_ || kind == SocketEventKind::kConnected;
    is_readable_ = is_readable_ || kind == SocketEventKind::kReadable || kind == SocketEventKind::kClosed;
    is_writable_ = is_writable_ || kind == SocketEventKind::kWritable || kind == SocketEventKind::kClosed;
    has_closed_event_ = has_closed_event_ || kind == SocketEventKind::kClosed;
  }

  // Whatever is to be done now. Returns what is wrong, "" for nothing.
  std::string act(Instant now) {
    if (!socket_) return "";
    if (!is_open_) {
      if (has_closed_event_) give_up(host_.stack->tcp_connection(socket_)->error(), now);
      return "";
    }
    write(now);
    std::string wrong = read(now);
    if (wrong.empty() && socket_) wrong = close_if_done(now);
    return wrong;
  }

  // When to act at the latest if no event comes.
  Instant due() const {
    if (!socket_ || !is_open_) return Instant::never();
    Instant next = Instant::never();
    if (is_writable_ && sent_ < plan_.sending_bytes) next = std::min(next, next_write_);
    if (is_readable_ && !ended_) next = std::min(next, next_read_);
    return next;
  }

  bool has_socket() const { return static_cast<bool>(socket_); }
  SocketHandle socket() const { return socket_; }
  bool is_open() const { return is_open_; }
  // Its use is over, well or not.
  bool is_done() const { return is_done_; }
  Errno error() const { return error_; }
  bool has_aborted() const { return has_aborted_; }
  bool is_served() const { return received_ == plan_.expected_bytes && (ended_ || plan_.closing == ClosingStyle::kWhenServed); }
  uint64_t reads() const { return reads_; }
  const ApplicationPlan& plan() const { return plan_; }
  PairedHost& host() { return host_; }
  // It may try anew: nothing has happened yet.
  void forget() {
    is_done_ = has_closed_event_ = is_open_ = false;
  }

  std::string describe() const {
    std::string text = "sent " + std::to_string(sent_) + "/" + std::to_string(plan_.sending_bytes) + " received " + std::to_string(received_) + "/" +
                       std::to_string(plan_.expected_bytes) + (ended_ ? " ended" : "") + (is_shut_ ? " shut" : "") + (is_done_ ? " done" : "") +
                       " error " + errno_name(error_);
    if (!socket_) return text;
    const TcpConnectionInfo info = host_.stack->tcp_connection(socket_)->info();
    return text + " " + tcp_state_name(info.state) + " acked " + std::to_string(info.bytes_acked) + " in flight " + std::to_string(info.in_flight) +
           " cwnd " + std::to_string(info.cwnd) + " windows " + std::to_string(info.send_window) + "/" + std::to_string(info.receive_window) +
           " mss " + std::to_string(info.mss);
  }

 private:
  bool is_to_abort() const { return sent_ + received_ >= plan_.aborts_at; }

  void write(Instant now) {
    while (is_writable_ && sent_ < plan_.sending_bytes && now >= next_write_ && !is_to_abort()) {
      const uint64_t count = 1 + random_.below(std::min(plan_.sending_bytes - sent_, plan_.largest_write));
      SgArray text = text_if_there_is_room(host_.memory, plan_.first_place + sent_, count);
      if (text.empty()) {
        next_write_ = now + Duration::milliseconds(20);
        return;
      }
      Result<uint64_t> taken = host_.stack->tcp_send(socket_, text, now);
      // What ended the connection is read, behind what came before it.
      if (!taken.ok() || *taken < count) is_writable_ = false;
      if (!taken.ok()) return;
      sent_ += *taken;
      if (plan_.write_pause > Duration()) next_write_ = now + up_to(plan_.write_pause);
    }
  }

  std::string read(Instant now) {
    while (is_readable_ && now >= next_read_ && !is_to_abort()) {
      Result<SgArray> text = host_.stack->tcp_receive(socket_, 1 + random_.below(plan_.largest_read), now);
      if (!text.ok() && text.error() == Errno::kEAGAIN) {
        is_readable_ = false;
        return "";
      }
      if (!text.ok()) {
        give_up(text.error(), now);
        return "";
      }
      ++reads_;
      if (text->empty()) {
        ended_ = true;
        is_readable_ = false;
        return "";
      }
      if (ended_) return "text behind the end";
      if (!is_text_at(*text, plan_.expected_place + received_)) return "other bytes arrived than were sent";
      const uint64_t before = received_;
      received_ += text->bytes();
      if (plan_.read_pause > Duration()) next_read_ = now + up_to(plan_.read_pause);
      if (before < plan_.stalls_at && received_ >= plan_.stalls_at) next_read_ = now + plan_.stall;
    }
    return "";
  }

  std::string close_if_done(Instant now) {
    if (is_to_abort()) {
      has_aborted_ = true;
      // After ABORT the socket is gone already.
      if (!plan_.aborts_by_close && !host_.stack->tcp_abort(socket_, now).ok()) return "an abort was refused";
      finish(now);
      return "";
    }
    if (sent_ < plan_.sending_bytes) return "";
    if (plan_.closing == ClosingStyle::kWhenServed && received_ == plan_.expected_bytes) {
      finish(now);
      return "";
    }
    if (!is_shut_ && (plan_.closing != ClosingStyle::kAfterPeer || ended_)) {
      is_shut_ = true;
      if (!host_.stack->tcp_shutdown_send(socket_, now).ok()) return "a shutdown was refused";
    }
    if (!is_shut_ || !ended_) return "";
    // Exactly one end: it stays the end.
    Result<SgArray> again = host_.stack->tcp_receive(socket_, 1, now);
    if (again.ok() ? !again->empty() : again.error() == Errno::kEAGAIN) return "the end of the stream was none";
    finish(now);
    return "";
  }

  void give_up(Errno error, Instant now) {
    error_ = error;
    finish(now);
  }
  void finish(Instant now) {
    (void)host_.stack->close(socket_, now);
    socket_ = SocketHandle();
    is_done_ = true;
  }
  Duration up_to(Duration length) { return Duration::nanoseconds(static_cast<int64_t>(random_.below(static_cast<uint64_t>(length.count_nanoseconds()) + 1))); }

  const ApplicationPlan plan_;
  PairedHost& host_;
  Random random_;
  SocketHandle socket_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t reads_ = 0;
  Instant next_write_;
  Instant next_read_;
  Errno error_ = Errno::kOk;
  bool is_open_ = false;
  bool is_readable_ = false;
  bool is_writable_ = false;
  bool has_closed_event_ = false;
  bool is_shut_ = false;
  bool ended_ = false;
  bool is_done_ = false;
  bool has_aborted_ = false;
};

}  // namespace demi
