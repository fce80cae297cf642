#include "system-calls.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace vhost_conformance {

// By number where it is hot: in a process with threads libc makes each of these a cancellation point, which costs half as
// much as the call.
const SystemCalls kernel_calls = {
    .read = [](int fd, void* buffer, size_t length) -> ssize_t { return syscall(SYS_read, fd, buffer, length); },
    .read_now = [](int fd, void* buffer, size_t length) -> ssize_t {
      iovec part = {buffer, length};
      ssize_t got = preadv2(fd, &part, 1, -1, RWF_NOWAIT);
      // A file that cannot tell whether a read of it would block.
      return got < 0 && errno == EOPNOTSUPP ? syscall(SYS_read, fd, buffer, length) : got;
    },
    .write = [](int fd, const void* buffer, size_t length) -> ssize_t { return syscall(SYS_write, fd, buffer, length); },
    .pread = ::pread,
    .pwrite = ::pwrite,
    .sendmsg = [](int fd, const msghdr* message, int flags) -> ssize_t {
      return syscall(SYS_sendmsg, fd, message, flags);
    },
    .recvmsg = [](int fd, msghdr* message, int flags) -> ssize_t { return syscall(SYS_recvmsg, fd, message, flags); },
    .ppoll = [](pollfd* fds, nfds_t count, const timespec* timeout,
                const sigset_t* mask) { return ::ppoll(fds, count, timeout, mask); },
    .epoll_wait = [](int epoll, epoll_event* events, int room, int timeout_ms) -> int {
      return static_cast<int>(syscall(SYS_epoll_pwait, epoll, events, room, timeout_ms, nullptr, sizeof(sigset_t)));
    },
    .ioctl = [](int fd, unsigned long request, void* argument) { return ::ioctl(fd, request, argument); },
};

SystemCalls system_calls = kernel_calls;

}  // namespace vhost_conformance
