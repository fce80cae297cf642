// Driver side and device side of a virtqueue in one process and one memory, to measure against.
//
//   both-sides split|packed COUNT
//
// Each round adds a chain of three descriptors, publishes it, takes it on the device side with each address translated
// and checked against its region, completes it, and takes the used element. Prints nanoseconds for one descriptor.
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 256, CHAIN = 3, MEMORY_SIZE = 1 << 20, BUFFERS = 1 << 16 };

static const uint64_t guest_base = 0x40000000;

struct segment {
  uint64_t address;
  uint32_t length;
  bool is_writable;
};

struct piece {
  uint8_t* at;
  uint32_t length;
};

struct chain {
  uint16_t id, slots, readable_count, writable_count;
  uint32_t readable_length, writable_length;
  struct piece readable[SIZE], writable[SIZE];
};

// A region of guest memory as a device knows it.
struct region {
  uint64_t guest, size;
  uint8_t* memory;
};

// What a driver keeps outside the ring: free descriptors, and what is outstanding.
struct bookkeeping {
  uint16_t next_free[SIZE], count[SIZE];
  bool is_outstanding[SIZE];
  uint16_t free_head, free_count;
};

static void fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void prepare(struct bookkeeping* books) {
  for (int i = 0; i < SIZE; i++) books->next_free[i] = (uint16_t)(i + 1);
  books->free_head = 0;
  books->free_count = SIZE;
}

static bool translate(const struct region* region, uint64_t address, uint32_t length, struct piece* piece) {
  uint64_t offset = address - region->guest;
  if (address < region->guest || offset > region->size || length > region->size - offset) return false;
  *piece = (struct piece){region->memory + offset, length};
  return true;
}

// Whether the descriptor is lawful where it stands: written parts come last, inside memory.
static bool append(struct chain* chain, const struct region* region, uint64_t address, uint32_t length, bool writable) {
  if (length == 0) return false;
  if (writable) {
    chain->writable_length += length;
    return translate(region, address, length, &chain->writable[chain->writable_count++]);
  }
  if (chain->writable_count > 0) return false;
  chain->readable_length += length;
  return translate(region, address, length, &chain->readable[chain->readable_count++]);
}

static void clear(struct chain* chain) {
  chain->readable_count = chain->writable_count = 0;
  chain->readable_length = chain->writable_length = 0;
}

// --- split

struct split_driver {
  struct vring ring;
  struct bookkeeping books;
  uint16_t next_avail, last_used;
};

struct split_device {
  struct vring ring;
  uint16_t last_avail, next_used;
};

static int split_add(struct split_driver* driver, const struct segment* segments, int count) {
  struct bookkeeping* books = &driver->books;
  if (books->free_count < count) return -1;
  uint16_t head = books->free_head, at = head;
  for (int i = 0; i < count; i++) {
    struct vring_desc* descriptor = &driver->ring.desc[at];
    descriptor->addr = segments[i].address;
    descriptor->len = segments[i].length;
    descriptor->flags = (uint16_t)((segments[i].is_writable ? VRING_DESC_F_WRITE : 0) |
                                   (i + 1 < count ? VRING_DESC_F_NEXT : 0));
    uint16_t next = books->next_free[at];
    descriptor->next = i + 1 < count ? next : 0;
    at = next;
  }
  books->free_head = at;
  books->free_count -= (uint16_t)count;
  books->count[head] = (uint16_t)count;
  books->is_outstanding[head] = true;
  driver->ring.avail->ring[driver->next_avail++ % SIZE] = head;
  return head;
}

static void split_publish(struct split_driver* driver) {
  __atomic_store_n(&driver->ring.avail->idx, driver->next_avail, __ATOMIC_SEQ_CST);
}

static bool split_next(struct split_device* device, const struct region* region, struct chain* chain) {
  if (__atomic_load_n(&device->ring.avail->idx, __ATOMIC_SEQ_CST) == device->last_avail) return false;
  uint16_t at = device->ring.avail->ring[device->last_avail % SIZE];
  clear(chain);
  chain->id = at;
  for (int taken = 0;; taken++) {
    if (at >= SIZE || taken == SIZE) return false;
    struct vring_desc descriptor = device->ring.desc[at];
    if (descriptor.flags & VRING_DESC_F_INDIRECT) return false;
    if (!append(chain, region, descriptor.addr, descriptor.len, descriptor.flags & VRING_DESC_F_WRITE)) return false;
    if (!(descriptor.flags & VRING_DESC_F_NEXT)) break;
    at = descriptor.next;
  }
  device->last_avail++;
  return true;
}

