import type {
  ConnectionObservation,
  DeviceLayoutName,
  IoctlObservation,
  Observation,
  ObservedEvent,
  ProcessObservation,
  RegionAccessObservation,
  RingWriteObservation,
} from '../../reference-impl/observations/event.ts';
import { eventInWords } from './event-in-words.ts';
import { TraceError } from './trace-error.ts';

/** A 64-bit field as protobufjs writes it; it reads them as bigint. */
interface Wire64 {
  readonly low: number;
  readonly high: number;
  readonly unsigned: true;
}

/** The messages of trace.proto as protobufjs takes and gives them. */
export interface WireTrace {
  readonly major: number;
  readonly minor: number;
  readonly target: string;
  readonly key: string;
  readonly repetition: number;
  readonly dropped: number | bigint;
  readonly events: readonly WireEvent[];
}

export interface WireEvent {
  readonly seq: number;
  readonly timeUs: number | bigint;
  readonly message?: {
    readonly channel: number;
    readonly direction: number;
    readonly session: number;
    readonly bytes: Uint8Array;
    readonly descriptors: number;
    readonly length: number;
  };
  readonly notification?: {
    readonly kind: number;
    readonly session: number;
    readonly index: number;
    readonly count: number | bigint;
  };
  readonly ringWrite?: {
    readonly what: string;
    readonly index: number;
    readonly address: Wire64 | bigint;
    readonly bytes: Uint8Array;
  };
  readonly indirectTable?: { readonly index: number; readonly address: Wire64 | bigint; readonly bytes: Uint8Array };
  readonly frame?: {
    readonly direction: number;
    readonly index: number;
    readonly header: Uint8Array;
    readonly length: number | bigint;
    readonly bytes: Uint8Array;
  };
  readonly connection?: { readonly state: string; readonly session: number; readonly detail: string };
  readonly process?: { readonly state: string; readonly detail: string };
  readonly memoryChange?: {
    readonly region: number;
    readonly offset: number | bigint;
    readonly length: number | bigint;
    readonly bytes: Uint8Array;
    readonly note: string;
  };
  readonly note?: { readonly text: string };
  readonly regionAccess?: {
    readonly access: string;
    readonly session: number;
    readonly layout: string;
    readonly region: number;
    readonly offset: number | bigint;
    readonly length: number | bigint;
    readonly bytes: Uint8Array;
    readonly result?: number | bigint;
  };
  readonly ioctl?: {
    readonly on: string;
    readonly session: number;
    readonly layout: string;
    readonly request: number;
    readonly length: number;
    readonly before: Uint8Array;
    readonly after: Uint8Array;
    readonly result?: number | bigint;
  };
}

/** Places in these lists are the numbers of the enums in trace.proto. */
const channels = ['front-end', 'back-end'] as const;
const directions = ['to-iut', 'from-iut'] as const;
const notifications = ['kick', 'call', 'err', 'log'] as const;

const ringWrites = {
  descriptor: true,
  available: true,
  'available-idx': true,
  'available-flags': true,
  'used-event': true,
  'used-seen': true,
} as const satisfies Record<RingWriteObservation['what'], true>;
const connectionStates = {
  opened: true,
  'closed-by-iut': true,
  'closed-by-us': true,
  refused: true,
} as const satisfies Record<ConnectionObservation['state'], true>;
const processStates = {
  started: true,
  ready: true,
  died: true,
  ended: true,
  'ended-by-us': true,
} as const satisfies Record<ProcessObservation['state'], true>;

const regionAccesses = {
  read: true,
  write: true,
  map: true,
  store: true,
} as const satisfies Record<RegionAccessObservation['access'], true>;
const ioctlPlaces = {
  device: true,
  container: true,
  group: true,
} as const satisfies Record<IoctlObservation['on'], true>;
const deviceLayouts = {
  unknown: true,
  'mdev-l1': true,
  'mdev-l2': true,
  'vhost-vdpa': true,
  'virtio-pci': true,
} as const satisfies Record<DeviceLayoutName, true>;

export function toWire(event: ObservedEvent): WireEvent {
  const { seq, timeUs } = event;
  switch (event.kind) {
    case 'message': {
      const { session, bytes, descriptors, length } = event;
      const channel = channels.indexOf(event.channel);
      const direction = directions.indexOf(event.direction);
      return { seq, timeUs, message: { channel, direction, session, bytes, descriptors, length } };
    }
    case 'notification': {
      const { session, index, count } = event;
      return { seq, timeUs, notification: { kind: notifications.indexOf(event.what), session, index, count } };
    }
    case 'ring-write': {
      const { what, index, bytes } = event;
      return { seq, timeUs, ringWrite: { what, index, address: to64(event.address), bytes } };
    }
    case 'indirect-table': {
      const { index, bytes } = event;
      const indirectTable = { index, address: to64(event.address), bytes };
      return { seq, timeUs, note: { text: eventInWords(event) }, indirectTable };
    }
    case 'frame': {
      const { index, header, length, bytes } = event;
      const frame = { direction: directions.indexOf(event.direction), index, header, length, bytes };
      return { seq, timeUs, note: { text: eventInWords(event) }, frame };
    }
    case 'connection': {
      const { state, session, detail } = event;
      return { seq, timeUs, connection: { state, session, detail } };
    }
    case 'process': {
      const { state, detail } = event;
      return { seq, timeUs, process: { state, detail } };
    }
    case 'memory-change': {
      const { region, offset, length, bytes, note } = event;
      return { seq, timeUs, memoryChange: { region, offset, length, bytes, note } };
    }
    case 'note':
      return { seq, timeUs, note: { text: event.text } };
    case 'region-access': {
      const { access, session, layout, region, offset, length, bytes, result } = event;
      const regionAccess = { access, session, layout, region, offset, length, bytes, ...given(result) };
      return { seq, timeUs, note: { text: eventInWords(event) }, regionAccess };
    }
    case 'ioctl': {
      const { on, session, layout, request, length, before, after, result } = event;
      const ioctl = { on, session, layout, request, length, before, after, ...given(result) };
      return { seq, timeUs, note: { text: eventInWords(event) }, ioctl };
    }
  }
}

