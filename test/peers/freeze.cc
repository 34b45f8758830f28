// Kills the children of a process while its main thread stands still in the middle of a library, and lets it go on: make -C test/peers, then
//
//   freeze PID LIBRARY
//
// LIBRARY is a part of the name of a shared object that is mapped there. For what two threads must never do at once, and seldom do. It prints how it went: `went on`
// when the process lives a little later. Then, and only then, the status is 0.

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Of its code.
Range range_of(const std::string& process, const std::string& library) {
  std::ifstream maps(process + "/maps");
  for (std::string line; std::getline(maps, line);) {
    Range range;
    if (line.find(library) == std::string::npos || line.find(" r-xp ") == std::string::npos) continue;
    if (std::sscanf(line.c_str(), "%lx-%lx", &range.begin, &range.end) == 2) return range;
  }
  return {};
}

void kill_children(const std::string& process, const std::string& thread) {
  std::ifstream list(process + "/task/" + thread + "/children");
  for (int child = 0; list >> child;) {
    if (child != ::getpid()) ::kill(child, SIGKILL);
  }
}

uint64_t program_counter(int pid) {
  user_regs_struct registers{};
  iovec whole{&registers, sizeof registers};
  ::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &whole);
#ifdef __x86_64__
  return registers.rip;
#else
  return registers.pc;
#endif
}

int fail(const char* why) {
  std::printf("%s\n", why);
  return 1;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return fail("freeze PID LIBRARY");
  const int pid = std::atoi(words[1]);
  const std::string process = "/proc/" + std::to_string(pid);
  const Range code = range_of(process, words[2]);
  if (code.end == 0) return fail("there is no such library");
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return fail("it may not be traced");
  constexpr int kTries = 100'000;
  for (int i = 0; i < kTries; ++i) {
    ::usleep(100 + static_cast<unsigned>(std::rand()) % 400);
    ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
    int status = 0;
    if (::waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) return fail("it has ended before");
    const uint64_t at = program_counter(pid);
    const bool is_inside = at >= code.begin && at < code.end;
    if (is_inside) {
      kill_children(process, std::to_string(pid));
      // Long enough for the other threads to do about it what they do.
      ::usleep(100'000);
    }
    // A signal that came just now is its own.
    const intptr_t signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    if (!is_inside) {
      ::ptrace(PTRACE_CONT, pid, nullptr, signal);
      continue;
    }
    ::ptrace(PTRACE_DETACH, pid, nullptr, signal);
    ::usleep(200'000);
    char state = 0;
    std::ifstream file(process + "/stat");
    std::string word;
    file >> word >> word >> state;
    return state == 0 || state == 'Z' || state == 'X' ? fail("it has crashed") : (std::printf("went on\n"), 0);
  }
  return fail("it was never there");
}
