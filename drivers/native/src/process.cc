#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "functions.h"

namespace vhost_conformance {

// Not in the C++ headers of every libc that has the system call.
constexpr int kPidfdIdType = 3;

static double Microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

// waitPidfd(pidfd, noHang, out): 1 when it ended, 0 while it runs; out becomes
// code or -1, signal or 0, core dumped, user us, system us, peak KiB resident
static napi_value WaitPidfd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int pidfd = arguments.Int(0);
  bool no_hang = arguments.Bool(1);
  auto out = arguments.Doubles(2);
  if (out.size() < 6) arguments.Refuse(2);
  if (!arguments.ok()) return arguments.Refusal();
  siginfo_t status = {};
  rusage usage = {};
  long result;
  do {
    // The wrapper of libc does not tell the resources used.
    result = syscall(SYS_waitid, kPidfdIdType, pidfd, &status, WEXITED | (no_hang ? WNOHANG : 0), &usage);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return arguments.Result(int64_t{-errno});
  if (status.si_pid == 0) return arguments.Result(int64_t{0});
  bool is_exit = status.si_code == CLD_EXITED;
  out[0] = is_exit ? status.si_status : -1;
  out[1] = is_exit ? 0 : status.si_status;
  out[2] = status.si_code == CLD_DUMPED ? 1 : 0;
  out[3] = Microseconds(usage.ru_utime);
  out[4] = Microseconds(usage.ru_stime);
  out[5] = static_cast<double>(usage.ru_maxrss);
  return arguments.Result(int64_t{1});
}

// signalPidfd(pidfd, signal)
static napi_value SignalPidfd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int pidfd = arguments.Int(0);
  int signal = arguments.Int(1);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0)));
}

// killGroup(group, signal)
static napi_value KillGroup(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int group = arguments.Int(0);
  int signal = arguments.Int(1);
  // kill(-1) would end every process of the user, kill(0) this process group.
  if (group <= 1) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(kill(-group, signal)));
}

// reapGroup(group): how many ended children of that group were reaped
static napi_value ReapGroup(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int group = arguments.Int(0);
  if (group <= 1) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  int64_t count = 0;
  for (;;) {
    pid_t pid = waitpid(-group, nullptr, WNOHANG);
    if (pid > 0) {
      count++;
    } else if (pid == 0 || errno == ECHILD) {
      return arguments.Result(count);
    } else if (errno != EINTR) {
      return arguments.Result(int64_t{-errno});
    }
  }
}

// reapChild(pid): 1 when that child had ended and was reaped, 0 while it runs
static napi_value ReapChild(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int pid = arguments.Int(0);
  if (pid <= 0) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  pid_t ended = waitpid(pid, nullptr, WNOHANG);
  return arguments.Result(ended < 0 ? int64_t{-errno} : int64_t{ended > 0 ? 1 : 0});
}

// pidfdOpen(pid)
static napi_value PidfdOpen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int pid = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(syscall(SYS_pidfd_open, pid, 0)));
}

// setChildSubreaper(isSubreaper)
static napi_value SetChildSubreaper(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  bool is_subreaper = arguments.Bool(0);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(prctl(PR_SET_CHILD_SUBREAPER, is_subreaper ? 1 : 0, 0, 0, 0)));
}

// setParentDeathSignal(signal)
static napi_value SetParentDeathSignal(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int signal = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)));
}

// processCpuTimeUs(pid): finer than the ticks in /proc
static napi_value ProcessCpuTimeUs(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int pid = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  clockid_t clock;
  int error = clock_getcpuclockid(pid, &clock);
  if (error != 0) return arguments.Result(int64_t{-error});
  timespec time;
  if (clock_gettime(clock, &time) < 0) return arguments.Result(int64_t{-errno});
  return arguments.Result(static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3);
}

void DefineProcess(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"waitPidfd", WaitPidfd},
          {"signalPidfd", SignalPidfd},
          {"killGroup", KillGroup},
          {"reapGroup", ReapGroup},
          {"reapChild", ReapChild},
          {"pidfdOpen", PidfdOpen},
          {"setChildSubreaper", SetChildSubreaper},
          {"setParentDeathSignal", SetParentDeathSignal},
          {"processCpuTimeUs", ProcessCpuTimeUs}});
}

}  // namespace vhost_conformance