type KindOfWire = Exclude<keyof WireEvent, 'seq' | 'timeUs'>;

const knownKinds = {
  message: true,
  notification: true,
  ringWrite: true,
  indirectTable: true,
  frame: true,
  connection: true,
  process: true,
  memoryChange: true,
  note: true,
  regionAccess: true,
  ioctl: true,
} as const satisfies Record<KindOfWire, true>;

/** Whether an event is of a kind that this version knows. */
export function isKnown(event: WireEvent): boolean {
  const { seq: _seq, timeUs: _timeUs, ...kinds } = event;
  return Object.entries(kinds).some(([kind, value]) => value !== undefined && Object.hasOwn(knownKinds, kind));
}

/** @throws TraceError for an event of no kind that this version knows. */
export function fromWire(event: WireEvent): ObservedEvent {
  return { seq: event.seq, timeUs: Number(event.timeUs), ...observationOf(event) };
}

function observationOf(event: WireEvent): Observation {
  const { message, notification, ringWrite, connection, process, memoryChange, note, regionAccess, ioctl } = event;
  const { indirectTable, frame } = event;
  if (indirectTable !== undefined) {
    const { index, address, bytes } = indirectTable;
    return { kind: 'indirect-table', index, address: from64(address), bytes };
  }
  if (frame !== undefined) {
    const { index, header, length, bytes } = frame;
    const direction = at(directions, frame.direction);
    return { kind: 'frame', direction, index, header, length: Number(length), bytes };
  }
  if (regionAccess !== undefined) {
    const { session, region, bytes, result } = regionAccess;
    return {
      kind: 'region-access',
      access: oneOf(regionAccesses, regionAccess.access),
      session,
      layout: layoutOf(regionAccess.layout),
      region,
      offset: Number(regionAccess.offset),
      length: Number(regionAccess.length),
      bytes,
      result: result === undefined ? undefined : Number(result),
    };
  }
  if (ioctl !== undefined) {
    const { session, request, length, before, after, result } = ioctl;
    return {
      kind: 'ioctl',
      on: oneOf(ioctlPlaces, ioctl.on),
      session,
      layout: layoutOf(ioctl.layout),
      request,
      length,
      before,
      after,
      result: result === undefined ? undefined : Number(result),
    };
  }
  if (message !== undefined) {
    const channel = at(channels, message.channel);
    return { ...message, kind: 'message', channel, direction: at(directions, message.direction) };
  }
  if (notification !== undefined) {
    const { session, index, count } = notification;
    return { kind: 'notification', what: at(notifications, notification.kind), session, index, count: Number(count) };
  }
  if (ringWrite !== undefined) {
    const { index, address, bytes } = ringWrite;
    return { kind: 'ring-write', what: oneOf(ringWrites, ringWrite.what), index, address: from64(address), bytes };
  }
  if (connection !== undefined) {
    return { ...connection, kind: 'connection', state: oneOf(connectionStates, connection.state) };
  }
  if (process !== undefined) return { ...process, kind: 'process', state: oneOf(processStates, process.state) };
  if (memoryChange !== undefined) {
    const { region, bytes } = memoryChange;
    const offset = Number(memoryChange.offset);
    return {
      kind: 'memory-change',
      region,
      offset,
      length: Number(memoryChange.length),
      bytes,
      note: memoryChange.note,
    };
  }
  if (note !== undefined) return { kind: 'note', text: note.text };
  throw new TraceError(`event ${event.seq} is of no known kind`);
}

function layoutOf(name: string): DeviceLayoutName {
  return isNameOf(deviceLayouts, name) ? name : 'unknown';
}

function given(result: number | undefined): { readonly result?: number } {
  return result === undefined ? {} : { result };
}

function to64(value: bigint): Wire64 {
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: true,
  };
}

function from64(value: Wire64 | bigint): bigint {
  if (typeof value === 'bigint') return value;
  return (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new TraceError(`unknown enumerator ${index}`);
  return found;
}

function oneOf<Names extends Record<string, true>>(names: Names, value: string): keyof Names & string {
  if (isNameOf(names, value)) return value;
  throw new TraceError(`unknown name ${JSON.stringify(value)}`);
}

function isNameOf<Names extends Record<string, true>>(names: Names, value: string): value is keyof Names & string {
  return Object.hasOwn(names, value);
}
