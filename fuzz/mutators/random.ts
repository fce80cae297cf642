import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** Numbers of a seeded generator: the same seed gives the same numbers on every machine. */
export class Random {
  readonly #generator: RandomGenerator;

  /** @param seed 32 bits. */
  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** 32 bits. */
  next(): number {
    return this.#generator.next() >>> 0;
  }

  /** From 0 to `count` - 1; 0 for a count of 0. */
  below(count: number): number {
    return count <= 1 ? 0 : Math.floor((this.next() / 2 ** 32) * count);
  }

  /** One time in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** 1 half of the time, 2 a quarter of it, and so on up to `most`. */
  few(most: number): number {
    let count = 1;
    while (count < most && this.oneIn(2)) count++;
    return count;
  }

  /** Throws RangeError for an empty list. */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[this.below(list.length)] as T;
  }

  word(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next() & 0xff);
  }
}
