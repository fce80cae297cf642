import type { GuestLayoutName } from '../../reference-impl/memory/guest-layout.ts';
import {
  type ArgumentTable,
  address,
  areas,
  bytes,
  choice,
  flag,
  list,
  type Made,
  name,
  optionalU16,
  optionalU32,
  reference,
  u8,
  u16,
  u32,
  word,
} from './arguments.ts';
import { type CallDescription, descriptors } from './call-description.ts';
import { deviceFileCalls } from './device-file-calls.ts';
import { pciCalls } from './pci-calls.ts';

/** VIRTIO_F_VERSION_1 and VHOST_USER_F_PROTOCOL_FEATURES. */
const usualFeatures = 0x1_4000_0000n;

/** A value travels as its place in this list: a layout that is added goes to its end. */
const layouts = [
  'below-and-above-4gib',
  'single-region',
  'adjacent-regions',
  'one-file',
  'eight-regions',
  'crossing-4gib',
  'high-addresses',
  'end-of-range',
  // Of programs alone.
  'within-pages',
  'crossed',
] as const satisfies readonly [GuestLayoutName, ...(GuestLayoutName | 'within-pages' | 'crossed')[]];
/** A region as it is told. What is left out is what it is. */
const region = {
  memory: reference(1, 'memory'),
  region: u8(2),
  guestAddress: address(3),
  size: address(4),
  userAddress: address(5),
  mmapOffset: address(6),
  /** Whether its file is passed. */
  file: flag(7, true),
  /** Of vhost-mdev: what stands behind the addresses, where a table has nothing. */
  padding: word(8),
} as const satisfies ArgumentTable;

const segment = {
  writable: flag(1),
  /** Bytes; as many as there are of `bytes` unless told. */
  length: optionalU32(2),
  /** What lies in the buffer, from its first byte on. */
  bytes: bytes(3),
  /** Where the descriptor points instead of to a buffer of its own. */
  at: address(4),
  /**
   * Where its own buffer lies: at an odd address, with the last byte of a region, or in two regions that adjoin, where there
   * is room.
   */
  place: choice(5, ['anywhere', 'odd', 'region-end', 'across-regions']),
  /**
   * Of vhost-user: ahead of the chain a translation of the buffer is told that permits this; none where `untold`, and
   * where `dropped`, one that is taken back.
   */
  access: choice(6, ['untold', 'none', 'read', 'write', 'read-write', 'dropped']),
} as const satisfies ArgumentTable;

/** An entry of an indirect table: what is told stands there in place of what belongs there. */
const tableEntry = {
  entry: u16(1),
  address: address(2),
  length: optionalU32(3),
  flags: optionalU16(4),
  /** Of a split ring the entry behind it, of a packed one the id that no device looks at. */
  next: optionalU16(5),
} as const satisfies ArgumentTable;

