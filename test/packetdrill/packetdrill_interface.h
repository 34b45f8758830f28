/* The interface through which packetdrill drives a stack that lives in a shared object. The order of the fields is what the tool relies on.
 *
 * Each function takes `userdata` first. Those that are named as a call of POSIX take the call's arguments behind it and answer as it does: -1 with
 * errno set when it fails. Packets begin with their IPv4 or IPv6 header.
 */
#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct packetdrill_interface {
  void *userdata;
  void (*free)(void *userdata);
  int (*socket)(void *userdata, int domain, int type, int protocol);
  int (*bind)(void *userdata, int fd, const struct sockaddr *address, socklen_t length);
  int (*listen)(void *userdata, int fd, int backlog);
  int (*accept)(void *userdata, int fd, struct sockaddr *address, socklen_t *length);
  int (*connect)(void *userdata, int fd, const struct sockaddr *address, socklen_t length);
  ssize_t (*read)(void *userdata, int fd, void *into, size_t count);
  ssize_t (*readv)(void *userdata, int fd, const struct iovec *into, int pieces);
  ssize_t (*recv)(void *userdata, int fd, void *into, size_t count, int flags);
  ssize_t (*recvfrom)(void *userdata, int fd, void *into, size_t count, int flags, struct sockaddr *address, socklen_t *length);
  ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *message, int flags);
  ssize_t (*write)(void *userdata, int fd, const void *from, size_t count);
  ssize_t (*writev)(void *userdata, int fd, const struct iovec *from, int pieces);
  ssize_t (*send)(void *userdata, int fd, const void *from, size_t count, int flags);
  ssize_t (*sendto)(void *userdata, int fd, const void *from, size_t count, int flags, const struct sockaddr *address, socklen_t length);
  ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *message, int flags);
  int (*fcntl)(void *userdata, int fd, int command, ...);
  int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
  int (*close)(void *userdata, int fd);
  int (*shutdown)(void *userdata, int fd, int how);
  int (*getsockopt)(void *userdata, int fd, int level, int name, void *value, socklen_t *length);
  int (*setsockopt)(void *userdata, int fd, int level, int name, const void *value, socklen_t length);
  int (*poll)(void *userdata, struct pollfd *entries, nfds_t count, int timeout_ms);
  /* A packet from the wire into the stack. */
  int (*netdev_send)(void *userdata, const void *packet, size_t length);
  /* The next packet that leaves the stack, and when it left. *length is the size of the buffer, and then of the packet. */
  int (*netdev_receive)(void *userdata, void *packet, size_t *length, long long *time_usecs);
  int (*usleep)(void *userdata, useconds_t length);
  int (*gettimeofday)(void *userdata, struct timeval *time, struct timezone *zone);
  int (*epoll_create)(void *userdata, int size);
  int (*epoll_ctl)(void *userdata, int epoll_fd, int operation, int fd, struct epoll_event *event);
  int (*epoll_wait)(void *userdata, int epoll_fd, struct epoll_event *events, int events_max, int timeout_ms);
  int (*pipe)(void *userdata, int fds[2]);
  int (*splice)(void *userdata, int fd_in, loff_t *offset_in, int fd_out, loff_t *offset_out, size_t length, unsigned int flags);
};

/* The one function that a shared object exports. `flags` is what the caller of the tool has given, or NULL. */
typedef void (*packetdrill_interface_init_t)(const char *flags, struct packetdrill_interface *interface);

#ifdef __cplusplus
}
#endif
