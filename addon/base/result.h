// Result<T>: a value, or the Errno that says why there is none. The only way in which a call reports what a caller may see.
#pragma once

#include <new>
#include <utility>

#include "base/assert.h"
#include "base/errno.h"

namespace demi {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Errno error) : error_(error) { DEMI_ASSERT(error != Errno::kOk, "a failed Result needs an error"); }
  Result(Result&& other) noexcept : error_(other.error_) {
    if (ok()) new (&value_) T(std::move(other.value_));
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  Result& operator=(Result&&) = delete;
  ~Result() {
    if (ok()) value_.~T();
  }

  bool ok() const { return error_ == Errno::kOk; }
  explicit operator bool() const { return ok(); }
  // kOk when there is a value.
  Errno error() const { return error_; }
  T& value() {
    DEMI_ASSERT(ok(), "value() of a failed Result");
    return value_;
  }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }

 private:
  Errno error_ = Errno::kOk;
  union {
    T value_;
  };
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Errno error) : error_(error) {}

  bool ok() const { return error_ == Errno::kOk; }
  explicit operator bool() const { return ok(); }
  Errno error() const { return error_; }

 private:
  Errno error_ = Errno::kOk;
};

}  // namespace demi
