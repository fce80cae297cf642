import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { DeviceRingOptions } from '../../../virtqueue/attach-area.ts';
import type { Chain } from '../../../virtqueue/chain.ts';
import { VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE } from '../../../virtqueue/descriptor.ts';
import { eventFlags, RING_EVENT_FLAGS_DESC } from '../../../virtqueue/packed/layout.ts';
import type { PackedRing } from '../../../virtqueue/packed/ring-memory.ts';
import type { RingLayout } from '../../../virtqueue/ring.ts';
import { VIRTQ_AVAIL_F_NO_INTERRUPT } from '../../../virtqueue/split/layout.ts';
import type { SplitRing } from '../../../virtqueue/split/ring-memory.ts';
import { breach, keptIf, type Tell } from '../judgement.ts';
import type { RawDescriptor } from './raw-descriptors.ts';

/** What a chain that the device could follow keeps, by the shape that it has. */
const kept: readonly {
  readonly of: (chain: Chain) => boolean;
  readonly split: readonly RequirementSlug[];
  readonly packed: readonly RequirementSlug[];
}[] = [
  {
    of: () => true,
    split: ['split/avail-idx-never-decreases', 'split/driver-indices-within-table'],
    packed: [],
  },
  {
    of: (chain) => chain.readable.length > 0 && chain.writable.length > 0,
    split: ['split/readable-before-writable'],
    packed: ['packed/readable-before-writable'],
  },
  { of: (chain) => chain.descriptors > 1, split: ['split/chain-bounded-and-loop-free'], packed: [] },
  { of: (chain) => chain.slots > 1, split: [], packed: ['packed/flags-right-in-every-descriptor'] },
  {
    of: (chain) => chain.isIndirect,
    split: [
      'indirect/flag-needs-feature',
      'indirect/no-nested-tables',
      'indirect/chain-within-queue-size',
      'indirect/never-with-next',
      'indirect/table-holds-whole-descriptors',
    ],
    packed: [
      'packed-indirect/flag-needs-feature',
      'packed-indirect/chain-within-device-limit',
      'packed-indirect/never-inside-list',
      'packed-indirect/table-holds-whole-descriptors',
    ],
  },
];

export function tellKept(
  chain: Chain,
  layout: RingLayout,
  bufferSpace: DeviceRingOptions['bufferSpace'],
  tell: Tell,
): void {
  for (const { of, ...requirements } of kept) {
    if (of(chain)) for (const requirement of requirements[layout]) tell(requirement, 'kept');
  }
  if (bufferSpace === 'guest-physical') tell('reserved/driver-passes-physical-addresses', 'kept');
}

/** With IN_ORDER, descriptors that follow one another lie one behind the other. */
export function tellInOrder(
  descriptors: readonly RawDescriptor[],
  entries: readonly RawDescriptor[],
  size: number,
  tell: Tell,
): void {
  const linked = (all: readonly RawDescriptor[]): readonly RawDescriptor[] =>
    all.filter(({ flags }) => (flags & VIRTQ_DESC_F_NEXT) !== 0);
  for (const { place, next } of linked(descriptors)) {
    tell(
      'split/in-order-next-sequential',
      keptIf(next === (place + 1) % size, () => breach('a chain', `next ${(place + 1) % size}`, `next ${next}`)),
    );
  }
  for (const { place, next } of linked(entries)) {
    tell(
      'indirect/in-order-entries-sequential',
      keptIf(next === place + 1, () => breach('an indirect table', `next ${place + 1}`, `next ${next}`)),
    );
  }
}

/** Flags of the entries of an indirect table in a packed ring: WRITE, and nothing else. */
export function tellTableFlags(entries: readonly RawDescriptor[], tell: Tell): void {
  if (entries.length === 0) return;
  const wrong = entries.find(({ flags }) => (flags & ~VIRTQ_DESC_F_WRITE) !== 0);
  tell(
    'packed-indirect/only-write-flag-inside-table',
    keptIf(wrong === undefined, () =>
      breach('an entry of an indirect table', 'no flag but WRITE', `flags 0x${(wrong?.flags ?? 0).toString(16)}`),
    ),
  );
}

export function tellSplitSuppression(ring: SplitRing, eventIdx: boolean, tell: Tell): void {
  const flags = ring.availFlags();
  const most = eventIdx ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT;
  tell(
    eventIdx ? 'notify/avail-flags-zero-with-event-idx' : 'notify/avail-flags-zero-or-one',
    keptIf(flags <= most, () => breach('flags of the available ring', eventIdx ? '0' : '0 or 1', `${flags}`)),
  );
}

/** Bits 18 to 31 of an event suppression structure are reserved. */
export function tellPackedSuppression(ring: PackedRing, eventIdx: boolean, tell: Tell): void {
  const word = ring.driverEvent();
  const flags = eventFlags(word);
  const most = eventIdx ? RING_EVENT_FLAGS_DESC : RING_EVENT_FLAGS_DESC - 1;
  tell(
    'notify/packed-driver-event-values-defined',
    keptIf(flags <= most && word >>> 18 === 0, () =>
      breach('the driver event suppression structure', `flags up to ${most}`, `0x${word.toString(16)}`),
    ),
  );
}
