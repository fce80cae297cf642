#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "arguments.h"
#include "functions.h"

namespace vhost_conformance {

// Bytes of the virtio_net_hdr ahead of each frame, of its two addresses, and of a tag.
constexpr size_t kHeader = 10;
constexpr size_t kAddresses = 12;
constexpr size_t kTag = 4;

// packetSocket(interfaceIndex): what comes in on an interface, and not what we send. Each frame has a virtio_net_hdr
// ahead, in both directions.
static napi_value PacketSocket(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int index = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return arguments.Result(OrErrno(fd));
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = index;
  bool is_set = true;
  for (int option : {PACKET_IGNORE_OUTGOING, PACKET_VNET_HDR, PACKET_AUXDATA}) {
    int on = 1;
    is_set = is_set && setsockopt(fd, SOL_PACKET, option, &on, sizeof on) == 0;
  }
  if (!is_set || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    int64_t error = -static_cast<int64_t>(errno);
    close(fd);
    return arguments.Result(error);
  }
  return arguments.Result(int64_t{fd});
}

// The tag of a VLAN, which the kernel takes out of a frame and tells beside it. True where there is one.
static bool TagOf(msghdr& message, uint8_t tag[kTag]) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata told;
    std::memcpy(&told, CMSG_DATA(part), sizeof told);
    if ((told.tp_status & TP_STATUS_VLAN_VALID) == 0) return false;
    bool has_type = (told.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    uint16_t words[] = {htons(has_type ? told.tp_vlan_tpid : ETH_P_8021Q), htons(told.tp_vlan_tci)};
    std::memcpy(tag, words, kTag);
    return true;
  }
  return false;
}

// packetReceive(fd, buffer): the next frame as it was sent, its tag included; 0 where there is none
static napi_value PacketReceive(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int fd = arguments.Int(0);
  std::span<uint8_t> buffer = arguments.Bytes(1);
  if (buffer.size() < kHeader + kAddresses + kTag) arguments.Refuse(1);
  if (!arguments.ok()) return arguments.Refusal();
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(tpacket_auxdata))];
  iovec part = {buffer.data(), buffer.size() - kTag};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
  if (length < 0) return arguments.Result(errno == EAGAIN || errno == EINTR ? int64_t{0} : OrErrno(length));
  uint8_t tag[kTag];
  constexpr size_t at = kHeader + kAddresses;
  if (static_cast<size_t>(length) >= at && TagOf(message, tag)) {
    std::memmove(buffer.data() + at + kTag, buffer.data() + at, length - at);
    std::memcpy(buffer.data() + at, tag, kTag);
    length += kTag;
  }
  return arguments.Result(int64_t{length});
}

void DefinePacket(napi_env env, napi_value exports) {
  Define(env, exports, {{"packetSocket", PacketSocket}, {"packetReceive", PacketReceive}});
}

}  // namespace vhost_conformance
