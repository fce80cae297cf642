#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "arguments.h"
#include "functions.h"
#include "guard.h"
#include "memory.h"
#include "system-calls.h"

// Headers before Linux 6.1 lack the device file.
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

namespace vhost_conformance {

static int OpenByDevice(int flags) {
  int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
  if (device < 0) return -1;
  int fd = ioctl(device, USERFAULTFD_IOC_NEW, flags);
  int error = errno;
  close(device);
  errno = error;
  return fd;
}

// userfaultOpen(): a userfaultfd that never blocks, with the least that a
// process may have: faults of its own user code alone
static napi_value UserfaultOpen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int flags = O_CLOEXEC | O_NONBLOCK;
  int fd = static_cast<int>(syscall(SYS_userfaultfd, flags));
  if (fd < 0) fd = OpenByDevice(flags);
  if (fd < 0) fd = static_cast<int>(syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY));
  if (fd < 0) return arguments.Result(int64_t{-errno});
  uffdio_api api = {};
  api.api = UFFD_API;
  if (ioctl(fd, UFFDIO_API, &api) < 0) {
    int64_t error = errno;
    close(fd);
    return arguments.Result(-error);
  }
  return arguments.Result(int64_t{fd});
}

// userfaultRegister(fd, address, length): accesses to pages of the range that
// are missing wait from now on
static napi_value UserfaultRegister(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  uffdio_register request = {};
  request.range.start = arguments.Word(1);
  request.range.len = arguments.Size(2);
  request.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(system_calls.ioctl(fd, UFFDIO_REGISTER, &request)));
}

static napi_value OnRange(napi_env env, napi_callback_info info, unsigned long what) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  uffdio_range range = {};
  range.start = arguments.Word(1);
  range.len = arguments.Size(2);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(system_calls.ioctl(fd, what, &range)));
}

// userfaultUnregister(fd, address, length): what waits there goes on
static napi_value UserfaultUnregister(napi_env env, napi_callback_info info) {
  return OnRange(env, info, UFFDIO_UNREGISTER);
}

// userfaultWake(fd, address, length): what waits there looks again
static napi_value UserfaultWake(napi_env env, napi_callback_info info) { return OnRange(env, info, UFFDIO_WAKE); }

// userfaultRead(fd, out): 1 with the address of an access that waits, 2 for
// another event, 0 where there is none. The peer shares the open file: it may
// take the event first, or have made the file one that blocks
static napi_value UserfaultRead(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto out = arguments.Words(1);
  if (out.empty()) arguments.Refuse(1);
  if (!arguments.ok()) return arguments.Refusal();
  pollfd ready = {fd, POLLIN, 0};
  if (poll(&ready, 1, 0) < 0) return arguments.Result(int64_t{-errno});
  if ((ready.revents & POLLIN) == 0) return arguments.Result(int64_t{0});
  uffd_msg message = {};
  GuardedCall guard;
  ssize_t got = system_calls.read(fd, &message, sizeof message);
  if (got < 0) {
    bool is_none = errno == EAGAIN || errno == EINTR;
    return arguments.Result(is_none ? int64_t{0} : int64_t{-errno});
  }
  if (got != static_cast<ssize_t>(sizeof message)) return arguments.Result(int64_t{-EIO});
  if (message.event != UFFD_EVENT_PAGEFAULT) return arguments.Result(int64_t{2});
  out[0] = message.arg.pagefault.address;
  return arguments.Result(int64_t{1});
}

// Reads a byte of each page of a range, in a thread that may wait for them,
// and says so on an eventfd. The mapping is pinned until the thread is joined.
struct Touch {
  Touch(const uint8_t* start, size_t length, size_t page, int eventfd)
      : start(start), length(length), page(page), eventfd(eventfd) {}

  const uint8_t* start;
  size_t length;
  size_t page;
  int eventfd;
  pthread_t thread = {};
  std::atomic<bool> is_over = false;
};

