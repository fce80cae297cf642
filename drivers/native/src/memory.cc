#include "memory.h"

#include <sys/mman.h>

#include <map>
#include <mutex>

#include "arguments.h"
#include "functions.h"

namespace vhost_conformance {

// One mmap. It belongs to the finalizer of its ArrayBuffer, which runs some
// time after the buffer was detached or collected, perhaps never while a
// synchronous loop runs; `is_mapped` disarms it.
struct MappingRecord {
  void* address;
  size_t length;
  bool is_writable;
  bool is_mapped;
  // Its ArrayBuffer is gone; the release of the last pin unmaps.
  bool is_orphan;
  unsigned pins;
};

static std::mutex mappings_mutex;
// Live mappings by address: no two overlap.
static std::map<uintptr_t, MappingRecord*> mappings;

static MappingRecord* Find(void* address) {
  auto after = mappings.upper_bound(reinterpret_cast<uintptr_t>(address));
  if (after == mappings.begin()) return nullptr;
  MappingRecord* record = std::prev(after)->second;
  uintptr_t offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(record->address);
  return offset < record->length ? record : nullptr;
}

static int64_t Unmap(MappingRecord* record) {
  if (munmap(record->address, record->length) < 0) return -errno;
  record->is_mapped = false;
  mappings.erase(reinterpret_cast<uintptr_t>(record->address));
  return 0;
}

bool PinMapping(void* address, size_t length) {
  std::lock_guard lock(mappings_mutex);
  MappingRecord* record = Find(address);
  if (record == nullptr || !record->is_writable) return false;
  size_t offset = static_cast<size_t>(static_cast<uint8_t*>(address) - static_cast<uint8_t*>(record->address));
  if (length > record->length - offset) return false;
  record->pins++;
  return true;
}

bool IsMapped(void* address) {
  std::unique_lock lock(mappings_mutex, std::try_to_lock);
  return lock.owns_lock() && Find(address) != nullptr;
}

void UnpinMapping(void* address) {
  std::lock_guard lock(mappings_mutex);
  MappingRecord* record = Find(address);
  if (record == nullptr || --record->pins > 0 || !record->is_orphan) return;
  Unmap(record);
  delete record;
}

static void FinalizeMapping(napi_env, void*, void* hint) {
  auto* record = static_cast<MappingRecord*>(hint);
  std::lock_guard lock(mappings_mutex);
  if (record->is_mapped && record->pins > 0) {
    record->is_orphan = true;
    return;
  }
  if (record->is_mapped) Unmap(record);
  delete record;
}

// mapMemory(fd, length, offset, readOnly, hint, out, isFixed, writeOnly,
// isPrivate): the ArrayBuffer,
// or a number that says why not; out[0] becomes the address
static napi_value MapMemory(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  size_t length = arguments.Size(1);
  uint64_t offset = arguments.Word(2);
  bool is_writable = !arguments.Bool(3);
  uint64_t hint = arguments.Word(4);
  auto out = arguments.Words(5);
  if (out.empty()) arguments.Refuse(5);
  bool is_fixed = !arguments.IsNull(6) && arguments.Bool(6);
  bool is_write_only = !arguments.IsNull(7) && arguments.Bool(7);
  bool is_private = !arguments.IsNull(8) && arguments.Bool(8);
  if (!arguments.ok()) return arguments.Refusal();

  int protection = is_write_only ? PROT_WRITE : PROT_READ | (is_writable ? PROT_WRITE : 0);
  void* wanted = reinterpret_cast<void*>(static_cast<uintptr_t>(hint));
  int flags = (is_private ? MAP_PRIVATE : MAP_SHARED) | (is_fixed ? MAP_FIXED_NOREPLACE : 0);
  void* address = mmap(wanted, length, protection, flags, fd, static_cast<off_t>(offset));
  if (address == MAP_FAILED) return arguments.Result(int64_t{-errno});
  if (is_fixed && address != wanted) {
    // A kernel before 4.17 takes the address for a hint.
    munmap(address, length);
    return arguments.Result(int64_t{-EEXIST});
  }

  auto* record = new MappingRecord{address, length, is_writable, true, false, 0};
  {
    std::lock_guard lock(mappings_mutex);
    mappings.emplace(reinterpret_cast<uintptr_t>(address), record);
  }
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, address, length, FinalizeMapping, record, &buffer) != napi_ok) {
    std::lock_guard lock(mappings_mutex);
    Unmap(record);
    delete record;
    return arguments.Result(int64_t{-ENOMEM});
  }
  out[0] = reinterpret_cast<uintptr_t>(address);
  return buffer;
}

// unmapMemory(buffer): EBUSY while pinned, nothing where it was detached before
static napi_value UnmapMemory(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_arraybuffer_info(env, arguments.Raw(0), &data, &length) != napi_ok) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();

  bool is_detached = false;
  napi_is_detached_arraybuffer(env, arguments.Raw(0), &is_detached);
  if (is_detached) return arguments.Result(int64_t{0});

  std::unique_lock lock(mappings_mutex);
  auto found = mappings.find(reinterpret_cast<uintptr_t>(data));
  if (found == mappings.end()) return arguments.Result(int64_t{-EINVAL});
  if (found->second->pins > 0) return arguments.Result(int64_t{-EBUSY});
  // Unmapped first: detaching may run the finalizer, which frees the record
  // and takes the lock.
  int64_t result = Unmap(found->second);
  lock.unlock();
  if (result == 0 && napi_detach_arraybuffer(env, arguments.Raw(0)) != napi_ok) result = -EINVAL;
  return arguments.Result(result);
}

void DefineMemory(napi_env env, napi_value exports) {
  Define(env, exports, {{"mapMemory", MapMemory}, {"unmapMemory", UnmapMemory}});
}

}  // namespace vhost_conformance
