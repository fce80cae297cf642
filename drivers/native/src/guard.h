#pragma once

#include <sys/types.h>

namespace vhost_conformance {

// A call on a descriptor that an IUT may share. File flags (O_NONBLOCK) belong to the open file and not to the
// descriptor, so the IUT can make any such call block; the last close of a socket of its own may linger. A thread
// interrupts a call that has lasted too long, by a signal whose handler does nothing: the call then fails with EINTR,
// and `WasInterrupted` says that it is not to be repeated.
class GuardedCall {
 public:
  GuardedCall();
  ~GuardedCall();
  GuardedCall(const GuardedCall&) = delete;
  GuardedCall& operator=(const GuardedCall&) = delete;

  bool WasInterrupted() const;
};

}  // namespace vhost_conformance
