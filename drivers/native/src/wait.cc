#include "wait.h"

#include <time.h>

#include <vector>

#include "arguments.h"
#include "functions.h"
#include "system-calls.h"

namespace vhost_conformance {

constexpr int64_t kNever = INT64_MAX;
constexpr size_t kInlinePollFds = 64;

int64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

int64_t DeadlineNs(double deadline_us) {
  if (deadline_us < 0 || deadline_us > 9.0e15) return kNever;
  return static_cast<int64_t>(deadline_us * 1000.0);
}

int64_t PollUntil(pollfd* fds, size_t count, int64_t deadline_ns) {
  for (;;) {
    int ready;
    if (deadline_ns == kNever) {
      ready = system_calls.ppoll(fds, count, nullptr, nullptr);
    } else {
      int64_t left = deadline_ns - MonotonicNs();
      if (left < 0) left = 0;
      timespec timeout = {left / 1000000000, left % 1000000000};
      ready = system_calls.ppoll(fds, count, &timeout, nullptr);
    }
    if (ready >= 0) return ready;
    if (errno != EINTR) return -errno;
  }
}

int64_t PollOne(int fd, short events, int64_t deadline_ns) {
  pollfd one = {fd, events, 0};
  return PollUntil(&one, 1, deadline_ns);
}

// poll(fds, events, revents, count, timeoutUs)
static napi_value Poll(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto fds = arguments.Ints(0);
  auto events = arguments.Shorts(1);
  auto revents = arguments.Shorts(2);
  size_t count = arguments.Size(3);
  double timeout_us = arguments.Number(4);
  if (count > fds.size() || count > events.size() || count > revents.size()) arguments.Refuse(3);
  if (!arguments.ok()) return arguments.Refusal();

  pollfd inline_set[kInlinePollFds];
  std::vector<pollfd> large_set;
  pollfd* set = inline_set;
  if (count > kInlinePollFds) {
    large_set.resize(count);
    set = large_set.data();
  }
  for (size_t i = 0; i < count; i++) set[i] = {fds[i], events[i], 0};
  int64_t deadline = timeout_us < 0 ? kNever : DeadlineNs(static_cast<double>(MonotonicNs()) / 1000.0 + timeout_us);
  int64_t ready = PollUntil(set, count, deadline);
  for (size_t i = 0; i < count; i++) revents[i] = set[i].revents;
  return arguments.Result(ready);
}

// monotonicUs()
static napi_value MonotonicUs(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(MonotonicNs()) / 1000.0, &result);
  return result;
}

void DefineWait(napi_env env, napi_value exports) {
  Define(env, exports, {{"poll", Poll}, {"monotonicUs", MonotonicUs}});
}

}  // namespace vhost_conformance
