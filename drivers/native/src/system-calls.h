#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>

namespace vhost_conformance {

// The calls that can be interrupted or come up short, behind one table, so
// that tests can make both happen (system-call-script.cc).
struct SystemCalls {
  ssize_t (*read)(int fd, void* buffer, size_t length);
  // Never blocks, whatever the flags of the file: an IUT that has it too can change them.
  ssize_t (*read_now)(int fd, void* buffer, size_t length);
  ssize_t (*write)(int fd, const void* buffer, size_t length);
  ssize_t (*pread)(int fd, void* buffer, size_t length, off_t position);
  ssize_t (*pwrite)(int fd, const void* buffer, size_t length, off_t position);
  ssize_t (*sendmsg)(int fd, const msghdr* message, int flags);
  ssize_t (*recvmsg)(int fd, msghdr* message, int flags);
  int (*ppoll)(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask);
  int (*epoll_wait)(int epoll, epoll_event* events, int room, int timeout_ms);
  int (*ioctl)(int fd, unsigned long request, void* argument);
};

extern const SystemCalls kernel_calls;
extern SystemCalls system_calls;

}  // namespace vhost_conformance
