#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>

namespace vhost_conformance {

// CLOCK_MONOTONIC, the clock of every deadline here.
int64_t MonotonicNs();

// A deadline as the callers write it: microseconds of the monotonic clock,
// negative or infinite for none.
int64_t DeadlineNs(double deadline_us);

// Polls until something is ready or the deadline passes; an interrupted poll
// continues with what is left. Returns the number ready or -errno.
int64_t PollUntil(pollfd* fds, size_t count, int64_t deadline_ns);

// The same for one descriptor.
int64_t PollOne(int fd, short events, int64_t deadline_ns);

}  // namespace vhost_conformance
