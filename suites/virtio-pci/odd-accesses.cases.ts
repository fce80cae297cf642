import type { AccessWidth, Queue, VirtioPciSession } from '../../drivers/port/port.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import {
  COMMON_CONFIG_SIZE,
  type CommonConfigField,
  commonConfig,
  VIRTIO_MSI_NO_VECTOR,
  VIRTIO_PCI_CAP_SIZE,
  virtioPciCap,
  virtioPciCapabilities,
} from '../../reference-impl/wire/virtio-pci.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import { presumesService, runningQueue, servesAfresh } from '../virtio/running-queue.ts';
import { tableSize } from './function.ts';

/** What a driver must not do to a function that runs. What comes of it is the device's own affair, but for harm. */

const types = virtioPciCapabilities;
const applies = { start: 'closed', transports: ['virtio-pci'], negotiation: 'fixed' } as const;

interface OddAct {
  readonly key: string;
  act(session: VirtioPciSession, queue: Queue): void;
}

type Context<Slug extends RequirementSlug> = CaseContext<Slug, VariantAxes, VirtioPciSession>;

/** Each act on a session of its own, whose ring runs; then a fresh session is served. */
function survives<Slug extends RequirementSlug>(context: Context<Slug>, slug: Slug, acts: readonly OddAct[]): void {
  const check = context.requirement(slug);
  presumesService(context, check);
  context.points(acts, ({ key, act }) => {
    const { session, driver, queue } = runningQueue(context);
    if (driver.hasRequests) driver.warmUp(queue);
    session.run();
    act(session, queue);
    session.fence();
    session.close();
    servesAfresh(context, check, `behind ${key}`);
  });
}

const widths = [1, 2, 4] as const;
const ones = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff } as const;

function commonOf({ pci }: VirtioPciSession): { readonly bar: number; readonly offset: number } {
  return pci.structure(types.VIRTIO_PCI_CAP_COMMON_CFG) ?? { bar: 0, offset: 0 };
}

/** Accesses to the common configuration that are of no field. */
const odd = widths.flatMap((width) =>
  Array.from({ length: COMMON_CONFIG_SIZE / width }, (_, n) => ({ at: n * width, width })).filter(
    ({ at }) => !Object.values(commonConfig).some((place) => place.at === at && place.bytes === width),
  ),
);

/** A few of them for each point: one access more or less is no other matter. */
const oddTogether = 8;

export const oddAccesses = defineCase({
  id: 'virtio-pci/odd-accesses/parts-of-fields',
  title: 'reads and writes of the common configuration of another width than a field has: a fresh session is served',
  proves: { 'pci/odd-accesses-survived': 'pci-part-of-field-crashes' },
  applies,
  run(context) {
    const groups = Array.from({ length: Math.ceil(odd.length / oddTogether) }, (_, n) =>
      odd.slice(n * oddTogether, (n + 1) * oddTogether),
    );
    const acts = groups.map(
      (group): OddAct => ({
        key: `${group[0]?.width} at ${group[0]?.at} and ${group.length - 1} more`,
        act: (session) => {
          const { bar, offset } = commonOf(session);
          for (const { at, width } of group) {
            session.pci.readBar(bar, offset + at, width);
            session.pci.writeBar(bar, offset + at, width, ones[width]);
          }
        },
      }),
    );
    survives(context, 'pci/odd-accesses-survived', acts);
  },
});

const readOnly = [
  'deviceFeature',
  'numQueues',
  'configGeneration',
  'queueNotifyOff',
  'queueNotifConfigData',
] as const satisfies readonly CommonConfigField[];

export const readOnlyFields = defineCase({
  id: 'virtio-pci/odd-accesses/writes-to-read-only-fields',
  title: 'writes to fields of the common configuration that are read-only: a fresh session is served',
  proves: { 'pci/writes-to-read-only-fields-survived': 'pci-write-to-read-only-field-crashes' },
  applies,
  run(context) {
    const acts = readOnly.map(
      (name): OddAct => ({
        key: name,
        act: ({ pci }) => {
          for (const value of [0, 1, ones[commonConfig[name].bytes]]) pci.write(name, value);
        },
      }),
    );
    survives(context, 'pci/writes-to-read-only-fields-survived', acts);
  },
});

export const strangeStatus = defineCase({
  id: 'virtio-pci/odd-accesses/status-out-of-order',
  title: 'a status with bits that are missing, taken back or of no meaning: a fresh session is served',
  proves: { 'pci/strange-status-survived': 'pci-status-of-all-bits-crashes' },
  applies,
  run(context) {
    const acts = [0x01, 0x04, 0x07, 0x08, 0x10, 0x20, 0x40, 0x7f, 0x80, 0x8f, 0xff].map(
      (status): OddAct => ({
        key: `status 0x${status.toString(16)}`,
        act: ({ pci }) => {
          pci.write('deviceStatus', status);
          pci.write('deviceStatus', 0);
          // The same again ahead of all negotiation.
          pci.write('deviceStatus', status);
        },
      }),
    );
    survives(context, 'pci/strange-status-survived', acts);
  },
});

