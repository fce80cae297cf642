#include <array>
#include <cstring>
#include <deque>

#include "arguments.h"
#include "functions.h"
#include "system-calls.h"

namespace vhost_conformance {

// Test hook. The script of a call is a list of steps, one for each time it is
// made: below zero fails with that errno, zero passes through, above zero
// limits the bytes moved. After the last step calls pass through again.
enum Call : size_t { kRead, kWrite, kPread, kPwrite, kSendmsg, kRecvmsg, kPpoll, kEpollWait, kIoctl, kCallCount };

static std::array<std::deque<int32_t>, kCallCount> scripts;

static int32_t NextStep(Call call) {
  if (scripts[call].empty()) return 0;
  int32_t step = scripts[call].front();
  scripts[call].pop_front();
  return step;
}

// Whether the step lets the call happen; otherwise errno is set.
static bool Passes(int32_t step) {
  if (step < 0) errno = -step;
  return step >= 0;
}

static size_t Limited(size_t length, int32_t step) {
  return step > 0 && static_cast<size_t>(step) < length ? static_cast<size_t>(step) : length;
}

static ssize_t ScriptedRead(int fd, void* buffer, size_t length) {
  int32_t step = NextStep(kRead);
  return Passes(step) ? kernel_calls.read(fd, buffer, Limited(length, step)) : -1;
}

static ssize_t ScriptedReadNow(int fd, void* buffer, size_t length) {
  int32_t step = NextStep(kRead);
  return Passes(step) ? kernel_calls.read_now(fd, buffer, Limited(length, step)) : -1;
}

static ssize_t ScriptedWrite(int fd, const void* buffer, size_t length) {
  int32_t step = NextStep(kWrite);
  return Passes(step) ? kernel_calls.write(fd, buffer, Limited(length, step)) : -1;
}

static ssize_t ScriptedPread(int fd, void* buffer, size_t length, off_t position) {
  int32_t step = NextStep(kPread);
  return Passes(step) ? kernel_calls.pread(fd, buffer, Limited(length, step), position) : -1;
}

static ssize_t ScriptedPwrite(int fd, const void* buffer, size_t length, off_t position) {
  int32_t step = NextStep(kPwrite);
  return Passes(step) ? kernel_calls.pwrite(fd, buffer, Limited(length, step), position) : -1;
}

static ssize_t ScriptedSendmsg(int fd, const msghdr* message, int flags) {
  int32_t step = NextStep(kSendmsg);
  if (!Passes(step)) return -1;
  msghdr limited = *message;
  iovec part = limited.msg_iov[0];
  part.iov_len = Limited(part.iov_len, step);
  limited.msg_iov = &part;
  return kernel_calls.sendmsg(fd, &limited, flags);
}

static ssize_t ScriptedRecvmsg(int fd, msghdr* message, int flags) {
  int32_t step = NextStep(kRecvmsg);
  if (!Passes(step)) return -1;
  iovec* whole = message->msg_iov;
  iovec part = whole[0];
  part.iov_len = Limited(part.iov_len, step);
  message->msg_iov = &part;
  ssize_t received = kernel_calls.recvmsg(fd, message, flags);
  message->msg_iov = whole;
  return received;
}

static int ScriptedPpoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  return Passes(NextStep(kPpoll)) ? kernel_calls.ppoll(fds, count, timeout, mask) : -1;
}

static int ScriptedEpollWait(int epoll, epoll_event* events, int room, int timeout_ms) {
  return Passes(NextStep(kEpollWait)) ? kernel_calls.epoll_wait(epoll, events, room, timeout_ms) : -1;
}

static int ScriptedIoctl(int fd, unsigned long request, void* argument) {
  return Passes(NextStep(kIoctl)) ? kernel_calls.ioctl(fd, request, argument) : -1;
}

// scriptSystemCall(call, steps): the steps not yet taken of its last script
static napi_value ScriptSystemCall(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  size_t call = arguments.Size(0);
  auto steps = arguments.Ints(1);
  if (call >= kCallCount) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  system_calls = {
      .read = ScriptedRead,
      .read_now = ScriptedReadNow,
      .write = ScriptedWrite,
      .pread = ScriptedPread,
      .pwrite = ScriptedPwrite,
      .sendmsg = ScriptedSendmsg,
      .recvmsg = ScriptedRecvmsg,
      .ppoll = ScriptedPpoll,
      .epoll_wait = ScriptedEpollWait,
      .ioctl = ScriptedIoctl,
  };
  auto left = static_cast<int64_t>(scripts[call].size());
  scripts[call].assign(steps.begin(), steps.end());
  bool is_idle = true;
  for (const auto& script : scripts) is_idle = is_idle && script.empty();
  if (is_idle) system_calls = kernel_calls;
  return arguments.Result(left);
}

void DefineSystemCallScript(napi_env env, napi_value exports) {
  Define(env, exports, {{"scriptSystemCall", ScriptSystemCall}});
}

}  // namespace vhost_conformance
