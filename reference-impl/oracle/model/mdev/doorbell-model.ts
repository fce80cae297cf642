import { errno } from '../../../wire/errno.ts';
import type { CallCheck, Rule } from './call-check.ts';
import type { MdevFacts } from './mdev-shape.ts';

const numberBytes = 4;

/** The region by which rings are notified: a page for each. */
export class DoorbellModel {
  readonly #facts: MdevFacts;
  readonly #check: CallCheck;

  constructor(facts: MdevFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
  }

  read(length: number, result: number): void {
    const rule = { allowed: 0, requirement: 'vm-regions/doorbell-read-is-empty' } as const;
    this.#check.expect(`a read of ${length} bytes of doorbells`, result, rule);
  }

  write(offset: number, bytes: Uint8Array, length: number, isRunning: boolean | undefined, result: number): void {
    const what = `a doorbell of ${length} bytes at ${offset}`;
    this.#check.expect(what, result, this.#writeRule(offset, bytes, length, isRunning));
  }

  #writeRule(offset: number, bytes: Uint8Array, length: number, isRunning: boolean | undefined): Rule {
    const { rings, pageSize } = this.#facts;
    const isBehind = offset >= rings * pageSize;
    if (length < numberBytes) {
      return { allowed: isBehind ? 'error' : -errno.EINVAL, requirement: 'vm-notify/short-write-refused' };
    }
    const queue = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
    if (isBehind) return { allowed: -errno.EINVAL, requirement: 'vm-notify/write-behind-region-refused' };
    if (queue >= rings) return { allowed: -errno.EINVAL, requirement: 'vm-notify/unknown-queue-refused' };
    if (length > numberBytes) return { allowed: length, requirement: 'vm-notify/write-comes-to-its-length' };
    const ofPlace =
      isRunning === false ? 'vm-notify/stopped-device-takes-doorbell' : 'vm-notify/place-of-write-is-free';
    return { allowed: length, requirement: ofPlace };
  }

  /** @param result 0 for a mapping that was made. */
  map(offset: number, length: number, result: number): void {
    const { rings, pageSize } = this.#facts;
    const check = this.#check;
    const what = `a mapping of ${length} bytes of doorbells at ${offset}`;
    if (offset >= rings * pageSize) {
      check.expect(what, result, { allowed: -errno.EINVAL, requirement: 'vm-notify/map-behind-rings-refused' });
    } else if (length > pageSize) {
      check.expect(what, result, { allowed: -errno.EINVAL, requirement: 'vm-notify/map-of-more-than-a-page-refused' });
    } else if (length === pageSize && offset % pageSize === 0) {
      const isAllowed = result === 0 || result === -errno.ENOTSUPP;
      const expected = 'a mapping, or ENOTSUPP';
      check.holds(isAllowed, 'vm-notify/page-can-be-mapped', what, expected, String(result));
    }
  }
}
