#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "arguments.h"
#include "functions.h"
#include "receive-timeout.h"
#include "socket.h"
#include "wait.h"

namespace vhost_conformance {

enum ExchangeOutcome : int64_t { kReply = 0, kClosed = 1, kDeadline = 2, kOtherReady = 3 };

// The header of a vhost-user message: request, flags, size of the payload.
constexpr size_t kHeaderSize = 12;
constexpr size_t kSizeOffset = 8;
constexpr size_t kMaxOthers = 63;
// A header that declares more is handed over as it is: its payload may never come.
constexpr uint32_t kMaxPayload = 1 << 16;

static bool IsWholeMessage(std::span<const uint8_t> bytes, size_t capacity) {
  if (bytes.size() == capacity) return true;
  if (bytes.size() < kHeaderSize) return false;
  uint32_t payload;
  std::memcpy(&payload, bytes.data() + kSizeOffset, sizeof payload);
  return payload > kMaxPayload || bytes.size() - kHeaderSize >= payload;
}

static bool IsClosed(int64_t result) { return result == -ECONNRESET || result == -EPIPE; }

// exchange(fd, sendBuffer, sendLength, sendFds, sendFdCount, receiveBuffer,
//          fdsOut, result, deadlineUs, otherFds, otherEvents, otherRevents,
//          otherCount, expectedLength)
//
// Sends one message and receives until a whole message has come. `result`
// becomes bytes received, descriptors received, control truncated, bytes
// sent, errno of a reset connection.
static napi_value Exchange(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto send_buffer = arguments.Bytes(1);
  size_t send_length = arguments.Size(2);
  auto send_fds = arguments.Ints(3);
  size_t send_fd_count = arguments.Size(4);
  auto receive_buffer = arguments.Bytes(5);
  auto fds_out = arguments.Ints(6);
  auto result = arguments.Ints(7);
  double deadline_us = arguments.Number(8);
  size_t other_count = arguments.Size(12);
  size_t expected = arguments.Size(13);
  std::span<int32_t> other_fds;
  std::span<int16_t> other_events;
  std::span<int16_t> other_revents;
  if (other_count > 0) {
    other_fds = arguments.Ints(9);
    other_events = arguments.Shorts(10);
    other_revents = arguments.Shorts(11);
  }
  if (send_length > send_buffer.size()) arguments.Refuse(2);
  if (send_fd_count > send_fds.size() || send_fd_count > kMaxFds) arguments.Refuse(4);
  if (receive_buffer.empty()) arguments.Refuse(5);
  if (result.size() < 5) arguments.Refuse(7);
  if (expected > receive_buffer.size()) arguments.Refuse(13);
  if (other_count > kMaxOthers || other_count > other_fds.size() || other_count > other_events.size() ||
      other_count > other_revents.size()) {
    arguments.Refuse(12);
  }
  if (!arguments.ok()) return arguments.Refusal();

  std::fill_n(result.begin(), 5, 0);
  int64_t deadline = DeadlineNs(deadline_us);
  int64_t sent = SendAll(fd, send_buffer.first(send_length), send_fds.first(send_fd_count), deadline);
  if (IsClosed(sent)) {
    result[4] = static_cast<int32_t>(-sent);
    return arguments.Result(int64_t{kClosed});
  }
  if (sent < 0) return arguments.Result(sent);
  result[3] = static_cast<int32_t>(sent);
  if (static_cast<size_t>(sent) < send_length) return arguments.Result(int64_t{kDeadline});

  pollfd set[1 + kMaxOthers];
  set[0] = {fd, POLLIN, 0};
  for (size_t i = 0; i < other_count; i++) set[1 + i] = {other_fds[i], other_events[i], 0};
  size_t bytes = 0;
  size_t fd_count = 0;
  // At first the receive itself waits, which saves the poll: nearly all
  // replies come at once, if in parts. Other descriptors are looked at only
  // after it timed out. Not close to the deadline, since the timeout is coarse.
  bool waits_in_receive = BoundReceive(fd);
  for (;;) {
    int flags = 0;
    if (waits_in_receive) waits_in_receive = deadline - MonotonicNs() > kReceiveTimeoutNs;
    if (!waits_in_receive) {
      flags = MSG_DONTWAIT;
      // Polled first: the reply to a message just sent is hardly ever there
      // already, and a receive that finds nothing costs as much as this.
      int64_t ready = PollUntil(set, 1 + other_count, deadline);
      if (ready < 0) return arguments.Result(ready);
      if (ready == 0) return arguments.Result(int64_t{kDeadline});
      if (set[0].revents == 0) {
        for (size_t i = 0; i < other_count; i++) other_revents[i] = set[1 + i].revents;
        return arguments.Result(int64_t{kOtherReady});
      }
    }
    std::span<uint8_t> room = receive_buffer.subspan(bytes);
    if (flags == 0 && expected > bytes) {
      // Back-ends that write header and payload apart wake us once this way.
      flags = MSG_WAITALL;
      room = room.first(expected - bytes);
    }
    Received received = ReceiveOnce(fd, room, fds_out.subspan(fd_count), flags);
    if (received.bytes == -EAGAIN) {
      waits_in_receive = false;
      continue;
    }
    if (received.bytes == 0 || IsClosed(received.bytes)) {
      result[4] = static_cast<int32_t>(-received.bytes);
      return arguments.Result(int64_t{kClosed});
    }
    if (received.bytes < 0) return arguments.Result(received.bytes);
    bytes += static_cast<size_t>(received.bytes);
    fd_count += static_cast<size_t>(received.fd_count);
    result[0] = static_cast<int32_t>(bytes);
    result[1] = static_cast<int32_t>(fd_count);
    if (received.is_control_truncated) result[2] = 1;
    if (IsWholeMessage(receive_buffer.first(bytes), receive_buffer.size())) return arguments.Result(int64_t{kReply});
  }
}

void DefineExchange(napi_env env, napi_value exports) { Define(env, exports, {{"exchange", Exchange}}); }

}  // namespace vhost_conformance
