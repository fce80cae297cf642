// A small vhost-user front-end, to measure against: one sendmsg and one
// recvmsg per message, one eventfd write and one read per ring round trip.
//
//   front-end features SOCKET COUNT    GET_FEATURES round trips
//   front-end ring SOCKET COUNT        one block request at a time (GET_ID, one indirect descriptor)
//   front-end session SOCKET COUNT     connect, negotiate, memory (acknowledged), two rings, one read, close
//   front-end packed SOCKET COUNT      one frame at a time through packed rings, sent on ring 1 and back on ring 0
//
// Prints nanoseconds for one of them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost_types.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
  GET_FEATURES = 1,
  SET_FEATURES = 2,
  SET_OWNER = 3,
  SET_MEM_TABLE = 5,
  SET_VRING_NUM = 8,
  SET_VRING_ADDR = 9,
  SET_VRING_BASE = 10,
  SET_VRING_KICK = 12,
  SET_VRING_CALL = 13,
  SET_VRING_ERR = 14,
  GET_PROTOCOL_FEATURES = 15,
  SET_PROTOCOL_FEATURES = 16,
  SET_VRING_ENABLE = 18,
};

enum { need_reply = 1 << 3 };
enum { QUEUE_SIZE = 128, RINGS = 2, MEMORY_SIZE = 1 << 20, RING_BYTES = 0x4000, EVENTS = 0x1000, BUFFERS = RINGS * RING_BYTES };

static const uint64_t guest_base = 0x40000000;
static const uint64_t user_base = 0x7e0040000000;
static const uint64_t reply_ack = 1 << 3;
static const uint64_t wanted_features = 1ull << 32 | 1ull << 30 | 1ull << 28;
static const uint64_t packed_features = 1ull << 34 | 1ull << 32 | 1ull << 30;

struct message {
  uint32_t request, flags, size;
  union {
    uint64_t u64;
    struct {
      uint32_t index, num;
    } state;
    struct {
      uint32_t index, flags;
      uint64_t descriptor, used, available, log;
    } address;
    struct {
      uint32_t count, padding;
      uint64_t guest, size, user, offset;
    } memory;
  } __attribute__((packed));
} __attribute__((packed));

struct packed_ring {
  struct vring_packed_desc* descriptors;
  struct vring_packed_desc_event *driver, *device;
  uint16_t avail, used;
  uint16_t avail_wrap, used_wrap;
};

struct ring {
  struct vring vring;
  struct packed_ring packed;
  uint16_t last_used;
  int kick, call, error;
};

struct session {
  bool is_packed;
  int socket, memory_fd;
  uint8_t* memory;
  struct ring rings[RINGS];
};

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void send_message(int fd, struct message* message, int descriptor) {
  struct iovec data = {message, 12 + message->size};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
  } control;
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};
  if (descriptor >= 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    struct cmsghdr* one = CMSG_FIRSTHDR(&header);
    one->cmsg_level = SOL_SOCKET;
    one->cmsg_type = SCM_RIGHTS;
    one->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(one), &descriptor, sizeof(int));
  }
  if (sendmsg(fd, &header, MSG_NOSIGNAL) != (ssize_t)data.iov_len) fail("sendmsg");
}

static uint64_t receive_word(int fd, uint32_t request) {
  struct message reply;
  struct iovec data = {&reply, 12 + 8};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};
  // The storage daemon writes header and payload one after the other.
  if (recvmsg(fd, &header, MSG_WAITALL) != 20 || reply.request != request || reply.size != 8) fail("recvmsg");
  return reply.u64;
}

static void send_word(int fd, uint32_t request, uint64_t word, int descriptor) {
  struct message message = {.request = request, .flags = 1, .size = 8, .u64 = word};
  send_message(fd, &message, descriptor);
}

static void send_state(int fd, uint32_t request, uint32_t index, uint32_t num) {
  struct message message = {.request = request, .flags = 1, .size = 8, .state = {index, num}};
  send_message(fd, &message, -1);
}

static uint64_t ask(int fd, uint32_t request) {
  struct message message = {.request = request, .flags = 1, .size = 0};
  send_message(fd, &message, -1);
  return receive_word(fd, request);
}

static int connect_to(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) < 0) fail(path);
  return fd;
}

static void negotiate(int fd, uint64_t wanted) {
  struct message owner = {.request = SET_OWNER, .flags = 1, .size = 0};
  send_message(fd, &owner, -1);
  uint64_t offered = ask(fd, GET_FEATURES);
  ask(fd, GET_PROTOCOL_FEATURES);
  send_word(fd, SET_PROTOCOL_FEATURES, reply_ack, -1);
  send_word(fd, SET_FEATURES, offered & wanted, -1);
}

