#include <sys/eventfd.h>

#include "arguments.h"
#include "functions.h"
#include "guard.h"
#include "system-calls.h"

namespace vhost_conformance {

// eventfdCreate(initial, nonblocking, semaphore)
static napi_value EventfdCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  size_t initial = arguments.Size(0);
  int flags = EFD_CLOEXEC;
  if (arguments.Bool(1)) flags |= EFD_NONBLOCK;
  if (arguments.Bool(2)) flags |= EFD_SEMAPHORE;
  if (initial > UINT32_MAX) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(eventfd(static_cast<unsigned>(initial), flags)));
}

// eventfdRead(fd): the counter, 0 where a read would block
static napi_value EventfdRead(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  uint64_t count = 0;
  GuardedCall guard;
  for (;;) {
    ssize_t got = system_calls.read_now(fd, &count, sizeof count);
    if (got == static_cast<ssize_t>(sizeof count)) return arguments.Result(static_cast<double>(count));
    if (got >= 0) return arguments.Result(int64_t{-EIO});
    if (errno == EAGAIN || (errno == EINTR && guard.WasInterrupted())) return arguments.Result(int64_t{0});
    if (errno != EINTR) return arguments.Result(int64_t{-errno});
  }
}

// eventfdWrite(fd, value): EAGAIN where the count would overflow, also where its peer made it a blocking one
static napi_value EventfdWrite(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  uint64_t value = arguments.Word(1);
  if (!arguments.ok()) return arguments.Refusal();
  GuardedCall guard;
  for (;;) {
    ssize_t put = system_calls.write(fd, &value, sizeof value);
    if (put >= 0) return arguments.Result(int64_t{0});
    if (errno == EINTR && guard.WasInterrupted()) return arguments.Result(int64_t{-EAGAIN});
    if (errno != EINTR) return arguments.Result(int64_t{-errno});
  }
}

void DefineEventfd(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"eventfdCreate", EventfdCreate}, {"eventfdRead", EventfdRead}, {"eventfdWrite", EventfdWrite}});
}

}  // namespace vhost_conformance
