import { ringLayoutOf, VIRTIO_F_NOTIF_CONFIG_DATA, VIRTIO_F_RING_RESET } from '../virtqueue/feature-bits.ts';
import { COMMON_CONFIG_SIZE, type CommonConfigField, commonConfig } from '../wire/virtio-pci.ts';
import type { PciInterrupts } from './pci-interrupts.ts';
import type { PciQueues } from './pci-queues.ts';
import type { QueueRecord, VirtioPciRules } from './pci-rules.ts';

/** What fields of the common configuration read and change of a device. The device implements it. */
export interface ConfiguredDevice {
  readonly rules: VirtioPciRules;
  readonly queues: PciQueues;
  readonly interrupts: PciInterrupts;
  readonly offeredFeatures: bigint;
  /** What the driver wrote. */
  driverFeatures: bigint;
  deviceFeatureSelect: number;
  driverFeatureSelect: number;
  queueSelect: number;
  readonly areFeaturesFixed: boolean;
  /** Those that were accepted. */
  readonly features: bigint;
  readonly status: number;
  setStatus(value: number): void;
  readonly generation: number;
}

interface Field {
  readonly read: (device: ConfiguredDevice) => number;
  /** Absent where a field is read-only. */
  readonly write?: (device: ConfiguredDevice, value: number) => void;
}

const windowBits = 32n;
const allBits = 2n ** 128n - 1n;
/** Selectors of 128 bits of features: what lies behind them is never kept. */
const keptWindows = 4;

interface SelectedQueue extends QueueRecord {
  readonly index: number;
}

function selected({ queues, queueSelect, rules }: ConfiguredDevice): SelectedQueue | undefined {
  const index = rules.queue.selected(queueSelect, queues.count);
  const record = index === undefined ? undefined : queues.record(index);
  return index === undefined || record === undefined ? undefined : { ...record, index };
}

const ofQueue = (
  told: (queue: SelectedQueue, device: ConfiguredDevice) => number,
  taken?: (queue: SelectedQueue, value: number, device: ConfiguredDevice) => Partial<QueueRecord>,
): Field => ({
  read: (device) => {
    const queue = selected(device);
    return queue === undefined ? 0 : told(queue, device);
  },
  ...(taken === undefined
    ? {}
    : {
        write: (device: ConfiguredDevice, value: number) => {
          const queue = selected(device);
          if (queue !== undefined) device.queues.change(queue.index, taken(queue, value, device));
        },
      }),
});

const canResetQueues = ({ features }: ConfiguredDevice): boolean => (features & VIRTIO_F_RING_RESET) !== 0n;

const half = (area: 'desc' | 'driver' | 'device', isHigh: boolean): Field =>
  ofQueue(
    (record, { rules }) => rules.queue.shownHalf(record[area], isHigh),
    (record, value, { rules }) => ({ [area]: rules.queue.withHalf(record[area], value, isHigh) }),
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
    write: (device, value) => {
      const { areFeaturesFixed, driverFeatureSelect } = device;
      if (areFeaturesFixed || driverFeatureSelect >= keptWindows) return;
      const shift = windowBits * BigInt(driverFeatureSelect);
      const others = device.driverFeatures & (allBits ^ (0xffff_ffffn << shift));
      device.driverFeatures = others | (BigInt(value) << shift);
    },
  },
  configMsixVector: {
    read: ({ interrupts }) => interrupts.configVector,
    write: ({ interrupts, queues }, value) => interrupts.mapConfiguration(value, queues.vectors()),
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
    ({ size }, value, { rules, queues, features }) =>
      rules.queue.acceptsSize(value, queues.largestSize, ringLayoutOf(features)) ? { size: value } : { size },
  ),
  queueMsixVector: ofQueue(
    ({ vector }) => vector,
    ({ index }, value, { interrupts, queues }) => ({ vector: interrupts.mapped(index, value, queues.vectors(index)) }),
  ),
  // The driver takes no queue out of use so: 0 has no effect.
  queueEnable: ofQueue(
    ({ isEnabled }) => (isEnabled ? 1 : 0),
    ({ isEnabled }, value) => ({ isEnabled: isEnabled || value === 1 }),
  ),
  queueNotifyOff: ofQueue(({ index }, { rules }) => rules.notify.notifyOff(index)),
  queueDescLow: half('desc', false),
  queueDescHigh: half('desc', true),
  queueDriverLow: half('driver', false),
  queueDriverHigh: half('driver', true),
  queueDeviceLow: half('device', false),
  queueDeviceHigh: half('device', true),
  queueNotifConfigData: ofQueue(({ index }, { rules, features }) =>
    (features & VIRTIO_F_NOTIF_CONFIG_DATA) === 0n ? 0 : rules.notify.configData(index),
  ),
  queueReset: {
    read: (device) => {
      const queue = canResetQueues(device) ? selected(device) : undefined;
      return queue === undefined ? 0 : device.queues.shownReset(queue.index);
    },
    write: (device, value) => {
      const queue = canResetQueues(device) && value === 1 ? selected(device) : undefined;
      if (queue !== undefined) device.queues.resetQueue(queue.index);
    },
  },
};

const places = Object.entries(commonConfig) as [CommonConfigField, (typeof commonConfig)[CommonConfigField]][];

/** Reads bytes of the structure: of each field that the access touches, once. */
export function readCommonConfig(device: ConfiguredDevice, offset: number, target: Uint8Array): void {
  const bytes = new Uint8Array(COMMON_CONFIG_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [name, place] of places) {
    if (place.at >= offset + target.length || place.at + place.bytes <= offset) continue;
    store(view, place, fields[name].read(device));
  }
  target.fill(0);
  target.set(bytes.subarray(offset, offset + target.length));
}

/** Writes what is a field as a whole: for other accesses there is no meaning. */
export function writeCommonConfig(device: ConfiguredDevice, offset: number, source: Uint8Array): void {
  const { ofNoField, ofReadOnlyField } = device.rules.access;
  const [name] = places.find(([, place]) => place.at === offset && place.bytes === source.length) ?? [];
  if (name === undefined) ofNoField(offset, source.length);
  else if (fields[name].write === undefined) ofReadOnlyField(name);
  else fields[name].write(device, load(source));
}

function store(view: DataView, { at, bytes }: { readonly at: number; readonly bytes: number }, value: number): void {
  for (let n = 0; n < bytes; n++) view.setUint8(at + n, Math.floor(value / 256 ** n) & 0xff);
}

const load = (source: Uint8Array): number => source.reduceRight((value, byte) => value * 256 + byte, 0);