static void share_memory(struct session* session) {
  session->memory_fd = memfd_create("front-end", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (session->memory_fd < 0 || ftruncate(session->memory_fd, MEMORY_SIZE) < 0) fail("memfd_create");
  fcntl(session->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  session->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, session->memory_fd, 0);
  if (session->memory == MAP_FAILED) fail("mmap");
  struct message message = {.request = SET_MEM_TABLE, .flags = 1 | need_reply, .size = 40};
  message.memory.count = 1;
  message.memory.guest = guest_base;
  message.memory.size = MEMORY_SIZE;
  message.memory.user = user_base;
  send_message(session->socket, &message, session->memory_fd);
  if (receive_word(session->socket, SET_MEM_TABLE) != 0) fail("SET_MEM_TABLE");
}

static void attach(struct session* session, uint32_t index) {
  struct ring* ring = &session->rings[index];
  int fd = session->socket;
  uint8_t* at = session->memory + index * RING_BYTES;
  if (session->is_packed) {
    ring->packed = (struct packed_ring){(void*)at, (void*)(at + EVENTS), (void*)(at + EVENTS + 4), 0, 0, 1, 1};
  } else {
    vring_init(&ring->vring, QUEUE_SIZE, at, 16);
  }
  ring->last_used = 0;
  ring->kick = eventfd(0, EFD_CLOEXEC);
  ring->call = eventfd(0, EFD_CLOEXEC);
  ring->error = eventfd(0, EFD_CLOEXEC);
  send_state(fd, SET_VRING_NUM, index, QUEUE_SIZE);
  // Slot 0 and wrap counter 1, twice.
  send_state(fd, SET_VRING_BASE, index, session->is_packed ? 0x80008000 : 0);
  struct message message = {.request = SET_VRING_ADDR, .flags = 1, .size = 40};
  message.address.index = index;
  uint8_t* driver = session->is_packed ? (uint8_t*)ring->packed.driver : (uint8_t*)ring->vring.avail;
  uint8_t* device = session->is_packed ? (uint8_t*)ring->packed.device : (uint8_t*)ring->vring.used;
  message.address.descriptor = user_base + (uint64_t)(at - session->memory);
  message.address.available = user_base + (uint64_t)(driver - session->memory);
  message.address.used = user_base + (uint64_t)(device - session->memory);
  send_message(fd, &message, -1);
  send_word(fd, SET_VRING_CALL, index, ring->call);
  send_word(fd, SET_VRING_ERR, index, ring->error);
  send_word(fd, SET_VRING_KICK, index, ring->kick);
  send_state(fd, SET_VRING_ENABLE, index, 1);
}

static void begin(struct session* session, const char* path) {
  session->socket = connect_to(path);
  negotiate(session->socket, session->is_packed ? packed_features : wanted_features);
  share_memory(session);
  for (uint32_t index = 0; index < RINGS; index++) attach(session, index);
}

static void end(struct session* session) {
  for (int index = 0; index < RINGS; index++) {
    close(session->rings[index].kick);
    close(session->rings[index].call);
    close(session->rings[index].error);
  }
  close(session->socket);
  munmap(session->memory, MEMORY_SIZE);
  close(session->memory_fd);
}

static void put(struct vring_desc* to, uint64_t address, uint32_t length, uint16_t flags, uint16_t next) {
  to->addr = address;
  to->len = length;
  to->flags = flags;
  to->next = next;
}

// One request of a header, `length` bytes for the device to write, and a
// status, as an indirect table behind one descriptor.
static void transfer(struct session* session, struct ring* ring, uint32_t type, uint32_t length) {
  struct vring* vring = &ring->vring;
  uint64_t buffers = guest_base + BUFFERS;
  struct virtio_blk_outhdr* header = (void*)(session->memory + BUFFERS);
  volatile uint8_t* status = session->memory + BUFFERS + 0x10;
  struct vring_desc* table = (void*)(session->memory + BUFFERS + 0x20);
  header->type = type;
  header->sector = 0;
  *status = 0xff;
  put(&table[0], buffers, sizeof *header, VRING_DESC_F_NEXT, 1);
  put(&table[1], buffers + 0x1000, length, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 2);
  put(&table[2], buffers + 0x10, 1, VRING_DESC_F_WRITE, 0);
  uint16_t slot = vring->avail->idx % QUEUE_SIZE;
  put(&vring->desc[slot], buffers + 0x20, 3 * sizeof *table, VRING_DESC_F_INDIRECT, 0);
  vring->avail->ring[slot] = slot;
  __atomic_store_n(&vring->avail->idx, vring->avail->idx + 1, __ATOMIC_SEQ_CST);
  uint64_t one = 1;
  if (write(ring->kick, &one, sizeof one) != sizeof one) fail("kick");
  while (__atomic_load_n(&vring->used->idx, __ATOMIC_SEQ_CST) == ring->last_used) {
    // Back-ends make the eventfd nonblocking, on our side too.
    struct pollfd wait = {.fd = ring->call, .events = POLLIN};
    uint64_t calls;
    if (poll(&wait, 1, -1) != 1 || read(ring->call, &calls, sizeof calls) != sizeof calls) fail("call");
  }
  if (vring->used->ring[ring->last_used % QUEUE_SIZE].id != slot || *status != 0) fail("used element");
  ring->last_used++;
}

static void move_on(uint16_t* slot, uint16_t* wrap) {
  if (++*slot < QUEUE_SIZE) return;
  *slot = 0;
  *wrap ^= 1;
}

// Makes one buffer available, and kicks if the device wants that.
static void offer(struct ring* ring, uint64_t address, uint32_t length, uint16_t flags) {
  struct packed_ring* packed = &ring->packed;
  struct vring_packed_desc* descriptor = &packed->descriptors[packed->avail];
  descriptor->addr = address;
  descriptor->len = length;
  descriptor->id = 0;
  flags |= 1 << (packed->avail_wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED);
  __atomic_store_n(&descriptor->flags, flags, __ATOMIC_SEQ_CST);
  move_on(&packed->avail, &packed->avail_wrap);
  uint64_t one = 1;
  uint16_t wanted = __atomic_load_n(&packed->device->flags, __ATOMIC_SEQ_CST);
  if (wanted != VRING_PACKED_EVENT_FLAG_DISABLE && write(ring->kick, &one, sizeof one) != sizeof one) fail("kick");
}

// Whether a buffer came back within the time; its length then.
static bool take(struct ring* ring, int timeout_ms, uint32_t* length) {
  struct packed_ring* packed = &ring->packed;
  struct vring_packed_desc* descriptor = &packed->descriptors[packed->used];
  const uint16_t marks = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED;
  const uint16_t used = packed->used_wrap ? marks : 0;
  while ((__atomic_load_n(&descriptor->flags, __ATOMIC_SEQ_CST) & marks) != used) {
    struct pollfd wait = {.fd = ring->call, .events = POLLIN};
    uint64_t calls;
    if (poll(&wait, 1, timeout_ms) != 1) return false;
    if (read(ring->call, &calls, sizeof calls) != sizeof calls) fail("call");
  }
  *length = descriptor->len;
  move_on(&packed->used, &packed->used_wrap);
  return true;
}

enum { FRAME = 12 + 60, ROOM = 2048 };

// Sends a frame and waits until it comes back.
static void round_trip(struct session* session, bool is_first) {
  uint64_t buffers = guest_base + BUFFERS;
  uint32_t length = 0;
  offer(&session->rings[0], buffers + 0x2000, ROOM, VRING_DESC_F_WRITE);
  // What comes before the port runs is dropped.
  for (int tries = 0; tries < 100; tries++) {
    uint32_t sent;
    offer(&session->rings[1], buffers, FRAME, 0);
    bool is_back = take(&session->rings[0], is_first ? 50 : 5000, &length);
    if (!take(&session->rings[1], 5000, &sent)) fail("the frame was not sent");
    if (is_back) break;
    if (!is_first) fail("the frame did not come back");
  }
  if (length != FRAME) fail("length of the frame");
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int count_of_arguments, char** arguments) {
  if (count_of_arguments != 4) {
    fprintf(stderr, "usage: front-end features|ring|session|packed SOCKET COUNT\n");
    return 2;
  }
  const char* mode = arguments[1];
  const char* path = arguments[2];
  long count = strtol(arguments[3], NULL, 10);
  long warm_up = strcmp(mode, "session") == 0 ? 1 : count / 10;
  struct session session = {.is_packed = strcmp(mode, "packed") == 0};
  double before = 0;
  if (strcmp(mode, "session") != 0) begin(&session, path);
  if (session.is_packed) {
    // A broadcast address, and one of our own.
    memset(session.memory + BUFFERS + 12, 0xff, 6);
    memcpy(session.memory + BUFFERS + 18, "\x02\x00\x00\x00\x00\x01\x88\xb5", 8);
    round_trip(&session, true);
  }
  for (long done = -warm_up; done < count; done++) {
    if (done == 0) before = now();
    if (strcmp(mode, "features") == 0) {
      ask(session.socket, GET_FEATURES);
    } else if (strcmp(mode, "ring") == 0) {
      transfer(&session, &session.rings[0], VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_ID_BYTES);
    } else if (session.is_packed) {
      round_trip(&session, false);
    } else {
      begin(&session, path);
      transfer(&session, &session.rings[0], VIRTIO_BLK_T_IN, 512);
      end(&session);
    }
  }
  printf("%.1f\n", (now() - before) / (double)count);
  return 0;
}
