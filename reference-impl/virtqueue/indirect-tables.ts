import { DriverUsageError } from '../errors.ts';
import type { Span } from '../memory/span.ts';
import { DESCRIPTOR_SIZE } from './descriptor.ts';
import type { DriverRingOptions } from './driver-ring.ts';

export interface DriverTable {
  readonly span: Span;
  readonly entries: DataView;
}

/** Indirect tables of a driver side, by a number that no two outstanding chains share. They are kept and used again. */
export class IndirectTables {
  readonly #memory: DriverRingOptions['tables'];
  readonly #tables: (DriverTable | undefined)[] = [];

  constructor(memory: DriverRingOptions['tables']) {
    this.#memory = memory;
  }

  /** Throws DriverUsageError where there is no memory for tables. */
  require(): void {
    if (this.#memory === undefined) throw new DriverUsageError('indirect chains need memory for their tables');
  }

  /** A table of `count` entries at least. Throws DriverUsageError where there is no memory for tables. */
  table(index: number, count: number): DriverTable {
    const known = this.#tables[index];
    if (known !== undefined && known.span.length >= count * DESCRIPTOR_SIZE) return known;
    if (this.#memory === undefined) throw new DriverUsageError('indirect chains need memory for their tables');
    const capacity = 2 ** Math.ceil(Math.log2(count));
    const span = this.#memory.allocate({ size: capacity * DESCRIPTOR_SIZE, align: DESCRIPTOR_SIZE });
    const { buffer, byteOffset, length } = span.bytes;
    const table = { span, entries: new DataView(buffer, byteOffset, length) };
    this.#tables[index] = table;
    return table;
  }
}
