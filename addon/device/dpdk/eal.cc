#include "device/dpdk/eal.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include "device/dpdk/eal_arguments.h"

namespace demi::dpdk {

namespace {

// Lines of DPDK that are kept for an error, and how long one may be.
constexpr size_t kLinesKept = 3;
constexpr size_t kLineBytesMax = 200;

struct Process {
  std::mutex mutex;
  bool is_started = false;
  std::vector<std::string> arguments;  // as they were given
  std::string runtime_folder;          // ours to remove
  std::unique_ptr<MemifRelay> relay;   // from the start on, if there are vdevs of memif
  std::mutex words_mutex;
  std::string line;                    // that is not complete yet
  std::vector<std::string> last_lines;
};

// Never destroyed: threads of EAL may still log while the process ends.
Process& process() {
  static Process& only = *new Process;
  return only;
}

// How often this thread has entered. EAL's own number of a thread is thread-local as well, and ours to give back.
thread_local unsigned entered = 0;

ssize_t keep_words(void*, const char* text, size_t bytes) {
  Process& eal = process();
  std::lock_guard lock(eal.words_mutex);
  for (size_t i = 0; i < bytes; ++i) {
    if (text[i] != '\n') {
      if (eal.line.size() < kLineBytesMax) eal.line += text[i];
      continue;
    }
    if (!eal.line.empty()) eal.last_lines.push_back(std::exchange(eal.line, {}));
    if (eal.last_lines.size() > kLinesKept) eal.last_lines.erase(eal.last_lines.begin());
  }
  return static_cast<ssize_t>(bytes);
}

// What DPDK says goes into our errors, unless the user has asked for its log.
void keep_what_is_said(const std::vector<std::string>& given) {
  const auto is_about_log = [](const std::string& argument) { return argument.starts_with("--log-level") || argument.starts_with("--syslog"); };
  if (std::any_of(given.begin(), given.end(), is_about_log)) return;
  cookie_io_functions_t functions{};
  functions.write = keep_words;
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream == nullptr) return;
  setvbuf(stream, nullptr, _IONBF, 0);
  rte_openlog_stream(stream);
}

std::string allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string text;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return "0";
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) text += (text.empty() ? "" : ",") + std::to_string(cpu);
  }
  return text.empty() ? "0" : text;
}

void remove_folder(const std::string& path) {
  if (DIR* folder = opendir(path.c_str())) {
    while (const dirent* entry = readdir(folder)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") unlink((path + "/" + name).c_str());
    }
    closedir(folder);
  }
  rmdir(path.c_str());
}

// A process that was killed could not remove its own.
void remove_folders_of_the_dead(const std::string& own) {
  const size_t slash = own.find_last_of('/');
  if (slash == std::string::npos) return;
  const std::string parent = own.substr(0, slash);
  DIR* folder = opendir(parent.c_str());
  if (folder == nullptr) return;
  std::vector<std::string> dead;
  while (const dirent* entry = readdir(folder)) {
    int id = 0;
    char behind = 0;
    if (std::sscanf(entry->d_name, "demi-%d%c", &id, &behind) != 1 || id <= 0) continue;
    if (kill(id, 0) != 0 && errno == ESRCH) dead.push_back(parent + "/" + entry->d_name);
  }
  closedir(folder);
  for (const std::string& path : dead) remove_folder(path);
}

void remove_own_folder() { remove_folder(process().runtime_folder); }

// It sleeps until a peer comes or goes. Signals are for threads that know what to do about them.
void run_relay(MemifRelay& relay) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([&relay] {
    for (;;) relay.turn(-1);
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void begin_with(const EalArguments& prepared, int& result, int& error) {
  std::vector<char*> pointers;
  for (const std::string& argument : prepared.arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  const int count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  // EAL exchanges the pointers.
  result = rte_eal_init(count, pointers.data());
  error = rte_errno;
}

}  // namespace

int fail(demi_dpdk_problem* problem, int error, const std::string& sentence) {
  std::snprintf(problem->text, sizeof problem->text, "%s", sentence.c_str());
  return error > 0 ? -error : -EIO;
}

std::string take_last_words() {
  Process& eal = process();
  std::lock_guard lock(eal.words_mutex);
  std::string words;
  for (const std::string& line : eal.last_lines) words += (words.empty() ? "" : " / ") + line;
  eal.last_lines.clear();
  return words;
}

int start_eal(const std::vector<std::string>& arguments, demi_dpdk_problem* problem) {
  Process& eal = process();
  std::lock_guard lock(eal.mutex);
  if (eal.is_started) {
    if (arguments == eal.arguments) return 0;
    std::string before;
    for (const std::string& argument : eal.arguments) before += " " + argument;
    return fail(problem, EEXIST, "EAL is started once in a process, and it runs with other arguments already:" + before + ".");
  }
  const EalArguments prepared = prepare_eal_arguments(arguments, getpid(), allowed_cpus());
  if (!prepared.problem.empty()) return fail(problem, prepared.error, prepared.problem);
  int result = -1;
  int error = 0;
  if (!prepared.memif_ports.empty()) {
    auto relay = std::make_unique<MemifRelay>();
    const std::string wrong = relay->open(prepared.memif_ports, getpid(), error);
    if (!wrong.empty()) return fail(problem, error, wrong);
    eal.relay = std::move(relay);
  }
  keep_what_is_said(arguments);
  // In a thread that ends with it: EAL pins the thread that starts it, and all that this one starts inherit that.
  std::thread starter(begin_with, std::cref(prepared), std::ref(result), std::ref(error));
  starter.join();
  // What was said of devices is kept for who asks for one that is not there.
  if (result < 0) {
    eal.relay.reset();
    const std::string said = take_last_words();
    const std::string because = said.empty() ? std::strerror(error) : said;
    if (error == EALREADY) {
      return fail(problem, error, "EAL has failed to start before in this process, and cannot be tried again: start the process anew.");
    }
    // EACCES, too.
    if (because.find("hugepage information") != std::string::npos) {
      return fail(problem, ENOMEM, "EAL finds no hugepages: reserve some, as by 'sysctl -w vm.nr_hugepages=1024', or have '--no-huge' in dpdk.eal. It says: " + because + ".");
    }
    if (error == EACCES || error == EPERM) return fail(problem, EPERM, "EAL has not the rights that it needs: run as root. It says: " + because + ".");
    return fail(problem, error, "EAL does not start with these arguments. It says: " + because + ".");
  }
  eal.is_started = true;
  if (eal.relay != nullptr) run_relay(*eal.relay);
  eal.arguments = arguments;
  if (!prepared.prefix.empty()) {
    eal.runtime_folder = rte_eal_get_runtime_dir();
    remove_folders_of_the_dead(eal.runtime_folder);
    std::atexit(remove_own_folder);
  }
  return 0;
}

MemifPeer* memif_peer(const std::string& vdev) {
  const Process& eal = process();
  return eal.relay == nullptr ? nullptr : eal.relay->peer(vdev);
}

int enter_thread(demi_dpdk_problem* problem) {
  if (entered == 0 && rte_thread_register() != 0) {
    return fail(problem, rte_errno == 0 ? EAGAIN : rte_errno,
                "DPDK knows at most " + std::to_string(RTE_MAX_LCORE) + " threads at once, and they are all taken: end a worker first.");
  }
  ++entered;
  return 0;
}

void leave_thread() {
  if (entered == 0) return;
  if (--entered == 0) rte_thread_unregister();
}

}  // namespace demi::dpdk
