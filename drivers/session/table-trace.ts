import { type AddressSpace, addressIn } from '../../reference-impl/memory/addresses.ts';
import type { AllocationRequest } from '../../reference-impl/memory/allocation.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { VIRTQ_DESC_F_INDIRECT } from '../../reference-impl/virtqueue/descriptor.ts';
import type { DriverRingOptions } from '../../reference-impl/virtqueue/driver-ring.ts';

/** Bytes of a table that are kept: 64 descriptors. */
const keptBytes = 1024;

/** Gives a driver side memory for its indirect tables, and writes each into the log before the descriptor to it. */
export class TableTrace {
  readonly #log: EventLog;
  readonly #index: number;
  readonly #memory: NonNullable<DriverRingOptions['tables']>;
  readonly #space: AddressSpace;
  /** By the address that descriptors have of them. */
  readonly #spans = new Map<bigint, Span>();

  constructor(log: EventLog, index: number, memory: NonNullable<DriverRingOptions['tables']>, space: AddressSpace) {
    this.#log = log;
    this.#index = index;
    this.#memory = memory;
    this.#space = space;
  }

  allocate(request: AllocationRequest): Span {
    const span = this.#memory.allocate(request);
    this.#spans.set(addressIn(this.#space, span), span);
    return span;
  }

  /** @param flags of the descriptor that stands at `at` of `bytes`: its address and length are where both layouts have them. */
  descriptor(flags: number, bytes: Uint8Array, at: number): void {
    if ((flags & VIRTQ_DESC_F_INDIRECT) === 0) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const span = this.#spans.get(view.getBigUint64(0, true));
    if (span === undefined) return;
    const length = Math.min(view.getUint32(8, true), span.length, keptBytes);
    this.#log.observe({
      kind: 'indirect-table',
      index: this.#index,
      address: span.guestAddress,
      bytes: span.load().subarray(0, length),
    });
  }
}
