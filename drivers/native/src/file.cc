#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arguments.h"
#include "functions.h"
#include "guard.h"
#include "receive-timeout.h"
#include "system-calls.h"

namespace vhost_conformance {

// memfdCreate(name, allowSealing)
static napi_value MemfdCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string name = arguments.Text(0);
  unsigned flags = MFD_CLOEXEC;
  if (arguments.Bool(1)) flags |= MFD_ALLOW_SEALING;
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(memfd_create(name.c_str(), flags)));
}

// openFile(path, flags, mode)
static napi_value OpenFile(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  std::string path = arguments.Text(0);
  int flags = arguments.Int(1);
  int mode = arguments.Int(2);
  if (!arguments.ok()) return arguments.Refusal();
  GuardedCall guard;
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR && !guard.WasInterrupted());
  return arguments.Result(OrErrno(fd));
}

// closeFd(fd)
static napi_value CloseFd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  ForgetReceiveTimeout(fd);
  // The last close of a socket waits for its peer where it lingers.
  GuardedCall guard;
  // On Linux the descriptor is gone even when close was interrupted.
  if (close(fd) == 0 || errno == EINTR) return arguments.Result(int64_t{0});
  return arguments.Result(int64_t{-errno});
}

// ftruncate(fd, size)
static napi_value Ftruncate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  size_t size = arguments.Size(1);
  if (!arguments.ok()) return arguments.Refusal();
  int result;
  do {
    result = ftruncate(fd, static_cast<off_t>(size));
  } while (result < 0 && errno == EINTR);
  return arguments.Result(OrErrno(result));
}

// fstat(fd, out): out becomes size, inode, device, mode
static napi_value Fstat(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto out = arguments.Doubles(1);
  if (out.size() < 4) arguments.Refuse(1);
  if (!arguments.ok()) return arguments.Refusal();
  struct stat status;
  if (fstat(fd, &status) < 0) return arguments.Result(int64_t{-errno});
  out[0] = static_cast<double>(status.st_size);
  out[1] = static_cast<double>(status.st_ino);
  out[2] = static_cast<double>(status.st_dev);
  out[3] = status.st_mode;
  return arguments.Result(int64_t{0});
}

// fcntl(fd, command, argument)
static napi_value Fcntl(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  int command = arguments.Int(1);
  int argument = arguments.Int(2);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(fcntl(fd, command, argument)));
}

// pipe2(out, flags): out becomes the read end and the write end
static napi_value Pipe2(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto out = arguments.Ints(0);
  int flags = arguments.Int(1);
  if (out.size() < 2) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(pipe2(out.data(), flags | O_CLOEXEC)));
}

// The four ways to read and write: continued after an interruption or a short
// transfer, until the length, the end of the file or an error after nothing.
template <typename Transfer>
static int64_t Complete(std::span<uint8_t> bytes, Transfer transfer) {
  GuardedCall guard;
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t moved = transfer(bytes.data() + done, bytes.size() - done, done);
    if (moved > 0) {
      done += static_cast<size_t>(moved);
    } else if (moved == 0) {
      break;
    } else if (errno != EINTR || guard.WasInterrupted()) {
      if (done > 0) break;
      return errno == EINTR ? -EAGAIN : -errno;
    }
  }
  return static_cast<int64_t>(done);
}

// pread(fd, buffer, offset, length, position)
static napi_value Pread(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Slice(1, 2, 3);
  uint64_t position = arguments.Word(4);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(Complete(bytes, [&](uint8_t* data, size_t length, size_t done) {
    return system_calls.pread(fd, data, length, static_cast<off_t>(position + done));
  }));
}

// pwrite(fd, buffer, offset, length, position)
static napi_value Pwrite(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Slice(1, 2, 3);
  uint64_t position = arguments.Word(4);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(Complete(bytes, [&](const uint8_t* data, size_t length, size_t done) {
    return system_calls.pwrite(fd, data, length, static_cast<off_t>(position + done));
  }));
}

// read(fd, buffer, offset, length): one read, since a message boundary (a
// frame of a tap, a miss of /dev/vhost-net) must not be crossed
static napi_value Read(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Slice(1, 2, 3);
  if (!arguments.ok()) return arguments.Refusal();
  GuardedCall guard;
  ssize_t moved;
  do {
    moved = system_calls.read(fd, bytes.data(), bytes.size());
    if (moved < 0 && errno == EINTR && guard.WasInterrupted()) errno = EAGAIN;
  } while (moved < 0 && errno == EINTR);
  return arguments.Result(OrErrno(moved));
}

// write(fd, buffer, offset, length): one write, for the same reason
static napi_value Write(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Slice(1, 2, 3);
  if (!arguments.ok()) return arguments.Refusal();
  GuardedCall guard;
  ssize_t moved;
  do {
    moved = system_calls.write(fd, bytes.data(), bytes.size());
    if (moved < 0 && errno == EINTR && guard.WasInterrupted()) errno = EAGAIN;
  } while (moved < 0 && errno == EINTR);
  return arguments.Result(OrErrno(moved));
}

// ioctl(fd, request, argument): a word, a byte array or null
static napi_value Ioctl(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  uint64_t request = arguments.Word(1);
  void* argument = nullptr;
  bool is_array = false;
  napi_is_typedarray(env, arguments.Raw(2), &is_array);
  if (is_array) {
    argument = arguments.Bytes(2).data();
  } else if (!arguments.IsNull(2)) {
    argument = reinterpret_cast<void*>(static_cast<uintptr_t>(arguments.Word(2)));
  }
  if (!arguments.ok()) return arguments.Refusal();
  int result;
  do {
    result = system_calls.ioctl(fd, request, argument);
  } while (result < 0 && errno == EINTR);
  return arguments.Result(OrErrno(result));
}

void DefineFile(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"memfdCreate", MemfdCreate},
          {"openFile", OpenFile},
          {"closeFd", CloseFd},
          {"ftruncate", Ftruncate},
          {"fstat", Fstat},
          {"fcntl", Fcntl},
          {"pipe2", Pipe2},
          {"pread", Pread},
          {"pwrite", Pwrite},
          {"read", Read},
          {"write", Write},
          {"ioctl", Ioctl}});
}

}  // namespace vhost_conformance