static void split_complete(struct split_device* device, const struct chain* chain, uint32_t written) {
  struct vring_used_elem* element = &device->ring.used->ring[device->next_used % SIZE];
  element->id = chain->id;
  element->len = written;
  __atomic_store_n(&device->ring.used->idx, ++device->next_used, __ATOMIC_SEQ_CST);
}

static bool split_take_used(struct split_driver* driver, uint32_t* id, uint32_t* length) {
  if (__atomic_load_n(&driver->ring.used->idx, __ATOMIC_SEQ_CST) == driver->last_used) return false;
  struct vring_used_elem element = driver->ring.used->ring[driver->last_used++ % SIZE];
  struct bookkeeping* books = &driver->books;
  *id = element.id;
  *length = element.len;
  if (element.id >= SIZE || !books->is_outstanding[element.id]) return true;
  uint16_t head = (uint16_t)element.id, last = head;
  for (int i = 1; i < books->count[head]; i++) last = books->next_free[last];
  books->next_free[last] = books->free_head;
  books->free_head = head;
  books->free_count += books->count[head];
  books->is_outstanding[head] = false;
  return true;
}

// --- packed

struct packed_driver {
  struct vring_packed_desc* ring;
  struct bookkeeping books;
  // The first descriptor of what was added and not published yet, and its flags.
  struct vring_packed_desc* unpublished;
  uint16_t unpublished_flags;
  uint16_t avail, used;
  bool avail_wrap, used_wrap;
};

struct packed_device {
  struct vring_packed_desc* ring;
  uint16_t avail, used;
  bool avail_wrap, used_wrap;
};

static void move(uint16_t* slot, bool* wrap, int by) {
  *slot = (uint16_t)(*slot + by);
  if (*slot < SIZE) return;
  *slot = (uint16_t)(*slot - SIZE);
  *wrap = !*wrap;
}

static uint16_t available_bits(bool wrap) {
  return wrap ? 1 << VRING_PACKED_DESC_F_AVAIL : 1 << VRING_PACKED_DESC_F_USED;
}

static uint16_t used_bits(bool wrap) {
  return wrap ? 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED : 0;
}

enum { MARKS = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED };

static int packed_add(struct packed_driver* driver, const struct segment* segments, int count) {
  struct bookkeeping* books = &driver->books;
  if (books->free_count < count) return -1;
  uint16_t id = books->free_head;
  books->free_head = books->next_free[id];
  books->free_count -= (uint16_t)count;
  books->count[id] = (uint16_t)count;
  books->is_outstanding[id] = true;
  for (int i = 0; i < count; i++) {
    struct vring_packed_desc* descriptor = &driver->ring[driver->avail];
    descriptor->addr = segments[i].address;
    descriptor->len = segments[i].length;
    descriptor->id = id;
    uint16_t flags = (uint16_t)((segments[i].is_writable ? VRING_DESC_F_WRITE : 0) |
                                (i + 1 < count ? VRING_DESC_F_NEXT : 0) | available_bits(driver->avail_wrap));
    // The first one becomes available last.
    if (i == 0 && driver->unpublished == NULL) {
      driver->unpublished = descriptor;
      driver->unpublished_flags = flags;
    } else {
      descriptor->flags = flags;
    }
    move(&driver->avail, &driver->avail_wrap, 1);
  }
  return id;
}

static void packed_publish(struct packed_driver* driver) {
  if (driver->unpublished == NULL) return;
  __atomic_store_n(&driver->unpublished->flags, driver->unpublished_flags, __ATOMIC_SEQ_CST);
  driver->unpublished = NULL;
}

static bool packed_next(struct packed_device* device, const struct region* region, struct chain* chain) {
  uint16_t flags = __atomic_load_n(&device->ring[device->avail].flags, __ATOMIC_SEQ_CST);
  if ((flags & MARKS) != available_bits(device->avail_wrap)) return false;
  uint16_t at = device->avail;
  bool wrap = device->avail_wrap;
  clear(chain);
  for (chain->slots = 0;;) {
    if (chain->slots == SIZE) return false;
    struct vring_packed_desc descriptor = device->ring[at];
    if (descriptor.flags & VRING_DESC_F_INDIRECT) return false;
    if (!append(chain, region, descriptor.addr, descriptor.len, descriptor.flags & VRING_DESC_F_WRITE)) return false;
    chain->slots++;
    move(&at, &wrap, 1);
    if (descriptor.flags & VRING_DESC_F_NEXT) continue;
    // The buffer id is that of the last descriptor.
    chain->id = descriptor.id;
    break;
  }
  device->avail = at;
  device->avail_wrap = wrap;
  return true;
}

