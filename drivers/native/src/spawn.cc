#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "arguments.h"
#include "functions.h"

namespace vhost_conformance {

enum Stage : int32_t { kPipe, kFork, kParent, kGroup, kCloseRange, kDescriptors, kDirectory, kExecute, kPidfd };

struct Failure {
  int32_t error;
  int32_t stage;
};

// All that the child needs, made before the fork: between fork and exec only
// async-signal-safe calls are allowed, so nothing may allocate.
struct Plan {
  const char* file;
  char* const* arguments;
  char* const* environment;
  const char* directory;
  std::span<const int32_t> sources;
  std::span<const int32_t> targets;
  std::span<int32_t> staged;
  int32_t first_free;
  pid_t parent;
};

[[noreturn]] static void Fail(int report, Stage stage) {
  Failure failure = {errno, stage};
  // Nothing is left to do about a failure of this write.
  [[maybe_unused]] ssize_t written = write(report, &failure, sizeof failure);
  _exit(127);
}

[[noreturn]] static void RunChild(const Plan& plan, int report) {
  for (int signal = 1; signal < NSIG; signal++) {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, nullptr);
  }
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) Fail(report, kParent);
  // The parent may have died before the line above: then no signal will come.
  if (getppid() != plan.parent) _exit(127);
  if (setpgid(0, 0) < 0) Fail(report, kGroup);

  report = fcntl(report, F_DUPFD_CLOEXEC, plan.first_free);
  if (report < 0) _exit(127);
  if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) < 0) Fail(report, kCloseRange);
  // In two steps, because a target may be the source of another.
  for (size_t i = 0; i < plan.sources.size(); i++) {
    plan.staged[i] = fcntl(plan.sources[i], F_DUPFD_CLOEXEC, plan.first_free);
    if (plan.staged[i] < 0) Fail(report, kDescriptors);
  }
  for (size_t i = 0; i < plan.sources.size(); i++) {
    if (dup2(plan.staged[i], plan.targets[i]) < 0) Fail(report, kDescriptors);
  }
  if (plan.directory != nullptr && chdir(plan.directory) < 0) Fail(report, kDirectory);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvpe(plan.file, plan.arguments, plan.environment);
  Fail(report, kExecute);
}

static std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

static void Reap(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

// The failure that the child reported; nothing once exec closed the pipe.
static std::optional<Failure> ReadReport(int report) {
  Failure failure = {};
  ssize_t got;
  do {
    got = read(report, &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return std::nullopt;
  if (got < 0) return Failure{errno, kPipe};
  return failure;
}

static std::optional<Failure> Spawn(const Plan& plan, pid_t* pid, int* pidfd) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return Failure{errno, kPipe};
  // The child must not run a handler of ours: libuv's would write into the
  // pipe that both processes share.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  *pid = fork();
  int fork_error = errno;
  if (*pid == 0) RunChild(plan, report[1]);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(report[1]);
  if (*pid < 0) {
    close(report[0]);
    return Failure{fork_error, kFork};
  }
  std::optional<Failure> failure = ReadReport(report[0]);
  close(report[0]);
  if (failure) {
    Reap(*pid);
    return failure;
  }
  // The pid cannot be reused before it is reaped, so this is no race.
  *pidfd = static_cast<int>(syscall(SYS_pidfd_open, *pid, 0));
  if (*pidfd < 0) {
    Failure without_pidfd = {errno, kPidfd};
    kill(*pid, SIGKILL);
    Reap(*pid);
    return without_pidfd;
  }
  return std::nullopt;
}

// spawn(file, args, env or null, cwd or null, sources, targets, out): out
// becomes pid, pidfd, stage that failed
static napi_value SpawnProcess(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string file = arguments.Text(0);
  std::vector<std::string> texts = arguments.Texts(1);
  bool inherits_environment = arguments.IsNull(2);
  std::vector<std::string> variables;
  if (!inherits_environment) variables = arguments.Texts(2);
  bool inherits_directory = arguments.IsNull(3);
  std::string directory;
  if (!inherits_directory) directory = arguments.Text(3);
  auto sources = arguments.Ints(4);
  auto targets = arguments.Ints(5);
  auto out = arguments.Ints(6);
  if (targets.size() != sources.size()) arguments.Refuse(5);
  for (int32_t target : targets) {
    if (target < 0) arguments.Refuse(5);
  }
  if (out.size() < 3) arguments.Refuse(6);
  if (!arguments.ok()) return arguments.Refusal();

  std::vector<char*> argument_pointers = Pointers(texts);
  std::vector<char*> environment_pointers = Pointers(variables);
  std::vector<int32_t> staged(sources.size());
  int32_t last_target = 2;
  for (int32_t target : targets) last_target = std::max(last_target, target);
  Plan plan = {
      .file = file.c_str(),
      .arguments = argument_pointers.data(),
      .environment = inherits_environment ? environ : environment_pointers.data(),
      .directory = inherits_directory ? nullptr : directory.c_str(),
      .sources = sources,
      .targets = targets,
      .staged = staged,
      .first_free = last_target + 1,
      .parent = getpid(),
  };
  pid_t pid = -1;
  int pidfd = -1;
  if (std::optional<Failure> failure = Spawn(plan, &pid, &pidfd)) {
    out[2] = failure->stage;
    return arguments.Result(int64_t{-failure->error});
  }
  out[0] = pid;
  out[1] = pidfd;
  out[2] = 0;
  return arguments.Result(int64_t{0});
}

void DefineSpawn(napi_env env, napi_value exports) { Define(env, exports, {{"spawn", SpawnProcess}}); }

}  // namespace vhost_conformance
