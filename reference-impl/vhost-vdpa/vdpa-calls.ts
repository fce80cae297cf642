import type { ParentDriver } from '../devices/parent-driver.ts';
import type { RingLayout } from '../virtqueue/ring.ts';
import type { Codec } from '../wire/compile-layout.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure } from '../wire/structure.ts';
import {
  u8Argument,
  u16Argument,
  u32Argument,
  VHOST_FILE_UNBIND,
  vdpaConfig,
  vdpaIovaRange,
  vdpaRequests,
  vringFile,
  vringIndex,
} from '../wire/vdpa-structures.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../wire/vhost-user-payloads.ts';
import type { EventToken, VdpaEdge } from './vdpa-edge.ts';
import type { EventUse, VdpaRing, VdpaRings } from './vdpa-rings.ts';
import type { IovaRange, VdpaRules } from './vdpa-rules.ts';

/** What calls read and change of a device. The device implements it. */
export interface CalledVdpa {
  readonly rules: VdpaRules;
  readonly parent: ParentDriver;
  readonly edge: VdpaEdge;
  readonly rings: VdpaRings;
  readonly range: IovaRange;
  readonly offeredFeatures: bigint;
  readonly offeredBackend: bigint;
  readonly spaceCount: number;
  /** Each ring is a group of its own. */
  readonly groupCount: number;
  readonly status: number;
  /** DRIVER_OK is set. */
  readonly isRunning: boolean;
  readonly isSuspended: boolean;
  readonly areFeaturesFixed: boolean;
  /** Of its rings, by the features that were accepted. */
  readonly layout: RingLayout;
  backendFeatures: bigint;
  hasOwner: boolean;
  /** An error number, or 0. */
  setStatus(value: number): number;
  setSuspended(suspended: boolean): void;
  setGroupSpace(group: number, space: number): void;
  setConfigCall(token: EventToken | undefined): void;
}

/** What a call answers: 0, or an error number negated. What it tells is written into the argument. */
type Call = (device: CalledVdpa, argument: Uint8Array) => number;

/** A call that tells a value. */
const tells =
  <V>(codec: Codec<V>, told: (device: CalledVdpa) => V): Call =>
  (device, argument) => {
    if (argument.length < codec.size) return -device.rules.calls.badPointer;
    codec.encode(told(device), new DataView(argument.buffer, argument.byteOffset), 0);
    return 0;
  };

/** A call that takes a value; its handler answers an error number, or 0. */
const takes =
  <V>(codec: Codec<V>, handle: (device: CalledVdpa, value: V, argument: Uint8Array) => number): Call =>
  (device, argument) => {
    const value = decodeStructure(codec, argument);
    return value === undefined ? -device.rules.calls.badPointer : -handle(device, value, argument);
  };

/** A call on a ring, whose number the argument begins with. */
const onRing =
  <V extends { readonly index: number }>(
    codec: Codec<V>,
    handle: (device: CalledVdpa, ring: VdpaRing, value: V, argument: Uint8Array) => number,
  ): Call =>
  (device, argument) => {
    const index = decodeStructure(u32Argument, argument)?.u32 ?? 0;
    const { records } = device.rings;
    if (index >= records.length) return -device.rules.calls.ringIndex;
    const value = decodeStructure(codec, argument);
    if (value === undefined) return -device.rules.calls.badPointer;
    return -handle(device, records[index] as VdpaRing, value, argument);
  };

function answer(argument: Uint8Array, index: number, num: number): number {
  vringStatePayload.encode({ index, num }, new DataView(argument.buffer, argument.byteOffset), 0);
  return 0;
}

const isFixed = ({ isRunning, isSuspended, rules }: CalledVdpa): boolean =>
  isRunning && !isSuspended && !rules.ring.changesWhileRunning;

/** The event that a descriptor stands for, or an error number; undefined takes it away. */
function heldEvent({ edge, rules }: CalledVdpa, fd: number): { readonly token: number | undefined } | number {
  if (fd === VHOST_FILE_UNBIND) return rules.ring.unbinds ? { token: undefined } : errno.EBADF;
  const token = edge.holdEvent(fd | 0);
  return token === undefined && rules.ring.noEventError !== 0 ? rules.ring.noEventError : { token };
}

