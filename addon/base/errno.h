// Errno: every error that a call or a token can report, with Linux's numbers on every platform.
#pragma once

#include <cstdint>

namespace demi {

// X(name, Linux number): one list, so that the names and the numbers cannot drift apart.
#define DEMI_ERRNO_LIST(X) \
  X(EPERM, 1)              \
  X(EIO, 5)                \
  X(EBADF, 9)              \
  X(EAGAIN, 11)            \
  X(ENOMEM, 12)            \
  X(EACCES, 13)            \
  X(EFAULT, 14)            \
  X(EEXIST, 17)            \
  X(EBUSY, 16)             \
  X(ENODEV, 19)            \
  X(EINVAL, 22)            \
  X(EMFILE, 24)            \
  X(EPIPE, 32)             \
  X(EDEADLK, 35)           \
  X(ENOENT, 2)             \
  X(EDESTADDRREQ, 89)      \
  X(EMSGSIZE, 90)          \
  X(EPROTOTYPE, 91)        \
  X(ENOPROTOOPT, 92)       \
  X(EPROTONOSUPPORT, 93)   \
  X(EOPNOTSUPP, 95)        \
  X(ENOTSUP, 95)           \
  X(EAFNOSUPPORT, 97)      \
  X(EADDRINUSE, 98)        \
  X(EADDRNOTAVAIL, 99)     \
  X(ENETDOWN, 100)         \
  X(ENETUNREACH, 101)      \
  X(ECONNABORTED, 103)     \
  X(ECONNRESET, 104)       \
  X(ENOBUFS, 105)          \
  X(EISCONN, 106)          \
  X(ENOTCONN, 107)         \
  X(ETIMEDOUT, 110)        \
  X(ECONNREFUSED, 111)     \
  X(EHOSTUNREACH, 113)     \
  X(EALREADY, 114)         \
  X(EINPROGRESS, 115)      \
  X(ECANCELED, 125)

// The names carry a k because <cerrno> makes macros of the bare ones.
// Small: what is kept for each connection has several.
enum class Errno : int16_t {
  kOk = 0,
#define DEMI_ERRNO_ENUMERATOR(name, number) k##name = number,
  DEMI_ERRNO_LIST(DEMI_ERRNO_ENUMERATOR)
#undef DEMI_ERRNO_ENUMERATOR
};

// "ECONNREFUSED" for Errno::kECONNREFUSED; "OK" for kOk; "EUNKNOWN" for a number that is not in the list.
const char* errno_name(Errno error);

}  // namespace demi
