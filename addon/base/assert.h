// DEMI_ASSERT: our own bugs, caught in release builds too. What a caller or the network does wrong is never an assertion.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace demi {

[[noreturn]] inline void assertion_failed(const char* condition, const char* message, const char* file, int line) {
  std::fprintf(stderr, "demi-io: internal error at %s:%d: %s (%s). This is a bug in demi-io, please report it.\n", file, line,
               message, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace demi

#define DEMI_ASSERT(condition, message)                                          \
  do {                                                                           \
    if (!(condition)) [[unlikely]]                                               \
      ::demi::assertion_failed(#condition, (message), __FILE__, __LINE__);       \
  } while (false)