/** Every kind of call, with its arguments. All else that knows kinds of calls follows this table. */
export const callTable = {
  /** Opens a session, `beside` those that are open or behind their end. */
  connect: { tag: 2, makes: 'session', arguments: { beside: flag(1) } },
  /**
   * The owner, protocol features and features. Bits that are not offered are left out, unless `exact`.
   */
  negotiate: {
    tag: 3,
    arguments: {
      session: reference(1, 'session'),
      device: word(2, usualFeatures),
      protocol: word(3),
      exact: flag(4),
    },
  },
  /** Memory of a guest. */
  memory: { tag: 4, makes: 'memory', arguments: { layout: choice(1, layouts) } },
  /** Tells a session all of a memory, as it is. `untold`: of vhost-user, no translations, which the back-end asks for then. */
  share: {
    tag: 5,
    arguments: { session: reference(1, 'session'), memory: reference(2, 'memory'), untold: flag(3) },
  },
  /** SET_MEM_TABLE with any regions. */
  'memory-table': {
    tag: 6,
    arguments: {
      session: reference(1, 'session'),
      regions: list(2, 'Region', region),
      /** What the table says, where that is not the number of its regions. */
      count: optionalU32(3),
    },
  },
  /** ADD_MEM_REG or REM_MEM_REG. */
  'memory-slot': {
    tag: 7,
    arguments: {
      session: reference(1, 'session'),
      how: choice(2, ['add', 'remove']),
      regions: list(3, 'Region', region),
    },
  },
  /** A ring in memory: it outlives sessions. A size that its layout cannot have becomes the next smaller one. */
  ring: {
    tag: 8,
    makes: 'ring',
    arguments: {
      memory: reference(1, 'memory'),
      layout: choice(2, ['split', 'packed']),
      size: u16(3, 16),
      /** Where it begins: split, both idx; packed, slots, taken modulo the size, with their wrap counters. */
      avail: u16(4),
      used: optionalU16(5),
      availWrap: flag(6, true),
      usedWrap: flag(7, true),
      placement: choice(8, ['contiguous', 'apart', 'region-end']),
    },
  },
  /** Sets a ring up on a session. */
  attach: {
    tag: 9,
    makes: 'queue',
    arguments: {
      session: reference(1, 'session'),
      ring: reference(2, 'ring'),
      index: u8(3),
      enable: flag(4, true),
      call: flag(5, true),
      kick: flag(6, true),
      /**
       * Of vhost-user: the messages that set it up, with SET_VRING_ENABLE first, or without SET_VRING_ERR, SET_VRING_CALL or
       * SET_VRING_KICK.
       */
      order: choice(7, ['usual', 'without-error', 'enable-first', 'without-call', 'without-kick']),
    },
  },
  /** Adds a chain to a ring and makes it available, unless it is `held` for the next one. No kick. */
  chain: {
    tag: 10,
    arguments: {
      queue: reference(1, 'queue'),
      segments: list(2, 'Segment', segment),
      /** So many descriptors stand in the ring itself, and the others in an indirect table behind them. */
      direct: optionalU16(3),
      descending: flag(4),
      held: flag(5),
      /** Further flags of the descriptor that leads to the table. */
      tableFlags: u16(6),
      /** The length of the table in it, where that is another. */
      tableLength: optionalU32(8),
      /** What is written over the table. */
      table: list(7, 'TableEntry', tableEntry),
    },
  },
  /** `asked`: only where the device asked for it, as a driver in use does. */
  kick: { tag: 11, arguments: { queue: reference(1, 'queue'), asked: flag(2) } },
  /** Waits for used elements, and takes all that there are. */
  wait: { tag: 12, arguments: { queue: reference(1, 'queue'), count: u16(2, 1) } },
  /** Stops a ring, and asks where it goes on. */
  stop: { tag: 13, arguments: { queue: reference(1, 'queue') } },
  enable: { tag: 14, arguments: { queue: reference(1, 'queue'), on: flag(2, true) } },
  /** Bytes into an area of a ring, over what it holds. */
  'ring-write': {
    tag: 15,
    arguments: { ring: reference(1, 'ring'), area: choice(2, areas), offset: u32(3), bytes: bytes(4) },
  },
  /** Bytes into a region of memory. */
  'memory-write': {
    tag: 16,
    arguments: { memory: reference(1, 'memory'), region: u8(2), offset: u32(3), bytes: bytes(4) },
  },
  /** A request to reset the device, where the session has one. */
  reset: { tag: 17, arguments: { session: reference(1, 'session') } },
  /** Writes the device status, or reads it where no value is told. */
  status: { tag: 18, arguments: { session: reference(1, 'session'), value: optionalU16(2) } },
  'read-config': {
    tag: 19,
    arguments: { session: reference(1, 'session'), offset: u32(2), length: u16(3, 8) },
  },
  'write-config': {
    tag: 20,
    arguments: { session: reference(1, 'session'), offset: u32(2), bytes: bytes(3) },
  },
  fence: { tag: 21, arguments: { session: reference(1, 'session') } },
  /**
   * Any message. `fields` are those of its layout, by name; what is left out is 0, and `bytes` fill a field of bytes. A
   * message without a layout, or without fields, has `bytes` as its payload. vhost-mdev sends the request of the same
   * name, where it has one.
   */
  message: {
    tag: 22,
    makes: 'event',
    arguments: {
      session: reference(1, 'session'),
      request: u32(2, 1),
      flags: u32(3, 1),
      fields: list(4, 'Field', { name: name(1), value: address(2) }),
      bytes: bytes(5),
      /** The size in the header, where it is not that of the payload. */
      declared: optionalU32(6),
      descriptors: list(7, 'Descriptor', descriptors),
      /** So many bytes of it are sent. */
      truncate: optionalU32(8),
      /** Bytes of the first piece in which it is sent. */
      piece: optionalU32(9),
      /** Nothing is asked behind it. */
      unfenced: flag(10),
    },
  },
  /** Bytes on the connection that are no message. */
  bytes: {
    tag: 23,
    arguments: { session: reference(1, 'session'), bytes: bytes(2), descriptors: list(3, 'Descriptor', descriptors) },
  },
  /** Adds to an eventfd that was passed with a message. */
  signal: { tag: 24, arguments: { event: reference(1, 'event'), number: u8(2), value: word(3, 1n) } },
  /** The channel of requests that the back-end starts, and what becomes of them. */
  channel: {
    tag: 25,
    arguments: { session: reference(1, 'session'), policy: choice(2, ['serve', 'withhold', 'refuse']) },
  },
  disconnect: {
    tag: 26,
    arguments: { session: reference(1, 'session'), how: choice(2, ['close', 'shutdown-write', 'shutdown-both']) },
  },
  /** Ends a session and opens another. */
  reconnect: { tag: 27, makes: 'session', arguments: { session: reference(1, 'session') } },
  /** A thread writes the patterns in turn to a place of memory, until `settle` or the end of the program. */
  change: {
    tag: 28,
    makes: 'change',
    arguments: { at: address(1), patterns: list(2, 'Pattern', { bytes: bytes(1) }), periodNs: u32(3) },
  },
  settle: { tag: 29, arguments: { change: reference(1, 'change') } },
  ...deviceFileCalls,
  ...pciCalls,
  /**
   * Of vhost-user: the state of the device is saved through a pipe, or what was saved last is loaded, and CHECK_DEVICE_STATE
   * asks for the outcome.
   */
  transfer: {
    tag: 36,
    arguments: {
      session: reference(1, 'session'),
      how: choice(2, ['save', 'load']),
      phase: u32(3),
      /** Pieces in which a state is loaded, and bytes of it that are left out at its end. */
      pieces: u8(4, 1),
      less: u16(5),
    },
  },
  /**
   * The driver asks for a call behind each used element, for none, or with EVENT_IDX for one `after` so many more. `flagged`:
   * a split ring has NO_INTERRUPT beside used_event, which the device ignores.
   */
  ask: {
    tag: 37,
    arguments: { queue: reference(1, 'queue'), how: choice(2, ['each', 'none', 'at']), after: u8(3), flagged: flag(4) },
  },
  /**
   * Of vhost-user: the file that a message passed, a buffer of requests in flight, gets the record of a back-end that died
   * while it had all chains of a ring in flight. The first of their counters is told, and in which order they were fetched.
   * `based`: the ring is told that it goes on behind them.
   */
  record: {
    tag: 38,
    arguments: {
      event: reference(1, 'event'),
      queue: reference(2, 'queue'),
      order: choice(3, ['rising', 'falling', 'rotated']),
      first: word(4, 1n),
      based: flag(5, true),
    },
  },
} as const satisfies Record<string, CallDescription>;

export type CallTable = typeof callTable;
export type CallKind = keyof CallTable;

export const callKinds = Object.keys(callTable) as readonly CallKind[];

export const isCallKind = (word: string): word is CallKind => Object.hasOwn(callTable, word);

/** What a kind of call makes, if anything. */
export const madeBy = (kind: CallKind): Made | undefined => (callTable[kind] as CallDescription).makes;

/** The arguments of a kind of call, for those that treat all kinds alike. */
export const argumentsOf = (kind: CallKind): ArgumentTable => callTable[kind].arguments;
