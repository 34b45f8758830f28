/* Plays the cases against a shared object:  play OBJECT NAME
 *
 * A line for each case, "ok NAME: CASE" or "FAILED NAME: CASE" with what went wrong below it, and at the end "N passed, N failed". Each case has a process
 * of its own, for some have to end theirs, and a limit of real time, for one that hangs has failed.
 */
#include "play.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASE_SECONDS_MAX = 60 };

struct packetdrill_interface stack;

void check_failed(const char *file, int line, const char *what, long long expected, long long got) {
  fprintf(stderr, "%s:%d: %s is %lld and not %lld (errno %s)\n", strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1, line, what, got,
          expected, strerror(errno));
  fflush(NULL);
  _exit(EXIT_FAILURE);
}

/* --- time --- */

long long clock_now(void) {
  struct timeval time;
  EXPECT_EQ(CALL(gettimeofday, &time, NULL), 0);
  return time.tv_sec * 1000000LL + time.tv_usec;
}

void pass_time(long long microseconds) { EXPECT_EQ(CALL(usleep, (useconds_t)microseconds), 0); }

/* --- usual beginnings --- */

int listening_socket(void) {
  const int fd = CALL(socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
  EXPECT(fd >= 0);
  const struct sockaddr_in local = address_of(LOCAL_ADDRESS, LOCAL_PORT);
  EXPECT_EQ(CALL(bind, fd, (const struct sockaddr *)&local, sizeof(local)), 0);
  EXPECT_EQ(CALL(listen, fd, 1), 0);
  return fd;
}

int accepted_socket(struct peer *peer) {
  static const uint8_t mss[] = {2, 4, 1000 >> 8, 1000 & 0xff};
  const struct peer fresh = {LOCAL_ADDRESS, LOCAL_PORT, REMOTE_PORT, 5000, 0, 30000, mss, sizeof(mss)};
  *peer = fresh;
  const int listener = listening_socket();
  inject(peer, SYN, 0, 0, NULL, 0);
  struct packet syn_ack;
  receive_packet(&syn_ack);
  EXPECT_EQ(syn_ack.flags, SYN | ACK);
  EXPECT_EQ(syn_ack.ack, peer->iss + 1);
  peer->irs = syn_ack.seq;
  peer->option_bytes = 0;
  pass_time(100000);
  inject(peer, ACK, 1, 1, NULL, 0);
  const int fd = CALL(accept, listener, NULL, NULL);
  EXPECT(fd >= 0);
  EXPECT_EQ(CALL(close, listener), 0);
  return fd;
}

short ready_now(int fd) {
  struct pollfd entry = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  const int ready = CALL(poll, &entry, 1, 0);
  EXPECT_EQ(ready, entry.revents != 0);
  return entry.revents;
}

/* --- a system call that waits --- */

static void *run_blocked(void *argument) {
  struct blocked_call *call = argument;
  __atomic_store_n(&call->task, (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
  errno = 0;
  call->result = call->run(call->argument);
  call->error = errno;
  call->ended_at = clock_now();
  return NULL;
}

static bool sleeps(int task) {
  char path[64], text[256] = "";
  snprintf(path, sizeof(path), "/proc/self/task/%d/stat", task);
  FILE *file = fopen(path, "r");
  if (file == NULL) return true; /* it has ended */
  const size_t length = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  text[length] = '\0';
  const char *behind_name = strrchr(text, ')');
  return behind_name != NULL && behind_name[2] == 'S';
}

/* As the tool does it: a thread that sleeps waits in the stack. */
void begin_call(struct blocked_call *call, long long (*run)(void *), void *argument) {
  memset(call, 0, sizeof(*call));
  call->run = run;
  call->argument = argument;
  EXPECT_EQ(pthread_create(&call->thread, NULL, run_blocked, call), 0);
  while (__atomic_load_n(&call->task, __ATOMIC_SEQ_CST) == 0 || !sleeps(call->task)) sched_yield();
}

void end_call(struct blocked_call *call) { EXPECT_EQ(pthread_join(call->thread, NULL), 0); }

/* --- playing --- */

static void run_case(const struct play_case *one, const char *object) {
  alarm(CASE_SECONDS_MAX);
  int binding = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
#ifndef __SANITIZE_ADDRESS__
  /* As the tool does it: the object prefers its own symbols, and all memory is locked, if that is allowed. Sanitizers bear neither. */
  binding |= RTLD_DEEPBIND;
  (void)!mlockall(MCL_CURRENT | MCL_FUTURE);
#endif
  void *handle = dlopen(object, binding);
  if (handle == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(EXIT_FAILURE);
  }
  packetdrill_interface_init_t init;
  *(void **)&init = dlsym(handle, "packetdrill_interface_init");
  EXPECT(init != NULL);
  init(one->flags, &stack);
  one->run();
  stack.free(stack.userdata);
  exit(EXIT_SUCCESS);
}

static bool play(const struct play_case *one, const char *object, const char *name) {
  int words[2];
  if (pipe(words) != 0) return false;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    dup2(words[1], STDERR_FILENO);
    close(words[0]);
    close(words[1]);
    run_case(one, object);
  }
  close(words[1]);
  char text[8192] = "";
  size_t length = 0;
  for (ssize_t got = 1; got > 0 && length < sizeof(text) - 1; length += got > 0 ? (size_t)got : 0) {
    got = read(words[0], text + length, sizeof(text) - 1 - length);
  }
  close(words[0]);
  int status = 0;
  const bool was_there = child > 0 && waitpid(child, &status, 0) == child;
  const bool has_failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  const bool passed = was_there && (one->last_words == NULL ? !has_failed && length == 0
                                                            : WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE &&
                                                                  strcmp(text, one->last_words) == 0);
  printf("%s %s: %s\n", passed ? "ok" : "FAILED", name, one->name);
  if (!passed) printf("%s(status %#x%s%s)\n", text, (unsigned)status, one->last_words == NULL ? "" : "; expected: ", one->last_words == NULL ? "" : one->last_words);
  return passed;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: play OBJECT NAME\n");
    return EXIT_FAILURE;
  }
  static const struct play_case *const groups[] = {tcp_cases, socket_cases, thread_cases, flag_cases};
  int passed = 0, failed = 0;
  for (size_t group = 0; group < sizeof(groups) / sizeof(groups[0]); ++group) {
    for (const struct play_case *one = groups[group]; one->name != NULL; ++one) {
      if (play(one, argv[1], argv[2])) {
        ++passed;
      } else {
        ++failed;
      }
    }
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
