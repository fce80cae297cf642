import type { Span } from '../../reference-impl/memory/span.ts';
import type { Guest } from '../port/port.ts';
import type { BlockWorkload } from './block-workload.ts';
import { chainOf, cutSpan, difference, exactly, pattern, type Request, type RequestShape } from './request.ts';

export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;

export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;

const headerSize = 16;
const sectorSize = 512;
/** What the status byte holds before the device writes it: no status that exists. */
const noStatus = 0xa5;

/** A block request with its parts still to be looked at (virtio 5.2.6). */
export interface BlockRequest extends Request {
  status(): number;
  /** The writable data, a copy. */
  data(): Uint8Array;
}

/** Makes requests of the block device in guest memory. */
export class BlockRequests {
  readonly facts: BlockWorkload;
  readonly #guest: Guest;

  constructor(guest: Guest, facts: BlockWorkload) {
    this.#guest = guest;
    this.facts = facts;
  }

  sizes({ bytes = sectorSize }: RequestShape): { readonly readable: number; readonly writable: number } {
    return { readable: headerSize, writable: bytes + 1 };
  }

  /** VIRTIO_BLK_T_IN of `bytes` at `sector`; data are compared where `expected` is given. */
  read(shape: RequestShape & { readonly sector?: number; readonly expected?: Uint8Array } = {}): BlockRequest {
    const bytes = shape.bytes ?? shape.expected?.length ?? sectorSize;
    return this.raw({ ...shape, type: VIRTIO_BLK_T_IN, sector: shape.sector ?? 0, writableBytes: bytes });
  }

  /** VIRTIO_BLK_T_OUT of `data` at `sector`. */
  write(data: Uint8Array, shape: RequestShape & { readonly sector?: number } = {}): BlockRequest {
    return this.raw({ ...shape, type: VIRTIO_BLK_T_OUT, sector: shape.sector ?? 0, data });
  }

  flush(shape: RequestShape = {}): BlockRequest {
    return this.raw({ ...shape, type: VIRTIO_BLK_T_FLUSH, sector: 0 });
  }

  getId(shape: RequestShape = {}): BlockRequest {
    return this.raw({ ...shape, type: VIRTIO_BLK_T_GET_ID, sector: 0, writableBytes: 20 });
  }

  /** Any request: header, readable data, writable data, and a status byte unless `withoutStatus`. */
  raw(
    request: RequestShape & {
      readonly type: number;
      readonly sector: number | bigint;
      readonly data?: Uint8Array;
      readonly writableBytes?: number;
      readonly expected?: Uint8Array;
      readonly expectedStatus?: number;
    },
  ): BlockRequest {
    const data = request.data ?? new Uint8Array(0);
    const writableBytes = request.writableBytes ?? 0;
    const readableSpan = this.#guest.allocate({
      size: headerSize + data.length,
      ...(data.length > 0 ? request.readableWhere : {}),
    });
    const header = new DataView(new ArrayBuffer(headerSize));
    header.setUint32(0, request.type, true);
    header.setBigUint64(8, BigInt(request.sector), true);
    readableSpan.store(new Uint8Array(header.buffer));
    readableSpan.store(data, headerSize);
    const writableSpan = this.#guest.allocate({
      size: writableBytes + 1,
      ...(writableBytes > 0 ? request.writableWhere : {}),
    });
    writableSpan.store(pattern(writableBytes, 0xdead + (request.seed ?? 0)));
    writableSpan.store(Uint8Array.of(noStatus), writableBytes);
    const segments = chainOf(
      cutSpan(readableSpan, request.readableCuts ?? []),
      cutSpan(writableSpan, request.writableCuts ?? []),
    );
    const status = (): number => byteAt(writableSpan, writableBytes);
    const written = (): Uint8Array => writableSpan.load().subarray(0, writableBytes);
    const wanted = request.expectedStatus ?? VIRTIO_BLK_S_OK;
    return {
      segments,
      writes: exactly(writableBytes + 1),
      status,
      data: written,
      problem: () => {
        if (status() !== wanted) return `status ${status()} in place of ${wanted}`;
        return request.expected === undefined ? undefined : difference(written(), request.expected);
      },
    };
  }
}

function byteAt(span: Span, at: number): number {
  return span.slice(at, 1).bytes[0] as number;
}
