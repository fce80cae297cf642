import { DriverUsageError } from '../errors.ts';
import { addon, checked } from './addon.ts';
import type { Mapping } from './mapping.ts';

/** A thread that changes shared memory while a device reads it. */
class MemoryMutator {
  readonly #handle: number;
  /** Held, so that the collector does not unmap it. */
  readonly mapping: Mapping;
  #writes: number | undefined;

  constructor(handle: number, mapping: Mapping) {
    this.#handle = handle;
    this.mapping = mapping;
  }

  /** Ends the thread and returns how many times it wrote; again answers the same. */
  stop(): number {
    this.#writes ??= checked(addon.stopMutator(this.#handle), 'stopMutator');
    return this.#writes;
  }
}

/**
 * Writes the patterns (of one length each) in turn to `offset` of the mapping,
 * one every `periodNs` nanoseconds, or as often as it gets to run for 0. A
 * pattern of 2, 4 or 8 bytes at a multiple of its size changes at once, others
 * byte by byte. The mapping cannot be unmapped before `stop`.
 */
export function startMutator(
  mapping: Mapping,
  offset: number,
  patterns: readonly Uint8Array[],
  periodNs: number,
): MemoryMutator {
  const length = patterns[0]?.length ?? 0;
  if (patterns.some((pattern) => pattern.length !== length)) {
    throw new DriverUsageError('the patterns of a mutator must be of one length');
  }
  const joined = new Uint8Array(length * patterns.length);
  for (const [index, pattern] of patterns.entries()) joined.set(pattern, index * length);
  const handle = checked(addon.startMutator(mapping.buffer, offset, length, joined, periodNs), 'startMutator');
  return new MemoryMutator(handle, mapping);
}
