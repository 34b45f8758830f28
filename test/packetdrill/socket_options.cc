#include "socket_options.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace demi {

namespace {

timeval timeval_of(Duration length) {
  const int64_t microseconds = length.count_nanoseconds() / 1000;
  return {static_cast<time_t>(microseconds / 1'000'000), static_cast<suseconds_t>(microseconds % 1'000'000)};
}

int64_t set_timeout(Duration& timeout, const void* value, socklen_t length) {
  timeval time{};
  if (length < sizeof(time)) return -EINVAL;
  std::memcpy(&time, value, sizeof(time));
  if (time.tv_usec < 0 || time.tv_usec >= 1'000'000) return -EDOM;
  timeout = Duration::seconds(std::max<time_t>(time.tv_sec, 0)) + Duration::microseconds(time.tv_usec);
  return 0;
}

}  // namespace

int64_t store_option(const void* from, size_t bytes, void* value, socklen_t* length) {
  if (value == nullptr || length == nullptr) return -EFAULT;
  if (static_cast<int>(*length) < 0) return -EINVAL;
  *length = static_cast<socklen_t>(std::min<size_t>(*length, bytes));
  std::memcpy(value, from, *length);
  return 0;
}

int64_t store_option(int number, void* value, socklen_t* length) { return store_option(&number, sizeof(number), value, length); }

std::optional<int> int_option(const void* value, socklen_t length) {
  int number = 0;
  if (value == nullptr || length < sizeof(number)) return std::nullopt;
  std::memcpy(&number, value, sizeof(number));
  return number;
}

int64_t SocketOptions::get(int name, void* value, socklen_t* length) const {
  switch (name) {
    case SO_REUSEADDR:
      return store_option(reuse_address_, value, length);
    case SO_REUSEPORT:
      return store_option(reuse_port_, value, length);
    case SO_BROADCAST:
      return store_option(broadcast_, value, length);
    case SO_DOMAIN:
      return store_option(AF_INET, value, length);
    case SO_LINGER:
      return store_option(&linger_, sizeof(linger_), value, length);
    case SO_RCVTIMEO:
    case SO_SNDTIMEO: {
      const timeval time = timeval_of(name == SO_RCVTIMEO ? receive_timeout_ : send_timeout_);
      return store_option(&time, sizeof(time), value, length);
    }
    default:
      return -ENOPROTOOPT;
  }
}

int64_t SocketOptions::set(int name, const void* value, socklen_t length) {
  if (name == SO_RCVTIMEO) return set_timeout(receive_timeout_, value, length);
  if (name == SO_SNDTIMEO) return set_timeout(send_timeout_, value, length);
  if (name == SO_LINGER) {
    if (length < sizeof(linger_)) return -EINVAL;
    std::memcpy(&linger_, value, sizeof(linger_));
    return 0;
  }
  bool* flag = nullptr;
  if (name == SO_REUSEADDR) flag = &reuse_address_;
  if (name == SO_REUSEPORT) flag = &reuse_port_;
  if (name == SO_BROADCAST) flag = &broadcast_;
  if (flag == nullptr) return -ENOPROTOOPT;
  const std::optional<int> number = int_option(value, length);
  if (!number) return -EINVAL;
  *flag = *number != 0;
  return 0;
}

}  // namespace demi
