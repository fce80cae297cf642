import type { ParentDriver } from '../devices/parent-driver.ts';
import type { RingLayout } from '../virtqueue/ring.ts';
import type { Codec } from '../wire/compile-layout.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure } from '../wire/structure.ts';
import { u32Argument, VHOST_FILE_UNBIND, VHOST_VRING_F_LOG, vringFile, vringIndex } from '../wire/vdpa-structures.ts';
import { vhostCoreRequests } from '../wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../wire/vhost-user-payloads.ts';
import type { CoreRules } from './core-rules.ts';
import type { EventUse, RingEvents } from './ring-events.ts';
import type { EventToken, VhostEdge } from './vhost-edge.ts';

/** What is told of a ring. */
export interface VhostRing {
  readonly index: number;
  size: number;
  /** Where reading begins, or would go on. */
  base: number;
  addresses: { readonly desc: bigint; readonly avail: bigint; readonly used: bigint };
  /** Where writes to the used ring are logged, and whether. */
  log: { readonly address: bigint; readonly isLogged: boolean };
}

/** What is told of a ring by calls of one number. */
export type RingChange = 'size' | 'addresses' | 'base';

/** What the calls of every vhost device file read and change. The device implements it. */
export interface CalledVhost {
  readonly rules: CoreRules;
  readonly parent: ParentDriver;
  readonly edge: VhostEdge;
  readonly records: readonly VhostRing[];
  readonly events: RingEvents;
  readonly offeredFeatures: bigint;
  readonly offeredBackend: bigint;
  /** Of its rings, by the features that were accepted. */
  readonly layout: RingLayout;
  backendFeatures: bigint;
  hasOwner: boolean;
  /** The error with which a change of this ring is refused now; 0 takes it. */
  changeError(change: RingChange, ring: VhostRing): number;
  /** Where a ring stands. */
  baseOf(ring: VhostRing): number;
}

/** What a call answers: 0, or an error number negated. What it tells is written into the argument. */
export type Call<Device extends CalledVhost = CalledVhost> = (device: Device, argument: Uint8Array) => number;
export type Calls<Device extends CalledVhost = CalledVhost> = Readonly<Record<number, Call<Device>>>;

/** A call that tells a value. */
export const tells =
  <Device extends CalledVhost, V>(codec: Codec<V>, told: (device: Device) => V): Call<Device> =>
  (device, argument) => {
    if (argument.length < codec.size) return -device.rules.calls.badPointer;
    codec.encode(told(device), new DataView(argument.buffer, argument.byteOffset), 0);
    return 0;
  };

/** A call that takes a value; its handler answers an error number, or 0. */
export const takes =
  <Device extends CalledVhost, V>(
    codec: Codec<V>,
    handle: (device: Device, value: V, argument: Uint8Array) => number,
  ): Call<Device> =>
  (device, argument) => {
    const value = decodeStructure(codec, argument);
    return value === undefined ? -device.rules.calls.badPointer : -handle(device, value, argument);
  };

/** A call on a ring, whose number the argument begins with. */
export const onRing =
  <Device extends CalledVhost, V extends { readonly index: number }>(
    codec: Codec<V>,
    handle: (device: Device, ring: Device['records'][number], value: V, argument: Uint8Array) => number,
  ): Call<Device> =>
  (device, argument) => {
    const index = decodeStructure(u32Argument, argument)?.u32 ?? 0;
    if (index >= device.records.length) return -device.rules.calls.ringIndex;
    const value = decodeStructure(codec, argument);
    if (value === undefined) return -device.rules.calls.badPointer;
    return -handle(device, device.records[index] as Device['records'][number], value, argument);
  };

/** Writes what a call on a ring tells into its argument. */
export function answer(argument: Uint8Array, index: number, num: number): number {
  vringStatePayload.encode({ index, num }, new DataView(argument.buffer, argument.byteOffset), 0);
  return 0;
}

