#pragma once

#include <cstdint>

namespace vhost_conformance {

// How long a blocking receive waits at most, give or take a tick.
constexpr int64_t kReceiveTimeoutNs = 5000000;

// Gives a socket that receive timeout, once for as long as the descriptor is
// open. Returns whether a blocking receive on it is certain to return.
bool BoundReceive(int fd);

// Must be told before a descriptor is closed: its number will be used again.
void ForgetReceiveTimeout(int fd);

}  // namespace vhost_conformance
