#include "receive-timeout.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <bitset>
#include <cstddef>

namespace vhost_conformance {

constexpr size_t kMaxBounded = 4096;
static std::bitset<kMaxBounded> bounded;

static bool IsTracked(int fd) { return fd >= 0 && static_cast<size_t>(fd) < kMaxBounded; }

bool BoundReceive(int fd) {
  if (!IsTracked(fd)) return false;
  if (bounded[static_cast<size_t>(fd)]) return true;
  timeval timeout = {0, kReceiveTimeoutNs / 1000};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0) return false;
  bounded[static_cast<size_t>(fd)] = true;
  return true;
}

void ForgetReceiveTimeout(int fd) {
  if (IsTracked(fd)) bounded[static_cast<size_t>(fd)] = false;
}

}  // namespace vhost_conformance
