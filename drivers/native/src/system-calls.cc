#include "system-calls.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace vhost_conformance {

const SystemCalls kernel_calls = {
    .read = ::read,
    .write = ::write,
    .pread = ::pread,
    .pwrite = ::pwrite,
    .sendmsg = ::sendmsg,
    .recvmsg = ::recvmsg,
    .ppoll = [](pollfd* fds, nfds_t count, const timespec* timeout,
                const sigset_t* mask) { return ::ppoll(fds, count, timeout, mask); },
    .ioctl = [](int fd, unsigned long request, void* argument) { return ::ioctl(fd, request, argument); },
};

SystemCalls system_calls = kernel_calls;

}  // namespace vhost_conformance
