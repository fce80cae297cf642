import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { mostRegionBytes } from '../../reference-impl/oracle/model/inflight-model.ts';
import { isQueueSize } from '../../reference-impl/virtqueue/split/layout.ts';
import { VHOST_USER_VRING_NOFD_MASK, vhostUserConfigFlags } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { memoryRegionsPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { Space } from './arguments.ts';
import type { KnownQueue, KnownSession, KnownState } from './known-state.ts';
import type { CallOf } from './program.ts';
import { regionsOf } from './region-lawfulness.ts';
import { breaks, lawful, refused, succeeds, unfollowed, type Verdict } from './verdict.ts';

type MessageCall = CallOf<'message'>;

/** The number in a field; 0 for one that is left out, undefined for a place of memory. */
export function fieldOf({ fields }: MessageCall, name: string): bigint | undefined {
  const told = fields.findLast((field) => field.name === name)?.value;
  if (told === undefined) return 0n;
  return told.kind === 'literal' ? told.value : undefined;
}

/** The same of a field of 32 bits. */
export function field32Of(call: MessageCall, name: string): bigint | undefined {
  const value = fieldOf(call, name);
  return value === undefined ? undefined : BigInt.asUintN(32, value);
}

/** Every back-end has a ring of these indices, and none of those. */
const leastQueues = 1n;
const indexOfNoRing = 0x8000n;
const mostEntries = 0x8000;
/** Virtio 5.1.4.1: what a network device may have, and what every network carries. */
const smallestMtu = 68n;
const plainMtus = [1280n, 1500n] as const;

/** The queue that is known to run at the index of a ring: what tainted the session, a reset for one, may have stopped it. */
function runningAt(known: KnownState, session: KnownSession, index: bigint): KnownQueue | undefined {
  if (session.tainted !== undefined) return undefined;
  const queue = known.queues.get(session.queues.get(Number(index)) ?? 0);
  return queue === undefined || queue.isStopped ? undefined : queue;
}

/** How a message by hand about a ring stands to the text, which is well formed. */
export function ringMessage(known: KnownState, call: MessageCall, session: KnownSession): Verdict {
  const { request } = call;
  const isWord =
    request === requestId.VHOST_USER_SET_VRING_KICK ||
    request === requestId.VHOST_USER_SET_VRING_CALL ||
    request === requestId.VHOST_USER_SET_VRING_ERR;
  const word = isWord ? fieldOf(call, 'u64') : field32Of(call, 'index');
  if (word === undefined) return unfollowed('session', 'a ring that is named by an address');
  const index = isWord ? word & 0xffn : word;
  if (index >= indexOfNoRing) {
    return refused('session', 'a ring that no device has', 'vu-vring/ring-index-out-of-range-refused');
  }
  const queues = BigInt(known.target.queues ?? 0);
  if (index >= leastQueues && index >= queues) return unfollowed('session', 'a ring that the device may not have');
  const running = runningAt(known, session, index);
  // A ring that was started by hand may run.
  const isFree = running === undefined && session.tainted === undefined;
  const number = field32Of(call, 'num');
  switch (request) {
    case requestId.VHOST_USER_SET_VRING_NUM:
      if (number === undefined) return unfollowed('session', 'a size that is an address');
      if (number === 0n || number > mostEntries) {
        return refused('session', `a ring of ${number} entries`, 'vu-vring/bad-ring-size-refused');
      }
      if (!isQueueSize(Number(number))) return unfollowed('session', 'a size that a packed ring alone has');
      return isFree ? succeeds : unfollowed('session', 'the size of a ring that runs');
    case requestId.VHOST_USER_SET_VRING_BASE:
      return isFree && number !== undefined && number < 0x8000n
        ? succeeds
        : unfollowed('session', 'the base of a ring that runs');
    case requestId.VHOST_USER_SET_VRING_ENDIAN:
      if (number !== undefined && number > 1n) {
        return refused('session', `a byte order of ${number}`, 'vu-vring/unknown-byte-order-refused');
      }
      // A driver of virtio 1 is little-endian; programs have no other rings.
      return isFree && number === 0n ? succeeds : unfollowed('session', 'the byte order of a ring');
    case requestId.VHOST_USER_SET_VRING_CALL:
      if (running === undefined) return descriptorsOf(known, call);
      running.hasCalls = false;
      return descriptorsOf(known, call);
    case requestId.VHOST_USER_SET_VRING_ERR:
      return descriptorsOf(known, call);
    case requestId.VHOST_USER_SET_VRING_ENABLE:
      if (number === undefined || number > 1n) return breaks('session', 'an enable value beside 0 and 1');
      if (isFree && known.target.device !== 'net' && known.accepts(session, 'VHOST_USER_F_PROTOCOL_FEATURES')) {
        if (number === 1n) session.enabled.add(Number(index));
        else session.enabled.delete(Number(index));
        return succeeds;
      }
      return number === 1n && running !== undefined
        ? succeeds
        : { ...unfollowed('session', 'a ring is disabled, or enabled before it runs'), succeeds: true };
    case requestId.VHOST_USER_GET_VRING_BASE:
      return running === undefined ? lawful : unfollowed('session', 'a ring is stopped by hand');
    case requestId.VHOST_USER_VRING_KICK:
      return running === undefined ? unfollowed('session', 'a ring is started in band') : succeeds;
    case requestId.VHOST_USER_SET_VRING_KICK:
      if (!passesEvents(known, call)) return descriptorsOf(known, call);
      if (running?.isUnstarted === true && call.descriptors[0]?.kind === 'eventfd') {
        running.hasKick = true;
        running.isUnstarted = false;
        return succeeds;
      }
      if (session.strayRings.has(Number(index)) && session.tainted === undefined) {
        return refused('session', 'a ring that lies nowhere', 'vu-vring/ring-addresses-are-user-addresses');
      }
      return {
        ...unfollowed('session', 'a ring is started by hand'),
        ...(running === undefined ? {} : { succeeds: true }),
      };
  }
  if (running !== undefined && isLogOf(known, call, running))
    return isRingOf(known, call, session, 'user') ? succeeds : ofRing;
  if (!isFree) return ofRing;
  const { target } = known;
  const isTranslated =
    known.accepts(session, 'VIRTIO_F_ACCESS_PLATFORM') || known.accepts(session, 'VHOST_USER_PROTOCOL_F_GPA_ADDRESSES');
  // There the guest-physical addresses of one region are user addresses of the other.
  const isCrossed = known.memories.get(session.memory)?.layout === 'crossed';
  if (target.keepsChoices === true && !isTranslated && !isCrossed && isRingOf(known, call, session, 'guest')) {
    // That nothing lies there shows where the ring starts.
    session.strayRings.add(Number(index));
    return lawful;
  }
  if (!isRingOf(known, call, session, 'user')) return ofRing;
  session.strayRings.delete(Number(index));
  return succeeds;
}

const ofRing = unfollowed('session', 'the addresses of a ring');

/** Whether addresses of a ring that runs are those that it has, and only say whether its used ring is logged, and where. */
function isLogOf(known: KnownState, call: MessageCall, { ring }: KnownQueue): boolean {
  const isSame = Object.keys(areaOfField).every((name) => {
    const value = call.fields.findLast((field) => field.name === name)?.value;
    return value?.kind === 'ring' && value.ring === ring;
  });
  const log = call.fields.findLast(({ name }) => name === 'log')?.value;
  const flags = field32Of(call, 'flags');
  const isPlace =
    log?.kind === 'literal'
      ? log.value > 0n && log.value < endOfLog && log.value % 4n === 0n
      : log?.kind === 'ring' &&
        log.ring === ring &&
        log.space === 'guest' &&
        log.area === 'device' &&
        log.offset >= 0 &&
        log.offset <= farthestLog &&
        log.offset % 4 === 0;
  return isSame && known.rings.get(ring)?.layout === 'split' && (flags === 0n || (flags === 1n && isPlace));
}

/** The marks of a used ring may be anywhere: so far behind its memory, or below this address. */
const farthestLog = 0x10_0000;
const endOfLog = 1n << 32n;

const areaOfField = { descriptor: 'descriptor', available: 'driver', used: 'device' } as const;

/** Whether the addresses are those of a ring in the memory that the session was told. */
function isRingOf(known: KnownState, { fields }: MessageCall, session: KnownSession, space: Space): boolean {
  return Object.entries(areaOfField).every(([name, area]) => {
    const value = fields.findLast((field) => field.name === name)?.value;
    if (value?.kind !== 'ring' || value.area !== area || value.offset !== 0 || value.space !== space) return false;
    const memory = known.rings.get(value.ring)?.memory;
    return memory !== undefined && memory === session.memory;
  });
}

/** Event file descriptors, as the text has them, or the bit that says that there is none. */
function passesEvents(known: KnownState, call: MessageCall): boolean {
  const isWithout = ((fieldOf(call, 'u64') ?? 0n) & VHOST_USER_VRING_NOFD_MASK) !== 0n;
  return (
    isWithout ||
    call.descriptors.every(({ kind }) => kind === 'eventfd' || (kind === 'pipe' && known.target.keepsChoices === true))
  );
}

const descriptorsOf = (known: KnownState, call: MessageCall): Verdict =>
  passesEvents(known, call) ? succeeds : breaks('session', 'a descriptor that is no event file descriptor');

/** How a message by hand about the session stands to the text, which is well formed; undefined for one not known here. */
export function sessionMessage(known: KnownState, call: MessageCall, session: KnownSession): Verdict | undefined {
  const [first] = call.descriptors;
  switch (call.request) {
    case requestId.VHOST_USER_SET_OWNER: {
      const isFirst = !session.hasOwner;
      session.hasOwner = true;
      return isFirst ? succeeds : lawful;
    }
    case requestId.VHOST_USER_SET_LOG_BASE: {
      const [size, offset] = [fieldOf(call, 'logSize'), fieldOf(call, 'logOffset')];
      const isPlaced = size !== undefined && offset !== undefined && size > 0n && offset % pageBytes === 0n;
      const isLog = first?.kind === 'memory-file' && isPlaced;
      return isLog && offset < 1n << 32n && size + offset <= first.size
        ? lawful
        : unfollowed('session', 'a log that may be refused');
    }
    case requestId.VHOST_USER_SET_LOG_FD:
      return first?.kind === 'eventfd' ? succeeds : unfollowed('session', 'a descriptor that may be refused');
    case requestId.VHOST_USER_SEND_RARP:
      return lawful;
    case requestId.VHOST_USER_SET_CONFIG:
      if (known.target.keepsChoices === true && (field32Of(call, 'flags') ?? 0n) > 1n) {
        return refused('session', 'flags of a kind that is not defined', 'vu-config/undefined-config-flags-refused');
      }
      return writesWriteback(known, call, session) ? succeeds : unfollowed('iut', 'the configuration was written');
    case requestId.VHOST_USER_ADD_MEM_REG:
    case requestId.VHOST_USER_REM_MEM_REG:
      return slotMessage(known, call, session);
    case requestId.VHOST_USER_SET_MEM_TABLE:
      return isPlainTable(call)
        ? { ...unfollowed('session', 'a memory table by hand'), succeeds: true }
        : unfollowed('session', 'a memory table that may be refused');
    case requestId.VHOST_USER_GET_INFLIGHT_FD:
      // The buffer of a session that has none yet: it counts once it is passed back.
      return asksForBuffer(call) && session.inflight === undefined
        ? lawful
        : unfollowed('session', 'another buffer of requests in flight');
    case requestId.VHOST_USER_SET_INFLIGHT_FD: {
      const told = unfollowed('session', 'a buffer of requests in flight');
      const inflight = inflightOf(call);
      if (inflight === undefined || session.queues.size > 0) return told;
      session.inflight = inflight;
      return session.tainted === undefined ? succeeds : { ...told, succeeds: true };
    }
    case requestId.VHOST_USER_NET_SET_MTU: {
      const mtu = fieldOf(call, 'u64');
      if (mtu !== undefined && mtu < smallestMtu) return refused('session', 'no MTU', 'vu-net/mtu-validated');
      return plainMtus.some((plain) => plain === mtu) ? succeeds : lawful;
    }
    case requestId.VHOST_USER_SET_BACKEND_REQ_FD:
      if (session.asksForTranslations === true) return unfollowed('session', 'the channel of the back-end changes');
      session.isAnswered = false;
      return first?.kind === 'socket' ? succeeds : unfollowed('session', 'a descriptor that is no socket');
    case requestId.VHOST_USER_RESET_DEVICE:
      if (known.target.keepsChoices === true && session.tainted === undefined) return resetBy(known, session);
      return { ...unfollowed('session', 'a reset'), succeeds: true };
    case requestId.VHOST_USER_RESET_OWNER:
      return { ...unfollowed('session', 'a reset'), succeeds: true };
    case requestId.VHOST_USER_SET_STATUS: {
      const status = fieldOf(call, 'u64');
      return status === undefined
        ? unfollowed('session', 'a status that is an address')
        : status === 0n && known.target.keepsChoices === true && session.tainted === undefined
          ? resetBy(known, session)
          : statusWritten(session, status);
    }
  }
  return undefined;
}

/** Every ring rests from now on, and what was negotiated is gone. */
function resetBy(known: KnownState, session: KnownSession): Verdict {
  session.status = 0;
  session.hasNegotiated = false;
  session.enabled.clear();
  for (const id of session.queues.values()) {
    const queue = known.queues.get(id);
    if (queue !== undefined) queue.isStopped = true;
  }
  return succeeds;
}

/** A buffer for rings that every back-end may have. */
function asksForBuffer(call: MessageCall): boolean {
  const [queues, size] = [fieldOf(call, 'numQueues'), fieldOf(call, 'queueSize')];
  return queues !== undefined && size !== undefined && queues > 0n && queues <= 2n && size > 0n && size <= 1024n;
}

/** A file of ours with room for the records of so many rings, in either layout. */
function inflightOf(call: MessageCall): KnownSession['inflight'] {
  const [file] = call.descriptors;
  const [bytes, offset, queues, size] = ['mmapSize', 'mmapOffset', 'numQueues', 'queueSize'].map((name) =>
    fieldOf(call, name),
  );
  if (file?.kind !== 'memory-file' || bytes === undefined || offset !== 0n || !queues || !size) return undefined;
  const isRoomy = bytes <= BigInt(file.size) && queues * BigInt(mostRegionBytes(Number(size))) <= bytes;
  return isRoomy && queues <= 0xffffn && size <= 0xffffn
    ? { event: call.id, queues: Number(queues), size: Number(size), ring: undefined }
    : undefined;
}

/** From here on, up to the next: no memory of a program lies there, in none of its address spaces. */
const freeGuest = { start: 0x70_0000_0000n, end: 0x71_0000_0000n } as const;
const freeUser = { start: 0x6f00_0000_0000n, end: 0x6f01_0000_0000n } as const;
/** As many regions beside those of a memory every back-end that has slots can hold. */
const leastSlots = 2;
const pageBytes = 0x1000n;

/** The field of a disk that a driver may write (virtio 5.2.5), with a value that it may have. */
function writesWriteback(known: KnownState, call: MessageCall, session: KnownSession): boolean {
  const isField = fieldOf(call, 'offset') === writebackAt && fieldOf(call, 'size') === 1n;
  if (known.target.device !== 'block' || !isField || !maySayFlags(known, field32Of(call, 'flags'))) return false;
  const isValue = call.bytes.length === 1 && (call.bytes[0] ?? 2) <= 1;
  return isValue && session.tainted === undefined && known.accepts(session, 'VIRTIO_BLK_F_CONFIG_WCE');
}

/** A write of a migration is one that other back-ends refuse. */
const maySayFlags = (known: KnownState, flags: bigint | undefined): boolean =>
  flags === BigInt(vhostUserConfigFlags.writable) ||
  (flags === BigInt(vhostUserConfigFlags.liveMigration) && known.target.keepsChoices === true);

/** A region of a page where no memory of the program lies comes, or goes: it is no matter of the rings. */
function slotMessage(known: KnownState, call: MessageCall, session: KnownSession): Verdict {
  const [guest, user, size, offset] = ['guestAddress', 'userAddress', 'size', 'mmapOffset'].map((name) =>
    fieldOf(call, name),
  );
  const unknown = unfollowed('session', 'a region that may be refused');
  if (session.tainted !== undefined || guest === undefined || user === undefined) return unknown;
  // Translations that lead into memory which changed may have to be asked for again.
  if (known.accepts(session, 'VIRTIO_F_ACCESS_PLATFORM') && session.isAnswered !== true) return unknown;
  if (size !== pageBytes || offset === undefined) return unknown;
  if (guest % pageBytes !== 0n || user % pageBytes !== 0n || offset % pageBytes !== 0n) return unknown;
  if (guest < freeGuest.start || guest >= freeGuest.end || user < freeUser.start || user >= freeUser.end)
    return unknown;
  const key = `${guest} ${user}`;
  const { slots } = session;
  const isThere = slots.has(key);
  if (call.request === requestId.VHOST_USER_REM_MEM_REG) {
    if (!isThere) return refused('session', 'no region that is there', 'vu-memory/unknown-region-removal-refused');
    slots.delete(key);
    return succeeds;
  }
  const [file] = call.descriptors;
  const overlaps = [...slots].some((other) => other.split(' ').some((address, n) => key.split(' ')[n] === address));
  if (overlaps || file?.kind !== 'memory-file' || BigInt(file.size) < offset + pageBytes) return unknown;
  const memory = known.memories.get(session.memory);
  const { memorySlots = leastSlots } = known.target;
  // Of a session without memory, back-ends add what a table brings as well.
  const most = memory === undefined ? leastSlots : Math.max(leastSlots, memorySlots - regionsOf(memory.layout));
  if (slots.size >= most) {
    const isFull = memory !== undefined && known.target.memorySlots !== undefined;
    return isFull
      ? refused('session', `more than ${memorySlots} regions`, 'vu-memory/region-over-slot-limit-refused')
      : unknown;
  }
  slots.add(key);
  // Memory of its own comes ahead of the first table.
  return session.memory === 0 ? lawful : succeeds;
}

/** A table of whole pages that lie in their files and apart from each other. */
function isPlainTable({ bytes, fields, descriptors }: MessageCall): boolean {
  const decoded = memoryRegionsPayload.decode(
    new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    0,
    bytes.length,
  );
  if (fields.length > 0 || !decoded.ok || decoded.remarks.length > 0) return false;
  const { regions } = decoded.value;
  if (regions.length === 0 || regions.length !== descriptors.length) return false;
  return regions.every(({ guestAddress, userAddress, size, mmapOffset }, at) => {
    const file = descriptors[at];
    const isWhole = [guestAddress, userAddress, size, mmapOffset].every((value) => value % pageBytes === 0n);
    const isApart = regions.slice(0, at).every((other) => {
      const ranges = [
        [guestAddress, other.guestAddress],
        [userAddress, other.userAddress],
      ] as const;
      return ranges.every(([one, two]) => one + size <= two || two + other.size <= one);
    });
    const isSmall = size > 0n && size < 1n << 30n && guestAddress < 1n << 47n && userAddress < 1n << 47n;
    return isWhole && isApart && isSmall && file?.kind === 'memory-file' && BigInt(file.size) >= mmapOffset + size;
  });
}

const writebackAt = 32n;

/** ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK (virtio 2.1). */
const statusBits = 0xfn;

/** Virtio 2.1.1: the driver sets one bit after another, and takes none back but by 0, which resets. */
export function statusWritten(session: KnownSession, value: bigint): Verdict {
  if (value > 0xffn) return refused('session', 'a status of more than a byte', 'vu-status/status-above-byte-refused');
  const before = session.status;
  session.status = Number(value);
  if (value === 0n) return { ...unfollowed('session', 'a reset'), succeeds: true };
  const isOneMore = (value & ~statusBits) === 0n && (before & ~session.status) === 0;
  return isOneMore ? succeeds : breaks('session', 'a status that no driver writes');
}

/** What a back-end refuses a malformed message for, as implementations choose it. */
export const refusalOf: Readonly<Partial<Record<string, RequirementSlug>>> = {
  'size-short-of-payload': 'vu-header/undersized-payload-refused',
  'version-not-1': 'vu-header/other-version-refused',
  'descriptors-missing': 'vu-fds/missing-descriptor-refused',
  'gate-not-negotiated': 'vu-features/unnegotiated-message-not-answered',
  // Whether it is refused is open: of its answer, the header alone is judged.
  'reserved-flag-bits': 'vu-header/reply-has-no-other-flags',
};
