#pragma once

#include <cstdint>
#include <span>

namespace vhost_conformance {

// The most descriptors that Linux carries with one message (SCM_MAX_FD).
constexpr size_t kMaxFds = 253;

struct Received {
  int64_t bytes = 0;  // or -errno
  int32_t fd_count = 0;
  bool is_control_truncated = false;
  bool is_data_truncated = false;
};

// Sends all of it unless the deadline passes first; the descriptors go with
// the first bytes alone. Returns the bytes sent, or -errno.
int64_t SendAll(int fd, std::span<const uint8_t> bytes, std::span<const int32_t> fds, int64_t deadline_ns);

// One recvmsg with these flags; MSG_DONTWAIT is the caller's. Descriptors arrive close-on-exec, and those
// that fit are delivered even where the rest was cut off: they must be closed.
Received ReceiveOnce(int fd, std::span<uint8_t> bytes, std::span<int32_t> fds, int flags);

}  // namespace vhost_conformance
