#include "socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "arguments.h"
#include "functions.h"
#include "guard.h"
#include "system-calls.h"
#include "wait.h"

namespace vhost_conformance {

union ControlBuffer {
  cmsghdr align;
  char bytes[CMSG_SPACE(kMaxFds * sizeof(int32_t))];
};

int64_t SendAll(int fd, std::span<const uint8_t> bytes, std::span<const int32_t> fds, int64_t deadline_ns) {
  ControlBuffer control;
  iovec part = {const_cast<uint8_t*>(bytes.data()), bytes.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    std::memset(&control, 0, CMSG_SPACE(fds.size_bytes()));
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  for (;;) {
    ssize_t sent = system_calls.sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      part.iov_base = static_cast<uint8_t*>(part.iov_base) + sent;
      part.iov_len -= static_cast<size_t>(sent);
      if (part.iov_len == 0) return static_cast<int64_t>(bytes.size());
      message.msg_control = nullptr;
      message.msg_controllen = 0;
    } else if (errno == EAGAIN) {
      int64_t ready = PollOne(fd, POLLOUT, deadline_ns);
      if (ready < 0) return ready;
      if (ready == 0) return static_cast<int64_t>(bytes.size() - part.iov_len);
    } else if (errno != EINTR) {
      return -errno;
    }
  }
}

Received ReceiveOnce(int fd, std::span<uint8_t> bytes, std::span<int32_t> fds, int flags) {
  ControlBuffer control;
  iovec part = {bytes.data(), bytes.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  // CMSG_LEN, not CMSG_SPACE: its padding has room for one more descriptor,
  // which would never be closed.
  size_t room = std::min(fds.size(), kMaxFds);
  if (room > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_LEN(room * sizeof(int32_t));
  }
  Received received;
  ssize_t got;
  // Descriptors for which there is no room are closed on the way out, and the last close of a socket waits for its peer
  // where it lingers.
  GuardedCall guard;
  do {
    got = system_calls.recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    received.bytes = -errno;
    return received;
  }
  received.bytes = got;
  received.is_control_truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  received.is_data_truncated = (message.msg_flags & MSG_TRUNC) != 0;
  if (message.msg_controllen == 0) return received;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int32_t);
    for (size_t i = 0; i < count && static_cast<size_t>(received.fd_count) < room; i++) {
      std::memcpy(&fds[static_cast<size_t>(received.fd_count++)], CMSG_DATA(header) + i * sizeof(int32_t),
                  sizeof(int32_t));
    }
  }
  return received;
}

// socket()
static napi_value Socket(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  return arguments.Result(OrErrno(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
}

// The address of a path, which need not end with a zero byte when it fills
// the field; its length, or 0 where it is too long.
static socklen_t AddressOf(const std::string& path, sockaddr_un* address) {
  *address = {};
  address->sun_family = AF_UNIX;
  if (path.size() >= sizeof address->sun_path) return 0;
  std::memcpy(address->sun_path, path.data(), path.size());
  bool is_abstract = !path.empty() && path[0] == '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
}

// connect(fd, path)
static napi_value Connect(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  std::string path = arguments.Text(1);
  if (!arguments.ok()) return arguments.Refusal();
  sockaddr_un address;
  socklen_t length = AddressOf(path, &address);
  if (length == 0) return arguments.Result(int64_t{-ENAMETOOLONG});
  int result;
  do {
    result = connect(fd, reinterpret_cast<sockaddr*>(&address), length);
  } while (result < 0 && errno == EINTR);
  return arguments.Result(OrErrno(result));
}

// bind(fd, path)
static napi_value Bind(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  std::string path = arguments.Text(1);
  if (!arguments.ok()) return arguments.Refusal();
  sockaddr_un address;
  socklen_t length = AddressOf(path, &address);
  if (length == 0) return arguments.Result(int64_t{-ENAMETOOLONG});
  return arguments.Result(OrErrno(bind(fd, reinterpret_cast<sockaddr*>(&address), length)));
}

// listen(fd, backlog)
static napi_value Listen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  int backlog = arguments.Int(1);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(listen(fd, backlog)));
}

// accept(fd)
static napi_value Accept(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  int connection;
  do {
    connection = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
  } while (connection < 0 && (errno == EINTR || errno == ECONNABORTED));
  return arguments.Result(OrErrno(connection));
}

// shutdown(fd, how)
static napi_value Shutdown(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  int how = arguments.Int(1);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(shutdown(fd, how)));
}

// socketPair(out)
static napi_value SocketPair(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  auto out = arguments.Ints(0);
  if (out.size() < 2) arguments.Refuse(0);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(OrErrno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out.data())));
}