const setEvent = (use: EventUse): Call =>
  onRing(vringFile, (device, { index }, { fd }) => {
    const held = heldEvent(device, fd);
    if (typeof held === 'number') return held;
    device.rings.setEvent(use, index, held.token);
    return 0;
  });

const config = (act: (device: CalledVdpa, offset: number, bytes: Uint8Array) => void): Call =>
  takes(vdpaConfig, (device, { offset, length }, argument) => {
    const { parent, rules } = device;
    if (!rules.config.accepts(offset, length, parent.configSize)) return errno.EINVAL;
    if (argument.length < vdpaConfig.size + length) return rules.calls.badPointer;
    act(device, offset, argument.subarray(vdpaConfig.size, vdpaConfig.size + length));
    return 0;
  });

const setFeatures: Call = takes(u64Payload, (device, { u64 }) => {
  const { parent, rules, areFeaturesFixed, offeredFeatures } = device;
  if (areFeaturesFixed && !rules.features.changesAfterFeaturesOk) return errno.EBUSY;
  // Bits that are not offered are left out, as parent drivers of the kernel do.
  parent.setFeatures(u64 & offeredFeatures);
  return 0;
});

/** Calls of anyone. */
const open: Readonly<Record<number, Call>> = {
  [vdpaRequests.VHOST_GET_FEATURES]: tells(u64Payload, ({ offeredFeatures }) => ({ u64: offeredFeatures })),
  [vdpaRequests.VHOST_SET_FEATURES]: setFeatures,
  [vdpaRequests.VHOST_GET_BACKEND_FEATURES]: tells(u64Payload, ({ offeredBackend }) => ({ u64: offeredBackend })),
  [vdpaRequests.VHOST_SET_BACKEND_FEATURES]: takes(u64Payload, (device, { u64 }) => {
    if (!device.rules.features.acceptsBackend(u64, device.offeredBackend)) return errno.EOPNOTSUPP;
    device.backendFeatures = u64;
    return 0;
  }),
  [vdpaRequests.VHOST_VDPA_GET_DEVICE_ID]: tells(u32Argument, ({ parent, rules }) => ({
    u32: rules.identity.deviceId(parent.deviceId),
  })),
  [vdpaRequests.VHOST_VDPA_GET_STATUS]: tells(u8Argument, (device) => ({ u8: device.status })),
  [vdpaRequests.VHOST_VDPA_SET_STATUS]: takes(u8Argument, (device, { u8 }) => device.setStatus(u8)),
  [vdpaRequests.VHOST_VDPA_GET_CONFIG]: config(({ parent }, offset, bytes) => {
    const read = parent.readConfig(offset, bytes.length);
    if (read !== undefined) bytes.set(read);
  }),
  [vdpaRequests.VHOST_VDPA_SET_CONFIG]: config(({ parent, rules }, offset, bytes) => {
    if (rules.config.takesWrites) parent.writeConfig?.(offset, bytes);
  }),
  [vdpaRequests.VHOST_VDPA_GET_VRING_NUM]: tells(u16Argument, ({ parent, rules }) => ({
    u16: rules.identity.largestSize(parent.maxQueueSize),
  })),
  [vdpaRequests.VHOST_VDPA_SET_CONFIG_CALL]: takes(u32Argument, (device, { u32 }) => {
    const held = heldEvent(device, u32);
    if (typeof held === 'number') return held;
    device.setConfigCall(held.token);
    return 0;
  }),
  [vdpaRequests.VHOST_VDPA_GET_IOVA_RANGE]: tells(vdpaIovaRange, ({ range }) => range),
  [vdpaRequests.VHOST_VDPA_GET_CONFIG_SIZE]: tells(u32Argument, ({ parent, rules }) => ({
    u32: rules.identity.configSize(parent.configSize),
  })),
  [vdpaRequests.VHOST_VDPA_GET_VQS_COUNT]: tells(u32Argument, ({ parent, rules }) => ({
    u32: rules.identity.queueCount(parent.queueCount),
  })),
  [vdpaRequests.VHOST_VDPA_GET_GROUP_NUM]: tells(u32Argument, ({ groupCount }) => ({ u32: groupCount })),
  [vdpaRequests.VHOST_VDPA_GET_AS_NUM]: tells(u32Argument, ({ spaceCount }) => ({ u32: spaceCount })),
  [vdpaRequests.VHOST_VDPA_SUSPEND]: (device) => {
    device.setSuspended(true);
    return 0;
  },
  [vdpaRequests.VHOST_VDPA_RESUME]: (device) => {
    device.setSuspended(false);
    return 0;
  },
  [vdpaRequests.VHOST_SET_OWNER]: (device) => {
    if (device.hasOwner) return -device.rules.life.secondOwnerError;
    device.hasOwner = true;
    return 0;
  },
  [vdpaRequests.VHOST_SET_LOG_BASE]: ({ rules }) => -rules.calls.logCall,
  [vdpaRequests.VHOST_SET_LOG_FD]: ({ rules }) => -rules.calls.logCall,
};

