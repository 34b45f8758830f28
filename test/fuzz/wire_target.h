// A fuzz target is one function of exercise.h: libFuzzer calls it with bytes, and what goes wrong ends the process.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/exercise.h"

#define DEMI_FUZZ_TARGET(exercise)                                          \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    exercise(demi::Bytes(data, size));                                      \
    return 0;                                                               \
  }
