// A whole stack with sockets in every state; the bytes are a program of frames, calls and time. Read test/addon/inet/stack_program.h first.
#include <cstddef>
#include <cstdint>

#include "inet/stack_program.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  demi::StackProgram::run(demi::Bytes(data, size));
  return 0;
}
