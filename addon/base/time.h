// Duration and Instant: nanoseconds with a type, so that a length of time is never taken for a point in time.
// An Instant means nothing by itself: it is read from a Clock, and only Instants of the same Clock can be compared.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace demi {

class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration nanoseconds(int64_t n) { return Duration(n); }
  static constexpr Duration microseconds(int64_t n) { return Duration(n * 1'000); }
  static constexpr Duration milliseconds(int64_t n) { return Duration(n * 1'000'000); }
  static constexpr Duration seconds(int64_t n) { return Duration(n * 1'000'000'000); }

  constexpr int64_t count_nanoseconds() const { return nanoseconds_; }
  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration other) const { return Duration(nanoseconds_ + other.nanoseconds_); }
  constexpr Duration operator-(Duration other) const { return Duration(nanoseconds_ - other.nanoseconds_); }
  constexpr Duration operator*(int64_t factor) const { return Duration(nanoseconds_ * factor); }
  constexpr Duration operator/(int64_t divisor) const { return Duration(nanoseconds_ / divisor); }

 private:
  explicit constexpr Duration(int64_t n) : nanoseconds_(n) {}
  int64_t nanoseconds_ = 0;
};

class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant from_nanoseconds(int64_t n) { return Instant(n); }
  // Later than every other Instant; what a deadline is when there is none.
  static constexpr Instant never() { return Instant(std::numeric_limits<int64_t>::max()); }

  constexpr int64_t nanoseconds() const { return nanoseconds_; }
  constexpr bool is_never() const { return *this == never(); }
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Duration operator-(Instant other) const { return Duration::nanoseconds(nanoseconds_ - other.nanoseconds_); }
  // Saturates at never(), so that never() + anything stays never().
  constexpr Instant operator+(Duration length) const {
    int64_t sum = 0;
    if (is_never() || __builtin_add_overflow(nanoseconds_, length.count_nanoseconds(), &sum)) return never();
    return Instant(sum);
  }

 private:
  explicit constexpr Instant(int64_t n) : nanoseconds_(n) {}
  int64_t nanoseconds_ = 0;
};

}  // namespace demi