export const strangeVectors = defineCase({
  id: 'virtio-pci/odd-accesses/vectors-outside-the-table',
  title: 'configuration and queues are mapped to vectors behind the last of the table: a fresh session is served',
  proves: { 'pci/vectors-outside-table-survived': 'pci-vector-outside-table-crashes' },
  applies,
  run(context) {
    const check = context.requirement('pci/vectors-outside-table-survived');
    const first = context.connect('connected');
    const count = tableSize(first, check);
    first.close();
    const acts = [...new Set([count, count + 1, 0x7ff, 0x800, 0x7fff, VIRTIO_MSI_NO_VECTOR - 1])]
      .filter((vector) => vector >= count)
      .map(
        (vector): OddAct => ({
          key: `vector ${vector}`,
          act: ({ pci }, queue) => {
            pci.write('configMsixVector', vector);
            pci.write('queueSelect', queue.index);
            pci.write('queueMsixVector', vector);
            queue.kick();
          },
        }),
      );
    survives(context, 'pci/vectors-outside-table-survived', acts);
  },
});

const queueValues: Readonly<Partial<Record<CommonConfigField, readonly number[]>>> = {
  queueSize: [0, 3, 0x8001, 0xffff, 1],
  queueEnable: [0, 2, 0xffff],
  queueReset: [0, 2, 0xffff, 1],
  queueDescLow: [0, 1, 0xffff_ffff],
  queueDescHigh: [0x7fff_ffff, 0xffff_ffff],
  queueDriverLow: [0, 1, 0xffff_ffff],
  queueDeviceLow: [0, 1, 0xffff_ffff],
};

export const strangeQueueFields = defineCase({
  id: 'virtio-pci/odd-accesses/fields-of-a-queue-that-runs',
  title:
    'fields of a queue that runs, and of one that there is not, are written with any value: a fresh session is served',
  proves: { 'pci/strange-queue-fields-survived': 'pci-queue-size-zero-crashes' },
  applies,
  run(context) {
    const fields = Object.entries(queueValues) as [CommonConfigField, readonly number[]][];
    const acts = fields.flatMap(([name, values]) =>
      ['runs', 'is not there'].map(
        (which): OddAct => ({
          key: `${name} of a queue that ${which}`,
          act: ({ pci }, queue) => {
            pci.write('queueSelect', which === 'runs' ? queue.index : 0xffff);
            for (const value of values) {
              pci.write(name, value);
              queue.kick();
            }
          },
        }),
      ),
    );
    survives(context, 'pci/strange-queue-fields-survived', acts);
  },
});

interface Notification {
  readonly key: string;
  readonly width: AccessWidth;
  readonly value: number;
}

const notifications: readonly Notification[] = [
  { key: 'one byte', width: 1, value: 0 },
  { key: 'queue 0xffff', width: 2, value: 0xffff },
  { key: 'queue 0x7fff', width: 2, value: 0x7fff },
  { key: 'queue 0 in 32 bits', width: 4, value: 0 },
  { key: 'all ones in 32 bits', width: 4, value: 0xffff_ffff },
];

export const strangeNotifications = defineCase({
  id: 'virtio-pci/odd-accesses/notifications-of-no-queue',
  title: 'notifications of other widths, places and queues than there are: a fresh session is served',
  proves: { 'pci/strange-notifications-survived': 'pci-notification-of-no-queue-crashes' },
  applies,
  run(context) {
    const acts = notifications.map(
      ({ key, width, value }): OddAct => ({
        key,
        act: ({ pci }) => {
          const { bar, offset, length } = pci.structure(types.VIRTIO_PCI_CAP_NOTIFY_CFG) ?? {
            bar: 0,
            offset: 0,
            length: 0,
          };
          for (const at of [0, length - width, Math.floor(length / 8) * 4]) {
            if (at >= 0 && at % width === 0) pci.writeBar(bar, offset + at, width, value);
          }
        },
      }),
    );
    survives(context, 'pci/strange-notifications-survived', acts);
  },
});

/** Windows with a bar, an offset and a length that reach no structure, or are not aligned. */
const windows = [
  { key: 'length 0', bar: 0, at: 0, length: 0 },
  { key: 'length 3', bar: 0, at: 0, length: 3 },
  { key: 'length 8', bar: 0, at: 0, length: 8 },
  { key: 'length 0xffffffff', bar: 0, at: 0, length: 0xffff_ffff },
  { key: 'offset 1 of length 4', bar: 0, at: 1, length: 4 },
  { key: 'the last offset', bar: 0, at: 0xffff_fffc, length: 4 },
  { key: 'BAR 5', bar: 5, at: 0, length: 4 },
  { key: 'BAR 6', bar: 6, at: 0, length: 4 },
  { key: 'BAR 255', bar: 255, at: 0x1000, length: 2 },
] as const;

export const strangeWindows = defineCase({
  id: 'virtio-pci/odd-accesses/windows-beside-structures',
  title: 'reads and writes by a window that reaches no structure or is not aligned: a fresh session is served',
  proves: { 'pci/windows-beside-structures-survived': 'pci-window-of-no-length-crashes' },
  applies,
  run(context) {
    const acts = windows.map(
      ({ key, bar, at, length }): OddAct => ({
        key,
        act: ({ pci }) => {
          const window = pci.structures().find(({ type }) => type === types.VIRTIO_PCI_CAP_PCI_CFG);
          if (window === undefined) return;
          pci.writeConfigSpace(window.at + virtioPciCap.bar, 1, bar);
          pci.writeConfigSpace(window.at + virtioPciCap.structureLength, 4, length);
          pci.writeConfigSpace(window.at + virtioPciCap.offset, 4, at);
          const data = window.at + VIRTIO_PCI_CAP_SIZE;
          for (const width of widths) {
            pci.readConfigSpace(data, width);
            pci.writeConfigSpace(data, width, 0);
          }
        },
      }),
    );
    survives(context, 'pci/windows-beside-structures-survived', acts);
  },
});