// peerCredentials(fd, out): out becomes pid, uid, gid
static napi_value PeerCredentials(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto out = arguments.Ints(1);
  if (out.size() < 3) arguments.Refuse(1);
  if (!arguments.ok()) return arguments.Refusal();
  ucred credentials = {};
  socklen_t length = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return arguments.Result(int64_t{-errno});
  out[0] = credentials.pid;
  out[1] = static_cast<int32_t>(credentials.uid);
  out[2] = static_cast<int32_t>(credentials.gid);
  return arguments.Result(int64_t{0});
}

// sendMessage(fd, buffer, offset, length, fds, fdCount, deadlineUs)
static napi_value SendMessage(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Slice(1, 2, 3);
  auto fds = arguments.Ints(4);
  size_t fd_count = arguments.Size(5);
  double deadline_us = arguments.Number(6);
  if (fd_count > fds.size() || fd_count > kMaxFds) arguments.Refuse(5);
  if (!arguments.ok()) return arguments.Refusal();
  return arguments.Result(SendAll(fd, bytes, fds.first(fd_count), DeadlineNs(deadline_us)));
}

// sendMessages(fd, buffer, lengths, fds, fdCounts, count, deadlineUs, result):
// messages that lie one after the other, each with its descriptors, one sendmsg
// each. Returns how many went whole; where that is not all, result becomes the
// bytes sent of the next one and the errno that ended it, 0 at the deadline.
static napi_value SendMessages(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Bytes(1);
  auto lengths = arguments.Ints(2);
  auto fds = arguments.Ints(3);
  auto fd_counts = arguments.Ints(4);
  size_t count = arguments.Size(5);
  double deadline_us = arguments.Number(6);
  auto result = arguments.Ints(7);
  if (result.size() < 2) arguments.Refuse(7);
  if (count > lengths.size() || count > fd_counts.size()) {
    arguments.Refuse(5);
    count = 0;
  }
  size_t total = 0;
  size_t total_fds = 0;
  for (size_t i = 0; i < count; i++) {
    if (lengths[i] < 1) arguments.Refuse(2);
    if (fd_counts[i] < 0 || static_cast<size_t>(fd_counts[i]) > kMaxFds) arguments.Refuse(4);
    total += static_cast<size_t>(lengths[i]);
    total_fds += static_cast<size_t>(fd_counts[i]);
  }
  if (total > bytes.size()) arguments.Refuse(2);
  if (total_fds > fds.size()) arguments.Refuse(4);
  if (!arguments.ok()) return arguments.Refusal();

  int64_t deadline = DeadlineNs(deadline_us);
  std::fill_n(result.begin(), 2, 0);
  for (size_t i = 0; i < count; i++) {
    size_t length = static_cast<size_t>(lengths[i]);
    size_t fd_count = static_cast<size_t>(fd_counts[i]);
    int64_t sent = SendAll(fd, bytes.first(length), fds.first(fd_count), deadline);
    if (sent < static_cast<int64_t>(length)) {
      result[sent < 0 ? 1 : 0] = static_cast<int32_t>(sent < 0 ? -sent : sent);
      return arguments.Result(static_cast<int64_t>(i));
    }
    bytes = bytes.subspan(length);
    fds = fds.subspan(fd_count);
  }
  return arguments.Result(static_cast<int64_t>(count));
}

// receiveMessage(fd, buffer, offset, length, fdsOut, flags, result): result
// becomes the count of descriptors, control truncated, data truncated
static napi_value ReceiveMessage(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  auto bytes = arguments.Slice(1, 2, 3);
  auto fds = arguments.Ints(4);
  int flags = arguments.Int(5);
  auto result = arguments.Ints(6);
  if (result.size() < 3) arguments.Refuse(6);
  if (!arguments.ok()) return arguments.Refusal();
  Received received = ReceiveOnce(fd, bytes, fds, flags | MSG_DONTWAIT);
  result[0] = received.fd_count;
  result[1] = received.is_control_truncated ? 1 : 0;
  result[2] = received.is_data_truncated ? 1 : 0;
  return arguments.Result(received.bytes);
}

void DefineSocket(napi_env env, napi_value exports) {
  Define(env, exports,
         {{"socket", Socket},
          {"connect", Connect},
          {"bind", Bind},
          {"listen", Listen},
          {"accept", Accept},
          {"shutdown", Shutdown},
          {"socketPair", SocketPair},
          {"peerCredentials", PeerCredentials},
          {"sendMessage", SendMessage},
          {"sendMessages", SendMessages},
          {"receiveMessage", ReceiveMessage}});
}

}  // namespace vhost_conformance
