#include "guard.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace vhost_conformance {

constexpr long kLookEveryNs = 100'000'000;
// Neither glibc, libuv nor V8 uses it.
static const int kSignal = SIGRTMIN + 7;

// Odd while a guarded call runs. One thread makes these calls: the one that loaded the addon.
static std::atomic<uint64_t> serial{0};
// The serial of the call that was interrupted last.
static std::atomic<uint64_t> interrupted{0};
static pid_t caller = 0;

static void DoNothing(int) {}

static void* Watch(void*) {
  uint64_t seen = 0;
  for (;;) {
    timespec pause = {0, kLookEveryNs};
    nanosleep(&pause, nullptr);
    uint64_t now = serial.load();
    if (now % 2 == 1 && now == seen) {
      interrupted.store(now);
      // Repeated at each look: a signal that comes before the call blocks has no effect.
      syscall(SYS_tgkill, getpid(), caller, kSignal);
    }
    seen = now;
  }
  return nullptr;
}

static void Start() {
  caller = static_cast<pid_t>(syscall(SYS_gettid));
  struct sigaction action = {};
  action.sa_handler = DoNothing;
  // Without SA_RESTART: the interrupted call has to return.
  sigaction(kSignal, &action, nullptr);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  pthread_t thread;
  // Without the thread a call may block until the budget of the host process ends it.
  pthread_create(&thread, &attributes, Watch, nullptr);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

GuardedCall::GuardedCall() {
  if (caller == 0) Start();
  serial.store(serial.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

GuardedCall::~GuardedCall() {
  serial.store(serial.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool GuardedCall::WasInterrupted() const { return interrupted.load() == serial.load(std::memory_order_relaxed); }

}  // namespace vhost_conformance
