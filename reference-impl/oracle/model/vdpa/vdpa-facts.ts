import type { Rule } from '../mdev/call-check.ts';

/** What is known of a device before its first call. */
export interface VdpaFacts {
  /** The virtio device id of its type; undefined of a type that has none here. */
  readonly deviceId: number | undefined;
  /** Rings that it said it has. */
  readonly rings: number;
  readonly pageSize: number;
  /** Where it takes I/O-virtual addresses; undefined where it did not tell. */
  readonly range: { readonly first: bigint; readonly last: bigint } | undefined;
  /** Whether this process has memory at a user address. */
  readonly isMemory: (userAddress: bigint, size: bigint) => boolean;
}

/** -1 takes an event away; what a process has as its first three files is none. */
export function eventRule(descriptor: number): Rule {
  const requirement = 'vk-vring/event-descriptors-checked';
  if (descriptor === 0xffff_ffff) return { allowed: 0, requirement };
  return descriptor <= 2 ? { allowed: 'error', requirement } : { allowed: 'any', requirement };
}