static void* RunTouch(void* argument) {
  auto* touch = static_cast<Touch*>(argument);
  auto look = [touch](size_t at) { static_cast<void>(*static_cast<const volatile uint8_t*>(touch->start + at)); };
  for (size_t at = 0; at < touch->length; at += touch->page) look(at);
  // A part that begins within a page reaches one page further.
  look(touch->length - 1);
  touch->is_over = true;
  uint64_t one = 1;
  while (write(touch->eventfd, &one, sizeof one) < 0 && errno == EINTR) {
  }
  return nullptr;
}

static std::mutex touches_mutex;
static std::map<int64_t, std::unique_ptr<Touch>> touches;
static int64_t next_touch = 1;

// startTouch(buffer, offset, length, pageSize, eventfd): a handle
static napi_value StartTouch(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto part = arguments.Memory(0, 1, 2);
  size_t page = arguments.Size(3);
  int event = arguments.Int(4);
  if (page == 0) arguments.Refuse(3);
  if (!arguments.ok()) return arguments.Refusal();

  if (!PinMapping(part.data(), part.size())) return arguments.Result(int64_t{-EACCES});
  auto touch = std::make_unique<Touch>(part.data(), part.size(), page, event);
  // Signals belong to the thread that runs the event loop.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&touch->thread, nullptr, RunTouch, touch.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    UnpinMapping(part.data());
    return arguments.Result(int64_t{-error});
  }
  std::lock_guard lock(touches_mutex);
  touches.emplace(next_touch, std::move(touch));
  return arguments.Result(next_touch++);
}

// isTouchOver(handle): 1 where all was read
static napi_value IsTouchOver(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  double handle = arguments.Number(0);
  if (!arguments.ok()) return arguments.Refusal();
  std::lock_guard lock(touches_mutex);
  auto found = touches.find(static_cast<int64_t>(handle));
  if (found == touches.end()) return arguments.Result(int64_t{-EINVAL});
  return arguments.Result(int64_t{found->second->is_over ? 1 : 0});
}

// endTouch(handle): waits for the thread, which must not wait for a page any
// more
static napi_value EndTouch(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  double handle = arguments.Number(0);
  if (!arguments.ok()) return arguments.Refusal();
  std::unique_ptr<Touch> touch;
  {
    std::lock_guard lock(touches_mutex);
    auto found = touches.find(static_cast<int64_t>(handle));
    if (found == touches.end()) return arguments.Result(int64_t{-EINVAL});
    touch = std::move(found->second);
    touches.erase(found);
  }
  pthread_join(touch->thread, nullptr);
  UnpinMapping(const_cast<uint8_t*>(touch->start));
  return arguments.Result(int64_t{0});
}

static napi_value Allocate(napi_env env, napi_callback_info info, int mode) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  size_t offset = arguments.Size(1);
  size_t length = arguments.Size(2);
  if (!arguments.ok()) return arguments.Refusal();
  int result;
  do {
    result = fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result < 0 && errno == EINTR);
  return arguments.Result(OrErrno(result));
}

// punchHole(fd, offset, length): pages of a memory file are missing again, and
// its size stays
static napi_value PunchHole(napi_env env, napi_callback_info info) {
  return Allocate(env, info, FALLOC_FL_PUNCH_HOLE);
}

// fillHoles(fd, offset, length): pages of a memory file that are missing are
// there, with zeros
static napi_value FillHoles(napi_env env, napi_callback_info info) { return Allocate(env, info, 0); }

// nextData(fd, offset): where the next page is that is not missing; ENXIO
// where there is none
static napi_value NextData(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  size_t offset = arguments.Size(1);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(lseek(fd, static_cast<off_t>(offset), SEEK_DATA)));
}

void DefineUserfault(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"userfaultOpen", UserfaultOpen},
          {"userfaultRegister", UserfaultRegister},
          {"userfaultUnregister", UserfaultUnregister},
          {"userfaultWake", UserfaultWake},
          {"userfaultRead", UserfaultRead},
          {"startTouch", StartTouch},
          {"isTouchOver", IsTouchOver},
          {"endTouch", EndTouch},
          {"punchHole", PunchHole},
          {"fillHoles", FillHoles},
          {"nextData", NextData}});
}

}  // namespace vhost_conformance
