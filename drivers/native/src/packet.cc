#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arguments.h"
#include "functions.h"
#include "guard.h"

namespace vhost_conformance {

// packetSocket(interfaceIndex): what comes in on an interface, and not what we send. Each frame has a virtio_net_hdr
// of 10 bytes ahead, in both directions.
static napi_value PacketSocket(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int index = arguments.Int(0);
  if (!arguments.ok()) return arguments.Refusal();
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return arguments.Result(OrErrno(fd));
  int on = 1;
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = index;
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    int64_t error = -static_cast<int64_t>(errno);
    close(fd);
    return arguments.Result(error);
  }
  return arguments.Result(int64_t{fd});
}

void DefinePacket(napi_env env, napi_value exports) {
  static const Function kFunctions[] = {{"packetSocket", PacketSocket}};
  Define(env, exports, kFunctions);
}

}  // namespace vhost_conformance
