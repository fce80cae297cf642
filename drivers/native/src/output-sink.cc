#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#include "arguments.h"
#include "functions.h"

namespace vhost_conformance {

constexpr size_t kHead = 4 * 1024;
constexpr size_t kTail = 64 * 1024;
constexpr size_t kChunk = 64 * 1024;
// What one look takes out of the pipe at most: its writer may be faster than we are.
constexpr int kChunksPerLook = 16;

// A pipe that a thread empties, so that what a process prints takes bounded memory, no disk, and never blocks it. The
// beginning and the end of the text are kept.
struct OutputSink {
  int read_fd = -1;
  int stop_fd = -1;
  pthread_t thread = {};
  std::mutex mutex;
  std::vector<uint8_t> head;
  // A ring of kTail bytes once it is full; `tail_at` is its oldest byte then.
  std::vector<uint8_t> tail;
  size_t tail_at = 0;
  bool is_ended = false;
};

static std::vector<OutputSink*> sinks;

static void Keep(OutputSink& sink, const uint8_t* bytes, size_t length) {
  size_t of_head = std::min(length, kHead - sink.head.size());
  sink.head.insert(sink.head.end(), bytes, bytes + of_head);
  if (length > kTail) {
    bytes += length - kTail;
    length = kTail;
  }
  size_t appended = std::min(length, kTail - sink.tail.size());
  sink.tail.insert(sink.tail.end(), bytes, bytes + appended);
  for (bytes += appended, length -= appended; length > 0;) {
    size_t part = std::min(length, kTail - sink.tail_at);
    std::memcpy(sink.tail.data() + sink.tail_at, bytes, part);
    sink.tail_at = (sink.tail_at + part) % kTail;
    bytes += part;
    length -= part;
  }
}

// With the mutex held: takes what waits in the pipe.
static void Drain(OutputSink& sink) {
  static thread_local uint8_t chunk[kChunk];
  for (int n = 0; n < kChunksPerLook && !sink.is_ended; n++) {
    ssize_t got = read(sink.read_fd, chunk, sizeof chunk);
    if (got > 0) {
      Keep(sink, chunk, static_cast<size_t>(got));
    } else if (got == 0) {
      sink.is_ended = true;
    } else if (errno != EINTR) {
      return;
    }
  }
}

static void* DrainUntilStopped(void* argument) {
  auto& sink = *static_cast<OutputSink*>(argument);
  for (;;) {
    pollfd set[2] = {{sink.read_fd, POLLIN, 0}, {sink.stop_fd, POLLIN, 0}};
    if (poll(set, 2, -1) < 0 && errno != EINTR) return nullptr;
    if (set[1].revents != 0) return nullptr;
    std::lock_guard lock(sink.mutex);
    Drain(sink);
    if (sink.is_ended) return nullptr;
  }
}

static int64_t Open(OutputSink& sink, int* write_fd) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  sink.read_fd = ends[0];
  *write_fd = ends[1];
  // Each end of a pipe is an open file of its own: the writer stays a blocking one.
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) return -errno;
  sink.stop_fd = eventfd(0, EFD_CLOEXEC);
  if (sink.stop_fd < 0) return -errno;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&sink.thread, nullptr, DrainUntilStopped, &sink);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return -error;
}

static void CloseEnds(const OutputSink& sink) {
  if (sink.read_fd >= 0) close(sink.read_fd);
  if (sink.stop_fd >= 0) close(sink.stop_fd);
}

// outputSinkCreate(out): a handle; out becomes the end to write to
static napi_value OutputSinkCreate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto out = arguments.Ints(0);
  if (out.empty()) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  auto* sink = new OutputSink;
  int write_fd = -1;
  int64_t result = Open(*sink, &write_fd);
  if (result < 0) {
    CloseEnds(*sink);
    if (write_fd >= 0) close(write_fd);
    delete sink;
    return arguments.Result(result);
  }
  out[0] = write_fd;
  auto place = std::find(sinks.begin(), sinks.end(), nullptr);
  if (place == sinks.end()) place = sinks.insert(sinks.end(), nullptr);
  *place = sink;
  return arguments.Result(static_cast<int64_t>(place - sinks.begin()));
}

static OutputSink* SinkOf(Arguments& arguments, size_t index) {
  size_t handle = arguments.Size(index);
  if (handle < sinks.size() && sinks[handle] != nullptr) return sinks[handle];
  arguments.Refuse(index);
  return nullptr;
}

// outputSinkRead(handle, isHead, buffer): bytes of the beginning, or of the end, that were put into the buffer
static napi_value OutputSinkRead(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  OutputSink* sink = SinkOf(arguments, 0);
  bool is_head = arguments.Bool(1);
  auto buffer = arguments.Bytes(2);
  if (!arguments.ok()) return arguments.Refusal();
  std::lock_guard lock(sink->mutex);
  Drain(*sink);
  if (is_head) {
    size_t length = std::min(buffer.size(), sink->head.size());
    std::copy_n(sink->head.begin(), length, buffer.begin());
    return arguments.Result(static_cast<int64_t>(length));
  }
  size_t size = sink->tail.size();
  size_t length = std::min(buffer.size(), size);
  for (size_t i = 0; i < length; i++) buffer[i] = sink->tail[(sink->tail_at + size - length + i) % size];
  return arguments.Result(static_cast<int64_t>(length));
}

// outputSinkClose(handle): what is written afterwards fails with EPIPE
static napi_value OutputSinkClose(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  OutputSink* sink = SinkOf(arguments, 0);
  size_t handle = arguments.Size(0);
  if (!arguments.ok()) return arguments.Refusal();
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(sink->stop_fd, &one, sizeof one);
  pthread_join(sink->thread, nullptr);
  CloseEnds(*sink);
  delete sink;
  sinks[handle] = nullptr;
  return arguments.Result(int64_t{0});
}

void DefineOutputSink(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"outputSinkCreate", OutputSinkCreate},
          {"outputSinkRead", OutputSinkRead},
          {"outputSinkClose", OutputSinkClose}});
}

}  // namespace vhost_conformance
