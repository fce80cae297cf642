#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "arguments.h"
#include "functions.h"
#include "memory.h"

namespace vhost_conformance {

static std::atomic<int64_t> bus_errors{0};

// A page of one of our mappings that lies behind the end of its file becomes a
// page of zeros. Any other bus error is what it was.
static void OnBusError(int, siginfo_t* info, void*) {
  uintptr_t page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (info->si_code == BUS_ADRERR && IsMapped(info->si_addr)) {
    void* page = reinterpret_cast<void*>(address - address % page_size);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap(page, page_size, PROT_READ | PROT_WRITE, flags, -1, 0) == page) {
      bus_errors++;
      return;
    }
  }
  signal(SIGBUS, SIG_DFL);
  raise(SIGBUS);
}

// surviveBusErrors(): from now on
static napi_value SurviveBusErrors(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  struct sigaction action = {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  return arguments.Result(OrErrno(sigaction(SIGBUS, &action, nullptr)));
}

// takeBusErrors(): how many were survived since the last call
static napi_value TakeBusErrors(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  return arguments.Result(bus_errors.exchange(0));
}

void DefineBusError(napi_env env, napi_value exports) {
  Define(env, exports, {{"surviveBusErrors", SurviveBusErrors}, {"takeBusErrors", TakeBusErrors}});
}

}  // namespace vhost_conformance
