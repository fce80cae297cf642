import { type CommonConfigField, commonConfig } from '../wire/virtio-pci.ts';
import type { PciInterrupts } from './pci-interrupts.ts';
import type { PciQueues } from './pci-queues.ts';
import type { QueueRecord, VirtioPciRules } from './pci-rules.ts';

/** What fields of the common configuration read and change of a device. The device implements it. */
export interface ConfiguredDevice {
  readonly rules: VirtioPciRules;
  readonly queues: PciQueues;
  readonly interrupts: PciInterrupts;
  readonly offeredFeatures: bigint;
  /** What the driver wrote, and its 32 bits windows: a selector behind the last of them keeps nothing. */
  readonly driverFeatures: bigint;
  readonly driverWindows: Uint32Array;
  deviceFeatureSelect: number;
  driverFeatureSelect: number;
  queueSelect: number;
  readonly status: number;
  setStatus(value: number): void;
  readonly generation: number;
}

interface Field {
  readonly read: (device: ConfiguredDevice) => number;
  /** Absent where a field is read-only. */
  readonly write?: (device: ConfiguredDevice, value: number) => void;
}

const selected = ({ queues, queueSelect, rules }: ConfiguredDevice): QueueRecord | undefined =>
  queues.record(rules.queue.selected(queueSelect, queues.count));

const ofQueue = (
  told: (queue: QueueRecord, device: ConfiguredDevice) => number,
  write?: (queue: QueueRecord, value: number, device: ConfiguredDevice) => void,
): Field => ({
  read: (device) => {
    const queue = selected(device);
    return queue === undefined ? 0 : told(queue, device);
  },
  ...(write === undefined
    ? {}
    : {
        write: (device: ConfiguredDevice, value: number) => {
          const queue = selected(device);
          if (queue !== undefined) write(queue, value, device);
        },
      }),
});

const kept =
  (taken: (queue: QueueRecord, value: number, device: ConfiguredDevice) => Partial<QueueRecord>) =>
  (queue: QueueRecord, value: number, device: ConfiguredDevice): void =>
    device.queues.change(queue.index, taken(queue, value, device));

const half = (area: 'desc' | 'driver' | 'device', isHigh: boolean): Field =>
  ofQueue(
    (record, { rules }) => rules.queue.shownHalf(record[area], isHigh),
    kept((record, value, { rules }) => ({ [area]: rules.queue.withHalf(record[area], value, isHigh) })),
  );

const fields: Readonly<Record<CommonConfigField, Field>> = {
  deviceFeatureSelect: {
    read: ({ deviceFeatureSelect }) => deviceFeatureSelect,
    write: (device, value) => {
      device.deviceFeatureSelect = value;
    },
  },
  deviceFeature: {
    read: ({ rules, offeredFeatures, deviceFeatureSelect }) =>
      rules.features.window(offeredFeatures, deviceFeatureSelect),
  },
  driverFeatureSelect: {
    read: ({ driverFeatureSelect }) => driverFeatureSelect,
    write: (device, value) => {
      device.driverFeatureSelect = value;
    },
  },
  driverFeature: {
    read: ({ rules, driverFeatures, driverFeatureSelect }) =>
      rules.features.written(driverFeatures, driverFeatureSelect),
    write: ({ driverWindows, driverFeatureSelect }, value) => {
      driverWindows[driverFeatureSelect] = value;
    },
  },
  configMsixVector: {
    read: ({ interrupts }) => interrupts.configVector,
    write: ({ interrupts, queues }, value) => interrupts.mapConfiguration(value, queues),
  },
  numQueues: { read: ({ queues }) => queues.count },
  deviceStatus: { read: ({ status }) => status, write: (device, value) => device.setStatus(value) },
  configGeneration: { read: ({ generation }) => generation },
  queueSelect: {
    read: ({ queueSelect }) => queueSelect,
    write: (device, value) => {
      device.queueSelect = value;
    },
  },
  queueSize: ofQueue(
    ({ size }, { rules, queues }) => rules.queue.shownSize(size, queues.largestSize),
    kept((_, value, { rules }) => ({ size: rules.queue.takenSize(value) })),
  ),
  queueMsixVector: ofQueue(
    ({ vector }) => vector,
    kept(({ index }, value, { interrupts, queues }) => ({ vector: interrupts.mapped(index, value, queues) })),
  ),
  // A driver writes nothing but 1 here, and below to have a queue reset.
  queueEnable: ofQueue(
    ({ isEnabled }) => (isEnabled ? 1 : 0),
    kept(() => ({ isEnabled: true })),
  ),
  queueNotifyOff: ofQueue(({ index }, { rules }) => rules.notify.notifyOff(index)),
  queueDescLow: half('desc', false),
  queueDescHigh: half('desc', true),
  queueDriverLow: half('driver', false),
  queueDriverHigh: half('driver', true),
  queueDeviceLow: half('device', false),
  queueDeviceHigh: half('device', true),
  queueNotifConfigData: ofQueue(({ index }, { rules }) => rules.notify.configData(index)),
  queueReset: ofQueue(
    (record, { rules, queues }) => {
      queues.readReset(record.index);
      return rules.queueReset.shown(record);
    },
    ({ index }, _, { queues }) => queues.resetQueue(index),
  ),
};

const places = Object.entries(commonConfig) as [CommonConfigField, (typeof commonConfig)[CommonConfigField]][];

/** The field that begins at an offset: drivers access it as a whole. */
const fieldAt = (offset: number): CommonConfigField | undefined => places.find(([, { at }]) => at === offset)?.[0];

export function readCommonConfig(device: ConfiguredDevice, offset: number, target: Uint8Array): void {
  const name = fieldAt(offset);
  if (name !== undefined) store(target, fields[name].read(device));
}

export function writeCommonConfig(device: ConfiguredDevice, offset: number, source: Uint8Array): void {
  const { ofNoField, ofReadOnlyField } = device.rules.access;
  const name = fieldAt(offset);
  if (name === undefined) ofNoField(offset, source.length);
  else if (fields[name].write === undefined) ofReadOnlyField(name);
  else fields[name].write(device, load(source));
}

function store(target: Uint8Array, value: number): void {
  for (const n of target.keys()) target[n] = Math.floor(value / 256 ** n) & 0xff;
}

export const load = (source: Uint8Array): number => source.reduceRight((value, byte) => value * 256 + byte, 0);