static void packed_complete(struct packed_device* device, const struct chain* chain, uint32_t written) {
  struct vring_packed_desc* descriptor = &device->ring[device->used];
  descriptor->id = chain->id;
  descriptor->len = written;
  uint16_t flags = (uint16_t)((written > 0 ? VRING_DESC_F_WRITE : 0) | used_bits(device->used_wrap));
  __atomic_store_n(&descriptor->flags, flags, __ATOMIC_SEQ_CST);
  move(&device->used, &device->used_wrap, chain->slots);
}

static bool packed_take_used(struct packed_driver* driver, uint32_t* id, uint32_t* length) {
  uint16_t flags = __atomic_load_n(&driver->ring[driver->used].flags, __ATOMIC_SEQ_CST);
  if ((flags & MARKS) != used_bits(driver->used_wrap)) return false;
  struct vring_packed_desc descriptor = driver->ring[driver->used];
  struct bookkeeping* books = &driver->books;
  *id = descriptor.id;
  *length = descriptor.len;
  if (descriptor.id >= SIZE || !books->is_outstanding[descriptor.id]) {
    move(&driver->used, &driver->used_wrap, 1);
    return true;
  }
  move(&driver->used, &driver->used_wrap, books->count[descriptor.id]);
  books->free_count += books->count[descriptor.id];
  books->is_outstanding[descriptor.id] = false;
  books->next_free[descriptor.id] = books->free_head;
  books->free_head = descriptor.id;
  return true;
}

// --- both

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint8_t* memory;
static struct region region;
static struct chain chain;
static const struct segment segments[CHAIN] = {
    {guest_base + BUFFERS, 16, false}, {guest_base + BUFFERS + 0x1000, 512, true}, {guest_base + BUFFERS + 0x2000, 1, true}};

static struct split_driver split_driver;
static struct split_device split_device;
static struct packed_driver packed_driver;
static struct packed_device packed_device;

static void split_round(void) {
  uint32_t id, length;
  int head = split_add(&split_driver, segments, CHAIN);
  split_publish(&split_driver);
  if (!split_next(&split_device, &region, &chain)) fail("nothing is available");
  split_complete(&split_device, &chain, chain.writable_length);
  if (!split_take_used(&split_driver, &id, &length) || (int)id != head || length != 513) fail("used element");
}

static void packed_round(void) {
  uint32_t id, length;
  int given = packed_add(&packed_driver, segments, CHAIN);
  packed_publish(&packed_driver);
  if (!packed_next(&packed_device, &region, &chain)) fail("nothing is available");
  packed_complete(&packed_device, &chain, chain.writable_length);
  if (!packed_take_used(&packed_driver, &id, &length) || (int)id != given || length != 513) fail("used element");
}

int main(int count_of_arguments, char** arguments) {
  if (count_of_arguments != 3) {
    fprintf(stderr, "usage: both-sides split|packed COUNT\n");
    return 2;
  }
  bool is_packed = strcmp(arguments[1], "packed") == 0;
  long count = strtol(arguments[2], NULL, 10);
  memory = aligned_alloc(4096, MEMORY_SIZE);
  if (memory == NULL) fail("memory");
  memset(memory, 0, MEMORY_SIZE);
  region = (struct region){guest_base, MEMORY_SIZE, memory};
  vring_init(&split_driver.ring, SIZE, memory, 4);
  split_device.ring = split_driver.ring;
  prepare(&split_driver.books);
  packed_driver.ring = packed_device.ring = (void*)memory;
  packed_driver.avail_wrap = packed_driver.used_wrap = packed_device.avail_wrap = packed_device.used_wrap = true;
  prepare(&packed_driver.books);
  double before = 0;
  for (long done = -count / 10; done < count; done++) {
    if (done == 0) before = now();
    if (is_packed) packed_round();
    else split_round();
  }
  printf("%.3f\n", (now() - before) / (double)count / CHAIN);
  return 0;
}