/** Calls on rings, of the owner alone. */
const owned: Readonly<Record<number, Call>> = {
  [vdpaRequests.VHOST_SET_VRING_NUM]: onRing(vringStatePayload, ({ rules }, ring, { num }) => {
    if (!rules.ring.acceptsSize(num)) return errno.EINVAL;
    ring.size = num;
    return 0;
  }),
  [vdpaRequests.VHOST_SET_VRING_ADDR]: onRing(vringAddressPayload, (device, ring, value) => {
    const { acceptsFlags, acceptsAddresses } = device.rules.ring;
    if (!acceptsFlags(value.flags)) return errno.EOPNOTSUPP;
    if (!acceptsAddresses(value.available, value.used, value.log) || isFixed(device)) return errno.EINVAL;
    ring.addresses = { desc: value.descriptor, avail: value.available, used: value.used };
    return 0;
  }),
  [vdpaRequests.VHOST_SET_VRING_BASE]: onRing(vringStatePayload, (device, ring, { num }) => {
    if (!device.rules.ring.acceptsBase(num, device.layout) || isFixed(device)) return errno.EINVAL;
    ring.base = num;
    return 0;
  }),
  [vdpaRequests.VHOST_GET_VRING_BASE]: onRing(vringStatePayload, ({ rings }, ring, _, argument) =>
    answer(argument, ring.index, rings.toldBase(ring)),
  ),
  [vdpaRequests.VHOST_SET_VRING_KICK]: setEvent('kick'),
  [vdpaRequests.VHOST_SET_VRING_CALL]: setEvent('call'),
  [vdpaRequests.VHOST_SET_VRING_ERR]: setEvent('err'),
  [vdpaRequests.VHOST_VDPA_SET_VRING_ENABLE]: onRing(vringStatePayload, (device, ring, { num }) => {
    ring.isEnabled = device.rules.ring.enables(num, device.isRunning);
    device.rings.settle();
    return 0;
  }),
  [vdpaRequests.VHOST_VDPA_GET_VRING_GROUP]: onRing(vringStatePayload, (device, { index }, _, argument) =>
    answer(argument, index, device.rules.identity.groupOf(index)),
  ),
  [vdpaRequests.VHOST_VDPA_SET_GROUP_ASID]: onRing(vringStatePayload, (device, { index }, { num }) => {
    if (!device.rules.groups.acceptsSpace(num, device.spaceCount)) return errno.EINVAL;
    device.setGroupSpace(index, num);
    return 0;
  }),
};

/** What is no call is taken for one on a ring, as the kernel takes it. */
const unknown: Call = onRing(vringIndex, ({ rules }) => rules.calls.unknownCall);

/** An ioctl on the device. */
export function vdpaCall(device: CalledVdpa, request: number, argument: Uint8Array): number {
  const free = open[request >>> 0];
  if (free !== undefined) return free(device, argument);
  if (!device.hasOwner && device.rules.life.needsOwner) return -errno.EPERM;
  return (owned[request >>> 0] ?? unknown)(device, argument);
}
