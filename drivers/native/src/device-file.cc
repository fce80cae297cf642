#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "arguments.h"
#include "functions.h"
#include "system-calls.h"

namespace vhost_conformance {

// An argument of an ioctl whose number does not say how large it is, before
// memory that may not be touched: a kernel that goes beyond its end meets a
// fault as it would in a program that has no more, and never our heap.
constexpr size_t kMaxArgument = 64 * 1024;

class GuardedArgument {
 public:
  // Returns nothing where there is no memory.
  static uint8_t* End() {
    static uint8_t* end = Map();
    return end;
  }

 private:
  static uint8_t* Map() {
    auto guard = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* whole = mmap(nullptr, kMaxArgument + guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (whole == MAP_FAILED) return nullptr;
    if (mprotect(whole, kMaxArgument, PROT_READ | PROT_WRITE) == 0) return static_cast<uint8_t*>(whole) + kMaxArgument;
    munmap(whole, kMaxArgument + guard);
    return nullptr;
  }
};

// deviceIoctl(fd, request, argument): the bytes as they are, with nothing
// behind them; what the call wrote into them is copied back
static napi_value DeviceIoctl(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  uint64_t request = arguments.Word(1);
  auto argument = arguments.Bytes(2);
  if (argument.size() > kMaxArgument) arguments.Refuse(2);
  if (!arguments.ok()) return arguments.Refusal();
  uint8_t* end = GuardedArgument::End();
  if (end == nullptr) return arguments.Result(int64_t{-ENOMEM});
  uint8_t* guarded = end - argument.size();
  if (!argument.empty()) memcpy(guarded, argument.data(), argument.size());
  int result;
  do {
    result = system_calls.ioctl(fd, request, guarded);
  } while (result < 0 && errno == EINTR);
  int64_t answer = OrErrno(result);
  if (!argument.empty()) memcpy(argument.data(), guarded, argument.size());
  return arguments.Result(answer);
}

// Where the bytes of a transfer lie while it is made. One of more bytes than
// there are has them before memory that may not be touched.
class TransferBuffer {
 public:
  TransferBuffer(std::span<uint8_t> bytes, size_t count) : bytes_(bytes) {
    if (count <= bytes.size()) {
      at_ = bytes.data();
      return;
    }
    uint8_t* end = GuardedArgument::End();
    if (end == nullptr) return;
    at_ = guarded_ = end - bytes.size();
    if (!bytes.empty()) memcpy(guarded_, bytes.data(), bytes.size());
  }
  ~TransferBuffer() {
    if (guarded_ != nullptr && !bytes_.empty()) memcpy(bytes_.data(), guarded_, bytes_.size());
  }
  TransferBuffer(const TransferBuffer&) = delete;
  TransferBuffer& operator=(const TransferBuffer&) = delete;

  uint8_t* at() const { return at_; }

 private:
  std::span<uint8_t> bytes_;
  uint8_t* at_ = nullptr;
  uint8_t* guarded_ = nullptr;
};

// One transfer, since a device takes the rest of a short one for another
// access.
template <typename Transfer>
static napi_value Transferred(napi_env env, napi_callback_info info, Transfer transfer) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Bytes(1);
  uint64_t position = arguments.Word(2);
  size_t count = arguments.Size(3);
  if (count > bytes.size() && bytes.size() > kMaxArgument) arguments.Refuse(1);
  if (!arguments.ok()) return arguments.Refusal();
  TransferBuffer buffer(bytes, count);
  ssize_t moved;
  do {
    moved = transfer(fd, buffer.at(), count, static_cast<off_t>(position));
  } while (moved < 0 && errno == EINTR);
  return arguments.Result(OrErrno(moved));
}

// devicePread(fd, buffer, position, count)
static napi_value DevicePread(napi_env env, napi_callback_info info) {
  return Transferred(env, info, system_calls.pread);
}

// devicePwrite(fd, buffer, position, count)
static napi_value DevicePwrite(napi_env env, napi_callback_info info) {
  return Transferred(env, info, system_calls.pwrite);
}

void DefineDeviceFile(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"deviceIoctl", DeviceIoctl}, {"devicePread", DevicePread}, {"devicePwrite", DevicePwrite}});
}

}  // namespace vhost_conformance
