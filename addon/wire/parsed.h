// Parsed<T>: what the bytes from a wire mean, or the ParseError that says why they mean nothing. What the network sends is never an
// Errno: nobody is told, but the stack drops it under a counter of this reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/assert.h"

namespace demi {

// X(enumerator, name of the counter): one list, so that the two cannot drift apart.
#define DEMI_PARSE_ERROR_LIST(X)                    \
  X(kNone, "none")                                  \
  /* fewer bytes than the shortest header */        \
  X(kTruncated, "truncated")                        \
  X(kBadVersion, "bad_version")                     \
  /* a header that claims to be shorter than the shortest, or longer than what there is */ \
  X(kBadHeaderLength, "bad_header_length")          \
  /* a length field that is less than its own header, or more than what there is */ \
  X(kBadLength, "bad_length")                       \
  /* a fragment that is no multiple of 8 bytes, or ends behind the longest datagram */ \
  X(kBadFragment, "bad_fragment")                   \
  /* an option, or an extension header, that forbids that the rest is used */ \
  X(kBadOption, "bad_option")                       \
  /* an IPv6 header in a place where it must not be, or a route to follow */ \
  X(kBadExtension, "bad_extension")                 \
  X(kTooManyExtensions, "too_many_extensions")      \
  /* a field with a value that makes the message invalid */ \
  X(kBadValue, "bad_value")                         \
  /* well-formed, and of a kind that we do not speak */ \
  X(kUnsupported, "unsupported")

enum class ParseError : uint8_t {
#define DEMI_PARSE_ERROR_ENUMERATOR(enumerator, name) enumerator,
  DEMI_PARSE_ERROR_LIST(DEMI_PARSE_ERROR_ENUMERATOR)
#undef DEMI_PARSE_ERROR_ENUMERATOR
};

// For arrays of counters by reason.
#define DEMI_PARSE_ERROR_ONE(enumerator, name) +1
constexpr size_t kParseErrorCount = 0 DEMI_PARSE_ERROR_LIST(DEMI_PARSE_ERROR_ONE);
#undef DEMI_PARSE_ERROR_ONE

constexpr const char* parse_error_name(ParseError error) {
  constexpr const char* kNames[] = {
#define DEMI_PARSE_ERROR_NAME(enumerator, name) name,
      DEMI_PARSE_ERROR_LIST(DEMI_PARSE_ERROR_NAME)
#undef DEMI_PARSE_ERROR_NAME
  };
  return kNames[static_cast<size_t>(error)];
}

// T is a view or a plain struct: nothing that would have to be destroyed.
template <class T>
class [[nodiscard]] Parsed {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  Parsed(const T& value) : value_(value) {}
  Parsed(ParseError error) : error_(error) { DEMI_ASSERT(error != ParseError::kNone, "a failed Parsed needs a reason"); }

  bool ok() const { return error_ == ParseError::kNone; }
  explicit operator bool() const { return ok(); }
  // kNone when there is a value.
  ParseError error() const { return error_; }
  const T& operator*() const {
    DEMI_ASSERT(ok(), "the value of a failed Parsed");
    return value_;
  }
  const T* operator->() const { return &**this; }

 private:
  ParseError error_ = ParseError::kNone;
  union {
    T value_;
  };
};

}  // namespace demi
