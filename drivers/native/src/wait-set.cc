#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "arguments.h"
#include "functions.h"
#include "system-calls.h"
#include "wait.h"

namespace vhost_conformance {

constexpr int kMaxEvents = 64;
// Slot of the set's own timer.
constexpr uint32_t kTimerSlot = UINT32_MAX;

// Descriptors that many waits have in common. A wait with a timeout would program a timer of the kernel and cancel it
// again, which costs more than all else where the timer is a virtual one. The timer of a set stays armed instead: a
// later wait that would end behind it ends early, which its caller has to bear.
struct WaitSet {
  int epoll = -1;
  int timer = -1;
  // When the timer fires; 0 where it is not armed.
  int64_t armed_ns = 0;
};

static std::vector<WaitSet> sets;

static WaitSet* SetOf(Arguments& arguments, size_t index) {
  size_t handle = arguments.Size(index);
  if (handle < sets.size() && sets[handle].epoll >= 0) return &sets[handle];
  arguments.Refuse(index);
  return nullptr;
}

static int64_t Add(int epoll, int fd, uint32_t events, uint32_t slot) {
  epoll_event event = {.events = events, .data = {.u32 = slot}};
  return OrErrno(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static void Close(WaitSet& set) {
  if (set.epoll >= 0) close(set.epoll);
  if (set.timer >= 0) close(set.timer);
  set = {};
}

// waitSetCreate(): a handle
static napi_value WaitSetCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  WaitSet set;
  set.epoll = epoll_create1(EPOLL_CLOEXEC);
  set.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  int64_t result = set.epoll < 0 || set.timer < 0 ? -errno : Add(set.epoll, set.timer, EPOLLIN | EPOLLET, kTimerSlot);
  if (result < 0) {
    Close(set);
    return arguments.Result(result);
  }
  auto place = std::find_if(sets.begin(), sets.end(), [](const WaitSet& one) { return one.epoll < 0; });
  if (place == sets.end()) place = sets.insert(sets.end(), set);
  *place = set;
  return arguments.Result(static_cast<int64_t>(place - sets.begin()));
}

// waitSetFd(handle): a descriptor that is readable while one of the set is
static napi_value WaitSetFd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  WaitSet* set = SetOf(arguments, 0);
  return arguments.ok() ? arguments.Result(static_cast<int64_t>(set->epoll)) : arguments.Refusal();
}

// waitSetAdd(handle, fd, slot)
static napi_value WaitSetAdd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  WaitSet* set = SetOf(arguments, 0);
  int fd = arguments.Int(1);
  size_t slot = arguments.Size(2);
  if (slot >= kTimerSlot) arguments.Refuse(2);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(Add(set->epoll, fd, EPOLLIN, static_cast<uint32_t>(slot)));
}

// waitSetRemove(handle, fd)
static napi_value WaitSetRemove(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  WaitSet* set = SetOf(arguments, 0);
  int fd = arguments.Int(1);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(epoll_ctl(set->epoll, EPOLL_CTL_DEL, fd, nullptr)));
}

static int64_t Arm(WaitSet& set, int64_t now, int64_t until) {
  if (set.armed_ns > now && set.armed_ns <= until) return 0;
  itimerspec time = {.it_interval = {}, .it_value = {until / 1000000000, until % 1000000000}};
  if (timerfd_settime(set.timer, TFD_TIMER_ABSTIME, &time, nullptr) < 0) return -errno;
  set.armed_ns = until;
  return 0;
}

// waitSetWait(handle, ready, timeoutUs)
//
// `ready` becomes the slots that are ready, each with its events. Answers how many; none also where the wait ended
// before its time.
static napi_value WaitSetWait(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  WaitSet* set = SetOf(arguments, 0);
  auto ready = arguments.Ints(1);
  double timeout_us = arguments.Number(2);
  int room = static_cast<int>(std::min(ready.size() / 2, static_cast<size_t>(kMaxEvents)));
  if (room == 0) arguments.Refuse(1);
  if (!arguments.ok()) return arguments.Refusal();

  if (timeout_us > 0) {
    int64_t now = MonotonicNs();
    int64_t until = DeadlineNs(static_cast<double>(now) / 1000.0 + timeout_us);
    int64_t result = Arm(*set, now, until);
    if (result < 0) return arguments.Result(result);
  }
  epoll_event events[kMaxEvents];
  int count = system_calls.epoll_wait(set->epoll, events, room, timeout_us == 0 ? 0 : -1);
  // An interruption ends the wait before its time.
  if (count < 0) return arguments.Result(errno == EINTR ? int64_t{0} : int64_t{-errno});
  size_t shown = 0;
  for (int i = 0; i < count; i++) {
    if (events[i].data.u32 == kTimerSlot) {
      set->armed_ns = 0;
      continue;
    }
    ready[2 * shown] = static_cast<int32_t>(events[i].data.u32);
    ready[2 * shown + 1] = static_cast<int32_t>(events[i].events);
    shown++;
  }
  return arguments.Result(static_cast<int64_t>(shown));
}

// waitSetClose(handle)
static napi_value WaitSetClose(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  WaitSet* set = SetOf(arguments, 0);
  if (!arguments.ok()) return arguments.Refusal();
  Close(*set);
  return arguments.Result(int64_t{0});
}

void DefineWaitSet(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"waitSetCreate", WaitSetCreate},
          {"waitSetFd", WaitSetFd},
          {"waitSetAdd", WaitSetAdd},
          {"waitSetRemove", WaitSetRemove},
          {"waitSetWait", WaitSetWait},
          {"waitSetClose", WaitSetClose}});
}

}  // namespace vhost_conformance
