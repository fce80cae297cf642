import type { DriverPort, VhostUserSession } from '../../drivers/port/port.ts';
import type { PackedDescriptor } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import type { InflightMemory } from './inflight-ring.ts';

/** struct QueueRegionPacked (vhost-user, "Inflight I/O tracking"): a header of 32 bytes, then 32 for each descriptor. */
const headerSize = 32;
const entrySize = 32;

/** Where the region says that its ring stands. */
export interface RecordedPosition {
  readonly freeHead: number;
  readonly usedIdx: number;
  readonly usedWrap: number;
}

export interface RecordedEntry extends PackedDescriptor {
  readonly isInflight: boolean;
  /** Descriptors of the list, where the entry is that of a first one. */
  readonly num: number;
  readonly counter: bigint;
}

/** The record of one packed queue in the buffer of a back-end. */
export class PackedInflightQueue {
  readonly #port: DriverPort<VhostUserSession>;
  readonly #fd: number;
  readonly #at: number;
  readonly #size: number;

  constructor(port: DriverPort<VhostUserSession>, { fd, description }: InflightMemory, queue: number, size: number) {
    this.#port = port;
    this.#fd = fd;
    this.#size = size;
    const stride = Math.floor(Number(description.mmapSize) / Math.max(1, description.numQueues));
    this.#at = Number(description.mmapOffset) + queue * stride;
  }

  get position(): RecordedPosition {
    const header = this.#bytes(0, headerSize);
    return {
      freeHead: header.getUint16(12, true),
      usedIdx: header.getUint16(16, true),
      usedWrap: header.getUint8(20),
    };
  }

  /** The same, as it was before the last update. */
  get oldPosition(): RecordedPosition {
    const header = this.#bytes(0, headerSize);
    return {
      freeHead: header.getUint16(14, true),
      usedIdx: header.getUint16(18, true),
      usedWrap: header.getUint8(21),
    };
  }

  entries(): RecordedEntry[] {
    return Array.from({ length: this.#size }, (_, index) => {
      const entry = this.#bytes(headerSize + entrySize * index, entrySize);
      return {
        isInflight: entry.getUint8(0) !== 0,
        num: entry.getUint16(6, true),
        counter: entry.getBigUint64(8, true),
        id: entry.getUint16(16, true),
        flags: entry.getUint16(18, true),
        len: entry.getUint32(20, true),
        addr: entry.getBigUint64(24, true),
      };
    });
  }

  #bytes(at: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    bytes.set(this.#port.descriptors.load(this.#fd, this.#at + at, length));
    return new DataView(bytes.buffer);
  }
}
