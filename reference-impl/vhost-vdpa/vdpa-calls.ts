import {
  answer,
  type Call,
  type CalledVhost,
  type Calls,
  carryOut,
  heldEvent,
  onRing,
  openCalls,
  ringCalls,
  takes,
  tells,
} from '../vhost-kernel/core-calls.ts';
import type { EventToken } from '../vhost-kernel/vhost-edge.ts';
import { errno } from '../wire/errno.ts';
import {
  u8Argument,
  u16Argument,
  u32Argument,
  vdpaConfig,
  vdpaIovaRange,
  vdpaRequests,
} from '../wire/vdpa-structures.ts';
import { u64Payload, vringStatePayload } from '../wire/vhost-user-payloads.ts';
import type { VdpaEdge } from './vdpa-edge.ts';
import type { VdpaRing, VdpaRings } from './vdpa-rings.ts';
import type { IovaRange, VdpaRules } from './vdpa-rules.ts';

/** What calls read and change of a device. The device implements it. */
export interface CalledVdpa extends CalledVhost {
  readonly rules: VdpaRules;
  readonly edge: VdpaEdge;
  readonly records: readonly VdpaRing[];
  readonly rings: VdpaRings;
  readonly range: IovaRange;
  readonly spaceCount: number;
  /** Each ring is a group of its own. */
  readonly groupCount: number;
  readonly status: number;
  /** DRIVER_OK is set. */
  readonly isRunning: boolean;
  readonly areFeaturesFixed: boolean;
  /** An error number, or 0. */
  setStatus(value: number): number;
  setSuspended(suspended: boolean): void;
  setGroupSpace(group: number, space: number): void;
  setConfigCall(token: EventToken | undefined): void;
}

const config = (act: (device: CalledVdpa, offset: number, bytes: Uint8Array) => void): Call<CalledVdpa> =>
  takes(vdpaConfig, (device, { offset, length }, argument) => {
    const { parent, rules } = device;
    if (!rules.config.accepts(offset, length, parent.configSize)) return errno.EINVAL;
    if (argument.length < vdpaConfig.size + length) return rules.calls.badPointer;
    act(device, offset, argument.subarray(vdpaConfig.size, vdpaConfig.size + length));
    return 0;
  });

const setFeatures: Call<CalledVdpa> = takes(u64Payload, (device, { u64 }) => {
  const { parent, rules, areFeaturesFixed, offeredFeatures } = device;
  if (areFeaturesFixed && !rules.features.changesAfterFeaturesOk) return errno.EBUSY;
  // Bits that are not offered are left out, as parent drivers of the kernel do.
  parent.setFeatures(u64 & offeredFeatures);
  return 0;
});

/** Calls of anyone. */
const free: Calls<CalledVdpa> = {
  ...openCalls,
  [vdpaRequests.VHOST_SET_FEATURES]: setFeatures,
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
  [vdpaRequests.VHOST_SET_LOG_BASE]: ({ rules }) => -rules.calls.logCall,
  [vdpaRequests.VHOST_SET_LOG_FD]: ({ rules }) => -rules.calls.logCall,
};

/** Calls on rings, of the owner alone. */
const owned: Calls<CalledVdpa> = {
  ...ringCalls,
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

/** An ioctl on the device. */
export const vdpaCall = (device: CalledVdpa, request: number, argument: Uint8Array): number =>
  carryOut(device, request, argument, { free, owned });
