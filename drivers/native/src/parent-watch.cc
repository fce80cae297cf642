#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "arguments.h"
#include "functions.h"

namespace vhost_conformance {

constexpr int kRounds = 500;
constexpr long kPauseNs = 2'000'000;
constexpr int kExitCode = 137;

// SIGKILL to the children of one thread of ours. False where the kernel does not list them.
static bool KillChildrenOf(const char* thread) {
  char path[320];
  snprintf(path, sizeof path, "/proc/self/task/%s/children", thread);
  FILE* list = fopen(path, "re");
  if (list == nullptr) return false;
  int child;
  while (fscanf(list, "%d", &child) == 1) kill(child, SIGKILL);
  fclose(list);
  return true;
}

static void KillChildren() {
  DIR* threads = opendir("/proc/self/task");
  if (threads == nullptr) return;
  while (const dirent* thread = readdir(threads)) {
    if (thread->d_name[0] != '.') KillChildrenOf(thread->d_name);
  }
  closedir(threads);
}

// Ends all that descends from this process: as subreaper it inherits the children of those that it ends.
static void EndDescendants() {
  for (int round = 0; round < kRounds; round++) {
    KillChildren();
    pid_t ended;
    do {
      ended = waitpid(-1, nullptr, WNOHANG);
    } while (ended > 0);
    if (ended < 0 && errno == ECHILD) return;
    timespec pause = {0, kPauseNs};
    nanosleep(&pause, nullptr);
  }
}

static void* Watch(void* argument) {
  pollfd parent = {static_cast<int>(reinterpret_cast<intptr_t>(argument)), POLLIN, 0};
  while (poll(&parent, 1, -1) < 0 && errno == EINTR) continue;
  EndDescendants();
  _exit(kExitCode);
}

// endWithParent(pidfd): when that process ends, this one and all that descends from it end at once. The descriptor
// belongs to the watch from now on.
static napi_value EndWithParent(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int pidfd = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, nullptr, Watch, reinterpret_cast<void*>(static_cast<intptr_t>(pidfd)));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return arguments.Result(int64_t{-error});
  pthread_detach(thread);
  return arguments.Result(int64_t{0});
}

void DefineParentWatch(napi_env env, napi_value exports) {
  Define(env, exports, {{"endWithParent", EndWithParent}});
}

}  // namespace vhost_conformance
