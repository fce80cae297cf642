import { featureMask } from '../catalogue/feature-set.ts';
import { DirtyMarks } from '../vhost-user/dirty-marks.ts';
import type { MemoryTable } from './memory-table.ts';
import type { VhostNetEdge } from './vhost-net-edge.ts';
import type { VhostNetLogRules } from './vhost-net-rules.ts';

const LOG_ALL = featureMask('VHOST_F_LOG_ALL');

/** The log of written pages, in the user's memory. */
export class DeviceLog {
  base = 0n;
  readonly #edge: VhostNetEdge;
  readonly #rules: VhostNetLogRules;
  readonly #marks: DirtyMarks;
  readonly #signal: () => void;

  /** @param signal tells that a page was marked. */
  constructor(edge: VhostNetEdge, rules: VhostNetLogRules, signal: () => void) {
    this.#edge = edge;
    this.#rules = rules;
    this.#marks = new DirtyMarks(rules);
    this.#signal = signal;
  }

  isWanted(features: bigint): boolean {
    return (features & LOG_ALL) !== 0n;
  }

  /** Whether a log of that memory can be written where it lies, or would lie. */
  fits(table: MemoryTable, base: bigint = this.base): boolean {
    return this.#rules.reaches(table.logRange(base, this.#rules.pageSize));
  }

  /** SET_FEATURES. */
  setFeatures(features: bigint): void {
    this.#marks.isAcknowledged = this.isWanted(features);
  }

  /** Bytes of a buffer were written. */
  wrote(table: MemoryTable, guestAddress: bigint, length: number): void {
    this.#aim(table);
    this.#marks.wrote(guestAddress, length);
    this.#tell();
  }

  /** Bytes of a used ring were written, `offset` bytes into it. */
  wroteUsedRing(
    table: MemoryTable,
    log: { readonly address: bigint; readonly isLogged: boolean },
    usedAddress: bigint,
    offset: number,
    length: number,
  ): void {
    this.#aim(table);
    this.#marks.wroteUsedRing(log, usedAddress, offset, length);
    if (log.isLogged) this.#tell();
  }

  forget(): void {
    this.base = 0n;
    this.#marks.isAcknowledged = undefined;
  }

  /** The user may have its log elsewhere by now. */
  #aim(table: MemoryTable): void {
    const { address, size } = table.logRange(this.base, this.#rules.pageSize);
    this.#marks.setLog({ bytes: this.#edge.userMemory(address, size) ?? new Uint8Array(), unmap: () => {} });
  }

  #tell(): void {
    if (this.#rules.signals && this.#marks.isAcknowledged === true) this.#signal();
  }
}
