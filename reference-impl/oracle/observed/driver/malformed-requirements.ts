import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { MalformedReason } from '../../../virtqueue/malformed.ts';
import type { RingLayout } from '../../../virtqueue/ring.ts';

type ByLayout = Readonly<Record<RingLayout, RequirementSlug | undefined>>;

const addresses: ByLayout = {
  split: 'reserved/driver-passes-physical-addresses',
  packed: 'reserved/driver-passes-physical-addresses',
};
const inIndirectTable: ByLayout = {
  split: 'indirect/table-holds-whole-descriptors',
  packed: 'packed-indirect/table-holds-whole-descriptors',
};

/** The requirement of the driver that a malformed chain breaks; undefined where the layout has none. */
const requirements: Readonly<Partial<Record<MalformedReason, ByLayout>>> = {
  'avail-idx-jumped': { split: 'split/avail-idx-never-decreases', packed: undefined },
  'head-out-of-range': { split: 'split/driver-indices-within-table', packed: undefined },
  'next-out-of-range': { split: 'split/driver-indices-within-table', packed: undefined },
  'chain-longer-than-queue': {
    split: 'split/chain-bounded-and-loop-free',
    packed: 'packed-indirect/chain-within-device-limit',
  },
  'writable-before-readable': { split: 'split/readable-before-writable', packed: 'packed/readable-before-writable' },
  'longer-than-4gib': { split: 'split/chain-bounded-and-loop-free', packed: undefined },
  'indirect-not-negotiated': { split: 'indirect/flag-needs-feature', packed: 'packed-indirect/flag-needs-feature' },
  'indirect-nested': { split: 'indirect/no-nested-tables', packed: 'packed-indirect/only-write-flag-inside-table' },
  'indirect-with-next': { split: 'indirect/never-with-next', packed: 'packed-indirect/never-inside-list' },
  'indirect-behind-direct': { split: undefined, packed: 'packed-indirect/never-inside-list' },
  'chained-descriptor-not-available': { split: undefined, packed: 'packed/flags-right-in-every-descriptor' },
  'indirect-table-empty': inIndirectTable,
  'indirect-table-not-multiple-of-16': inIndirectTable,
  'indirect-table-longer-than-queue': {
    split: 'indirect/chain-within-queue-size',
    packed: 'packed-indirect/chain-within-device-limit',
  },
};

export function requirementOfMalformed(reason: MalformedReason, layout: RingLayout): RequirementSlug | undefined {
  const known = requirements[reason] ?? (isAboutAddress(reason) ? addresses : undefined);
  return known?.[layout];
}

/** Buffers and tables that memory does not hold; what an IOTLB lacks may still come. */
function isAboutAddress(reason: MalformedReason): boolean {
  return /^(buffer|indirect-table)-(outside-every-region|region-edge|wraps-address-space)$/.test(reason);
}
