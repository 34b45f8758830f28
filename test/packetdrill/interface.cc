// The functions that packetdrill calls: each finds the file that is meant, lets it do the call, and answers as POSIX does.
// Read packetdrill_interface.h for what they are, and file.h for who does the work.
#include "packetdrill_interface.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "datagram_socket.h"
#include "descriptor_table.h"
#include "epoll.h"
#include "pipe.h"
#include "tcp_socket.h"

namespace demi {

namespace {

// One stack under test: what `userdata` points to.
struct Instance {
  explicit Instance(const Settings& settings) : host(settings) {}
  VirtualHost host;
  DescriptorTable table;  // goes first: its files are of the host
};

Instance& instance_of(void* userdata) { return *static_cast<Instance*>(userdata); }

// errno is written last: letting the host go makes system calls of its own.
template <class Answer>
Answer posix(int64_t result) {
  if (result >= 0) return static_cast<Answer>(result);
  errno = static_cast<int>(-result);
  return -1;
}

template <class Answer = int, class Action>
Answer on_file(void* userdata, int fd, Action&& action) {
  Instance& instance = instance_of(userdata);
  int64_t result = -EBADF;
  {
    Call call(instance.host);
    // Declared behind the call: if it is the last to hold a closed file, that ends while the host is held.
    if (const std::shared_ptr<File> file = instance.table.find(fd)) result = action(*file, call);
  }
  return posix<Answer>(result);
}

int64_t add_file(Instance& instance, std::shared_ptr<File> file) { return instance.table.add(std::move(file)); }

// --- life ---

void do_free(void* userdata) { delete &instance_of(userdata); }

// --- sockets ---

int64_t make_socket(Instance& instance, int domain, int type, int protocol) {
  const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (domain != AF_INET) return -EAFNOSUPPORT;
  if (kind != SOCK_STREAM && kind != SOCK_DGRAM) return -ESOCKTNOSUPPORT;
  if (protocol != 0 && protocol != (kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP)) return -EPROTONOSUPPORT;
  std::shared_ptr<File> file;
  if (kind == SOCK_STREAM) {
    file = std::make_shared<TcpSocket>(instance.host);
  } else {
    file = std::make_shared<DatagramSocket>(instance.host);
  }
  file->nonblocking = (type & SOCK_NONBLOCK) != 0;
  return add_file(instance, std::move(file));
}

int do_socket(void* userdata, int domain, int type, int protocol) {
  Instance& instance = instance_of(userdata);
  int64_t result = 0;
  {
    Call call(instance.host);
    result = make_socket(instance, domain, type, protocol);
  }
  return posix<int>(result);
}

int do_bind(void* userdata, int fd, const sockaddr* address, socklen_t length) {
  return on_file(userdata, fd, [&](File& file, Call&) { return file.bind(address, length); });
}

int do_listen(void* userdata, int fd, int backlog) {
  return on_file(userdata, fd, [&](File& file, Call&) { return file.listen(backlog); });
}

int do_accept(void* userdata, int fd, sockaddr* address, socklen_t* length) {
  return on_file(userdata, fd, [&](File& file, Call& call) -> int64_t {
    std::shared_ptr<File> accepted;
    const int64_t result = file.accept(call, accepted, address, length);
    return result == 0 ? add_file(instance_of(userdata), std::move(accepted)) : result;
  });
}

int do_connect(void* userdata, int fd, const sockaddr* address, socklen_t length) {
  return on_file(userdata, fd, [&](File& file, Call& call) { return file.connect(call, address, length); });
}

int do_shutdown(void* userdata, int fd, int how) {
  return on_file(userdata, fd, [&](File& file, Call& call) { return file.shutdown(call, how); });
}

int do_getsockopt(void* userdata, int fd, int level, int name, void* value, socklen_t* length) {
  return on_file(userdata, fd, [&](File& file, Call&) { return file.get_option(level, name, value, length); });
}

int do_setsockopt(void* userdata, int fd, int level, int name, const void* value, socklen_t length) {
  return on_file(userdata, fd, [&](File& file, Call&) { return file.set_option(level, name, value, length); });
}

// --- reading ---

ssize_t receive(void* userdata, int fd, Incoming& in, bool is_socket_call) {
  return on_file<ssize_t>(userdata, fd, [&](File& file, Call& call) -> int64_t {
    if (is_socket_call && !file.is_socket()) return -ENOTSOCK;
    // A pipe is open for one thing only.
    return file.kind() == File::Kind::kPipeWriter ? -EBADF : file.receive(call, in);
  });
}

ssize_t receive_one(void* userdata, int fd, void* into, size_t count, Incoming in, bool is_socket_call) {
  const iovec piece{into, count};
  in.pieces = {&piece, 1};
  return receive(userdata, fd, in, is_socket_call);
}

ssize_t do_read(void* userdata, int fd, void* into, size_t count) { return receive_one(userdata, fd, into, count, {}, false); }

ssize_t do_readv(void* userdata, int fd, const iovec* into, int pieces) {
  if (pieces < 0) return posix<ssize_t>(-EINVAL);
  Incoming in;
  in.pieces = {into, static_cast<size_t>(pieces)};
  return receive(userdata, fd, in, false);
}

ssize_t do_recv(void* userdata, int fd, void* into, size_t count, int flags) {
  Incoming in;
  in.flags = flags;
  return receive_one(userdata, fd, into, count, in, true);
}

ssize_t do_recvfrom(void* userdata, int fd, void* into, size_t count, int flags, sockaddr* address, socklen_t* length) {
  Incoming in;
  in.flags = flags;
  in.address = address;
  in.address_length = length;
  return receive_one(userdata, fd, into, count, in, true);
}

ssize_t do_recvmsg(void* userdata, int fd, msghdr* message, int flags) {
  Incoming in;
  in.pieces = {message->msg_iov, message->msg_iovlen};
  in.flags = flags;
  in.address = static_cast<sockaddr*>(message->msg_name);
  in.address_length = &message->msg_namelen;
  const ssize_t result = receive(userdata, fd, in, true);
  if (result < 0) return result;
  message->msg_flags = in.flags_out;
  message->msg_controllen = 0;
  return result;
}

// --- writing ---

ssize_t send(void* userdata, int fd, const Outgoing& out, bool is_socket_call) {
  return on_file<ssize_t>(userdata, fd, [&](File& file, Call& call) -> int64_t {
    if (is_socket_call && !file.is_socket()) return -ENOTSOCK;
    return file.kind() == File::Kind::kPipeReader ? -EBADF : file.send(call, out);
  });
}

ssize_t send_one(void* userdata, int fd, const void* from, size_t count, Outgoing out, bool is_socket_call) {
  const iovec piece{const_cast<void*>(from), count};
  out.pieces = {&piece, 1};
  return send(userdata, fd, out, is_socket_call);
}

ssize_t do_write(void* userdata, int fd, const void* from, size_t count) { return send_one(userdata, fd, from, count, {}, false); }

ssize_t do_writev(void* userdata, int fd, const iovec* from, int pieces) {
  if (pieces < 0) return posix<ssize_t>(-EINVAL);
  Outgoing out;
  out.pieces = {from, static_cast<size_t>(pieces)};
  return send(userdata, fd, out, false);
}

ssize_t do_send(void* userdata, int fd, const void* from, size_t count, int flags) {
  Outgoing out;
  out.flags = flags;
  return send_one(userdata, fd, from, count, out, true);
}

ssize_t do_sendto(void* userdata, int fd, const void* from, size_t count, int flags, const sockaddr* address, socklen_t length) {
  Outgoing out;
  out.flags = flags;
  out.address = address;
  out.address_length = length;
  return send_one(userdata, fd, from, count, out, true);
}

ssize_t do_sendmsg(void* userdata, int fd, const msghdr* message, int flags) {
  Outgoing out;
  out.pieces = {message->msg_iov, message->msg_iovlen};
  out.flags = flags;
  out.address = static_cast<const sockaddr*>(message->msg_name);
  out.address_length = message->msg_namelen;
  return send(userdata, fd, out, true);
}

// --- descriptors ---

int64_t control_file(File& file, int command, int argument) {
  const int access = file.kind() == File::Kind::kPipeReader ? O_RDONLY : file.kind() == File::Kind::kPipeWriter ? O_WRONLY : O_RDWR;
  switch (command) {
    case F_GETFL:
      return access | (file.nonblocking ? O_NONBLOCK : 0);
    case F_SETFL:
      file.nonblocking = (argument & O_NONBLOCK) != 0;
      return 0;
    case F_GETFD:
    case F_SETFD:
      // Nothing here outlives an exec.
      return 0;
    default:
      return -EINVAL;
  }
}

int do_fcntl(void* userdata, int fd, int command, ...) {
  int argument = 0;
  if (command == F_SETFL || command == F_SETFD) {
    va_list arguments;
    va_start(arguments, command);
    argument = va_arg(arguments, int);
    va_end(arguments);
  }
  return on_file(userdata, fd, [&](File& file, Call&) { return control_file(file, command, argument); });
}

int do_ioctl(void* userdata, int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  int* value = va_arg(arguments, int*);
  va_end(arguments);
  return on_file(userdata, fd, [&](File& file, Call&) -> int64_t {
    if (value == nullptr) return -EFAULT;
    if (request != FIONBIO) return file.ioctl(request, *value);
    file.nonblocking = *value != 0;
    return 0;
  });
}

int do_close(void* userdata, int fd) {
  return on_file(userdata, fd, [&](File& file, Call& call) {
    const int64_t result = file.close(call);
    instance_of(userdata).table.remove(fd);
    return result;
  });
}

int do_pipe(void* userdata, int fds[2]) {
  Instance& instance = instance_of(userdata);
  int64_t result = 0;
  {
    Call call(instance.host);
    const auto bytes = std::make_shared<PipeBytes>();
    const int reader = instance.table.add(std::make_shared<PipeReader>(instance.host, bytes));
    const int writer = reader < 0 ? reader : instance.table.add(std::make_shared<PipeWriter>(instance.host, bytes));
    if (writer < 0) {
      if (reader >= 0) instance.table.remove(reader);
      result = writer;
    } else {
      fds[0] = reader;
      fds[1] = writer;
    }
  }
  return posix<int>(result);
}

int do_splice(void* userdata, int fd_in, loff_t* offset_in, int fd_out, loff_t* offset_out, size_t length, unsigned flags) {
  return on_file(userdata, fd_in, [&](File& from, Call& call) -> int64_t {
    const std::shared_ptr<File> to = instance_of(userdata).table.find(fd_out);
    if (to == nullptr) return -EBADF;
    // splice(2): neither a pipe nor a socket has places.
    if (offset_in != nullptr || offset_out != nullptr) return -ESPIPE;
    return splice(call, from, *to, length, flags);
  });
}

// --- waiting for several ---

int do_poll(void* userdata, pollfd* entries, nfds_t count, int timeout_ms) {
  Instance& instance = instance_of(userdata);
  int64_t result = 0;
  {
    Call call(instance.host);
    result = poll_files(call, instance.table, {entries, count}, timeout_ms);
  }
  return posix<int>(result);
}

int do_epoll_create(void* userdata, int size) {
  Instance& instance = instance_of(userdata);
  int64_t result = -EINVAL;
  if (size > 0) {
    Call call(instance.host);
    result = add_file(instance, std::make_shared<Epoll>(instance.host));
  }
  return posix<int>(result);
}

int do_epoll_ctl(void* userdata, int epoll_fd, int operation, int fd, epoll_event* event) {
  return on_file(userdata, epoll_fd, [&](File& file, Call&) -> int64_t {
    if (file.kind() != File::Kind::kEpoll) return -EINVAL;
    return static_cast<Epoll&>(file).control(operation, fd, instance_of(userdata).table.find(fd), event);
  });
}

int do_epoll_wait(void* userdata, int epoll_fd, epoll_event* events, int events_max, int timeout_ms) {
  return on_file(userdata, epoll_fd, [&](File& file, Call& call) -> int64_t {
    if (file.kind() != File::Kind::kEpoll || events_max <= 0) return -EINVAL;
    return static_cast<Epoll&>(file).wait(call, {events, static_cast<size_t>(events_max)}, timeout_ms);
  });
}

// --- the wire and the time ---

int do_netdev_send(void* userdata, const void* packet, size_t length) {
  Instance& instance = instance_of(userdata);
  Call call(instance.host);
  instance.host.inject(Bytes(static_cast<const uint8_t*>(packet), length));
  return 0;
}

int do_netdev_receive(void* userdata, void* packet, size_t* length, long long* time_usecs) {
  Instance& instance = instance_of(userdata);
  VirtualHost::Packet next;
  {
    Call call(instance.host);
    next = instance.host.next_packet(call);
  }
  const bool fits = next.octets.size() <= *length;
  *length = std::min(*length, next.octets.size());
  std::copy_n(next.octets.begin(), *length, static_cast<uint8_t*>(packet));
  *time_usecs = next.at.nanoseconds() / 1000;
  return posix<int>(fits ? 0 : -EMSGSIZE);
}

int do_usleep(void* userdata, useconds_t length) {
  VirtualHost& host = instance_of(userdata).host;
  Call call(host, true);
  host.sleep(call, Duration::microseconds(length));
  return 0;
}

int do_gettimeofday(void* userdata, timeval* time, struct timezone* zone) {
  VirtualHost& host = instance_of(userdata).host;
  int64_t microseconds = 0;
  {
    Call call(host, true);
    microseconds = host.look_at_clock(call).nanoseconds() / 1000;
  }
  if (time != nullptr) *time = {static_cast<time_t>(microseconds / 1'000'000), static_cast<suseconds_t>(microseconds % 1'000'000)};
  if (zone != nullptr) *zone = {};
  return 0;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void packetdrill_interface_init(const char* flags, packetdrill_interface* interface) {
  Settings settings;
  const std::string problem = settings.parse(flags);
  if (!problem.empty()) {
    // There is no other way to refuse: the tool looks at nothing that this function could return.
    std::fprintf(stderr, "demi_packetdrill: %s\n", problem.c_str());
    std::exit(EXIT_FAILURE);
  }
  *interface = {new Instance(settings), do_free,       do_socket,        do_bind,           do_listen,     do_accept,      do_connect,
                do_read,                do_readv,      do_recv,          do_recvfrom,       do_recvmsg,    do_write,       do_writev,
                do_send,                do_sendto,     do_sendmsg,       do_fcntl,          do_ioctl,      do_close,       do_shutdown,
                do_getsockopt,          do_setsockopt, do_poll,          do_netdev_send,    do_netdev_receive,
                do_usleep,              do_gettimeofday, do_epoll_create, do_epoll_ctl,     do_epoll_wait, do_pipe,        do_splice};
}

}  // namespace demi
