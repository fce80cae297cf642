import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import { isFailure } from '../../memory/memory-map.ts';
import type { BufferRules } from '../../virtqueue/buffer-rules.ts';
import type { Completion } from '../../virtqueue/chain.ts';
import type { PackedDeviceRules } from '../../virtqueue/packed/device-rules.ts';
import type { RingFeatures, RingLayout } from '../../virtqueue/ring.ts';
import type { SplitDeviceRules } from '../../virtqueue/split/device-rules.ts';
import type { DeviceChange, RingFault } from '../fault.ts';

/** A change of the rules of one ring layout. */
export interface RingChange {
  readonly layout: RingLayout;
  readonly apply: DeviceChange;
}

/** Declares a fault of rings, in the layouts that its changes are made in. */
export function ringFault(requirement: RequirementSlug, text: string, ...changes: readonly RingChange[]): RingFault {
  return {
    layer: 'ring',
    layouts: [...new Set(changes.map(({ layout }) => layout))],
    requirement,
    text,
    apply: (rules) => changes.reduce((changed, { apply }) => apply(changed), rules),
  };
}

/** Replaces entries of the table of a split ring's device side. */
export const inSplitRing = (entries: Partial<SplitDeviceRules>): RingChange => ({
  layout: 'split',
  apply: (rules) => ({
    ...rules,
    transport: {
      ...rules.transport,
      ring: { ...rules.transport.ring, split: { ...rules.transport.ring.split, ...entries } },
    },
  }),
});

/** Replaces entries of the table of a packed ring's device side. */
export const inPackedRing = (entries: Partial<PackedDeviceRules>): RingChange => ({
  layout: 'packed',
  apply: (rules) => ({
    ...rules,
    transport: {
      ...rules.transport,
      ring: { ...rules.transport.ring, packed: { ...rules.transport.ring.packed, ...entries } },
    },
  }),
});

/** Rules that both layouts have, alike. */
type SharedRules = Pick<PackedDeviceRules, keyof BufferRules | 'usedId' | 'usedLen'>;

/** Replaces entries in the tables of both layouts. */
export const inEachRing = (entries: Partial<SharedRules>): readonly RingChange[] => [
  inSplitRing(entries),
  inPackedRing(entries),
];

/** Buffers of a device that reads its writable ones, too. */
export const readToo: BufferRules['reaches'] = (memory, space, high, low, length, writable) => {
  const read = memory.translateHalves(space, high, low, length, 'read');
  return isFailure(read) || !writable ? read : memory.translateHalves(space, high, low, length, 'write');
};

/** Has chains wait for others. @param choose those that become used of all that wait; none: all wait on. */
export const waiting =
  (
    choose: (held: readonly Completion[], pending: () => number, features: RingFeatures) => readonly Completion[],
  ): PackedDeviceRules['completions'] =>
  (completion, held, pending, features) => {
    held.push(completion);
    const chosen = [...choose(held, pending, features)];
    if (chosen.length > 0) held.length = 0;
    return chosen;
  };