/** The event that a descriptor stands for, or an error number; undefined takes it away. */
export function heldEvent(
  { edge, rules }: CalledVhost,
  fd: number,
): { readonly token: EventToken | undefined } | number {
  if (fd === VHOST_FILE_UNBIND) return rules.ring.unbinds ? { token: undefined } : errno.EBADF;
  const token = edge.holdEvent(fd | 0);
  return token === undefined && rules.ring.noEventError !== 0 ? rules.ring.noEventError : { token };
}

const setEvent = (use: EventUse): Call =>
  onRing(vringFile, (device, { index }, { fd }) => {
    const held = heldEvent(device, fd);
    if (typeof held === 'number') return held;
    device.events.set(use, index, held.token);
    return 0;
  });

/** Calls of anyone. */
export const openCalls: Calls = {
  [vhostCoreRequests.VHOST_GET_FEATURES]: tells(u64Payload, ({ offeredFeatures }) => ({ u64: offeredFeatures })),
  [vhostCoreRequests.VHOST_GET_BACKEND_FEATURES]: tells(u64Payload, ({ offeredBackend }) => ({ u64: offeredBackend })),
  [vhostCoreRequests.VHOST_SET_BACKEND_FEATURES]: takes(u64Payload, (device, { u64 }) => {
    if (!device.rules.features.acceptsBackend(u64, device.offeredBackend)) return errno.EOPNOTSUPP;
    device.backendFeatures = u64;
    return 0;
  }),
  [vhostCoreRequests.VHOST_SET_OWNER]: (device) => {
    if (device.hasOwner) return -device.rules.life.secondOwnerError;
    device.hasOwner = true;
    return 0;
  },
};

/** Calls on rings, of the owner alone. */
export const ringCalls: Calls = {
  [vhostCoreRequests.VHOST_SET_VRING_NUM]: onRing(vringStatePayload, (device, ring, { num }) => {
    const error = device.changeError('size', ring);
    if (error !== 0) return error;
    if (!device.rules.ring.acceptsSize(num)) return errno.EINVAL;
    ring.size = num;
    return 0;
  }),
  [vhostCoreRequests.VHOST_SET_VRING_ADDR]: onRing(vringAddressPayload, (device, ring, value) => {
    const { acceptsFlags, acceptsAddresses } = device.rules.ring;
    if (!acceptsFlags(value.flags)) return errno.EOPNOTSUPP;
    if (!acceptsAddresses(value.available, value.used, value.log)) return errno.EINVAL;
    const error = device.changeError('addresses', ring);
    if (error !== 0) return error;
    ring.addresses = { desc: value.descriptor, avail: value.available, used: value.used };
    ring.log = { address: value.log, isLogged: (value.flags & VHOST_VRING_F_LOG) !== 0 };
    return 0;
  }),
  [vhostCoreRequests.VHOST_SET_VRING_BASE]: onRing(vringStatePayload, (device, ring, { num }) => {
    const error = device.changeError('base', ring);
    if (error !== 0) return error;
    if (!device.rules.ring.acceptsBase(num, device.layout)) return errno.EINVAL;
    ring.base = num;
    return 0;
  }),
  [vhostCoreRequests.VHOST_GET_VRING_BASE]: onRing(vringStatePayload, (device, ring, _, argument) =>
    answer(argument, ring.index, device.rules.ring.toldBase(device.baseOf(ring))),
  ),
  [vhostCoreRequests.VHOST_SET_VRING_KICK]: setEvent('kick'),
  [vhostCoreRequests.VHOST_SET_VRING_CALL]: setEvent('call'),
  [vhostCoreRequests.VHOST_SET_VRING_ERR]: setEvent('err'),
};

/** What is no call is taken for one on a ring, as the kernel takes it. */
const unknown: Call = onRing(vringIndex, ({ rules }) => rules.calls.unknownCall);

/** An ioctl on the device, by the calls of anyone and those of its owner. */
export function carryOut<Device extends CalledVhost>(
  device: Device,
  request: number,
  argument: Uint8Array,
  { free, owned }: { readonly free: Calls<Device>; readonly owned: Calls<Device> },
): number {
  const call = free[request >>> 0];
  if (call !== undefined) return call(device, argument);
  if (!device.hasOwner && device.rules.life.needsOwner) return -errno.EPERM;
  return (owned[request >>> 0] ?? unknown)(device, argument);
}
