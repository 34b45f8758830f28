// SocketOptions: what setsockopt(2) has said of any kind of socket, and the conversions of option values.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace demi {

// getsockopt(2): a value cut off at *length, which is then the bytes that were stored. EFAULT without a place, EINVAL for a negative length.
int64_t store_option(const void* from, size_t bytes, void* value, socklen_t* length);
int64_t store_option(int number, void* value, socklen_t* length);
// setsockopt(2): nothing when there are too few bytes.
std::optional<int> int_option(const void* value, socklen_t length);

class SocketOptions {
 public:
  // Those of SOL_SOCKET that are only remembered. -ENOPROTOOPT when `name` is none of them.
  int64_t get(int name, void* value, socklen_t* length) const;
  int64_t set(int name, const void* value, socklen_t length);

  bool reuses_address() const { return reuse_address_ || reuse_port_; }
  bool lingers() const { return linger_.l_onoff != 0; }
  Duration linger_time() const { return Duration::seconds(linger_.l_linger); }
  // Until when a call that begins now waits.
  Instant receive_deadline(Instant now) const { return now + (receive_timeout_ > Duration() ? receive_timeout_ : kForEver); }
  Instant send_deadline(Instant now) const { return now + (send_timeout_ > Duration() ? send_timeout_ : kForEver); }

 private:
  static constexpr Duration kForEver = Duration::nanoseconds(INT64_MAX);

  bool reuse_address_ = false;
  bool reuse_port_ = false;
  bool broadcast_ = false;
  linger linger_{};
  Duration receive_timeout_;
  Duration send_timeout_;
};

}  // namespace demi
