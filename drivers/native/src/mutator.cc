#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "arguments.h"
#include "functions.h"
#include "memory.h"

namespace vhost_conformance {

// Writes a list of patterns in turn to one place of shared memory, while a
// device reads it. The mapping is pinned for as long as the thread runs.
class Mutator {
 public:
  Mutator(uint8_t* target, size_t length, std::vector<uint8_t> patterns, int64_t period_ns)
      : target_(target), length_(length), patterns_(std::move(patterns)), period_(period_ns) {}

  int Start() {
    // Signals belong to the thread that runs the event loop.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(
        &thread_, nullptr,
        [](void* self) -> void* {
          static_cast<Mutator*>(self)->Run();
          return nullptr;
        },
        this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error;
  }

  uint64_t Stop() {
    {
      std::lock_guard lock(mutex_);
      stops_ = true;
    }
    wakes_.notify_one();
    pthread_join(thread_, nullptr);
    return writes_;
  }

  uint8_t* target() const { return target_; }

 private:
  void Run() {
    // The default slack is 50 us, longer than many periods asked for.
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    size_t count = patterns_.size() / length_;
    for (size_t index = 0; !stops_; index = (index + 1) % count) {
      Write(patterns_.data() + index * length_);
      writes_++;
      if (period_.count() == 0) {
        sched_yield();
      } else {
        std::unique_lock lock(mutex_);
        wakes_.wait_for(lock, period_, [this] { return stops_.load(); });
      }
    }
  }

  // A field of its natural size and place changes at once; the rest byte by byte.
  void Write(const uint8_t* pattern) {
    if (StoreWhole<uint16_t>(pattern) || StoreWhole<uint32_t>(pattern) || StoreWhole<uint64_t>(pattern)) return;
    for (size_t i = 0; i < length_; i++) std::atomic_ref(target_[i]).store(pattern[i], std::memory_order_relaxed);
  }

  template <typename Field>
  bool StoreWhole(const uint8_t* pattern) {
    if (length_ != sizeof(Field) || reinterpret_cast<uintptr_t>(target_) % sizeof(Field) != 0) return false;
    Field value;
    std::memcpy(&value, pattern, sizeof value);
    std::atomic_ref(*reinterpret_cast<Field*>(target_)).store(value, std::memory_order_relaxed);
    return true;
  }

  uint8_t* target_;
  size_t length_;
  std::vector<uint8_t> patterns_;
  std::chrono::nanoseconds period_;
  pthread_t thread_ = {};
  std::mutex mutex_;
  std::condition_variable wakes_;
  std::atomic<bool> stops_ = false;
  uint64_t writes_ = 0;
};

static std::mutex mutators_mutex;
static std::map<int64_t, std::unique_ptr<Mutator>> mutators;
static int64_t next_mutator = 1;

// startMutator(buffer, offset, length, patterns, periodNs): a handle; the
// patterns lie one behind the other, each of that length
static napi_value StartMutator(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto target = arguments.Memory(0, 1, 2);
  auto patterns = arguments.Bytes(3);
  size_t period_ns = arguments.Size(4);
  if (patterns.empty() || (!target.empty() && patterns.size() % target.size() != 0)) arguments.Refuse(3);
  if (!arguments.ok()) return arguments.Refusal();

  if (!PinMapping(target.data(), target.size())) return arguments.Result(int64_t{-EACCES});
  auto mutator = std::make_unique<Mutator>(target.data(), target.size(),
                                           std::vector<uint8_t>(patterns.begin(), patterns.end()),
                                           static_cast<int64_t>(period_ns));
  int error = mutator->Start();
  if (error != 0) {
    UnpinMapping(target.data());
    return arguments.Result(int64_t{-error});
  }
  std::lock_guard lock(mutators_mutex);
  mutators.emplace(next_mutator, std::move(mutator));
  return arguments.Result(next_mutator++);
}

// stopMutator(handle): how many times it wrote
static napi_value StopMutator(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  double handle = arguments.Number(0);
  if (!arguments.ok()) return arguments.Refusal();
  std::unique_ptr<Mutator> mutator;
  {
    std::lock_guard lock(mutators_mutex);
    auto found = mutators.find(static_cast<int64_t>(handle));
    if (found == mutators.end()) return arguments.Result(int64_t{-EINVAL});
    mutator = std::move(found->second);
    mutators.erase(found);
  }
  uint64_t writes = mutator->Stop();
  UnpinMapping(mutator->target());
  return arguments.Result(static_cast<int64_t>(writes));
}

void DefineMutator(napi_env env, napi_value exports) {
  Define(env, exports, {{"startMutator", StartMutator}, {"stopMutator", StopMutator}});
}

}  // namespace vhost_conformance
