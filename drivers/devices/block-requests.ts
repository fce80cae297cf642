import type { Span } from '../../reference-impl/memory/span.ts';
import type { Guest } from '../port/port.ts';
import type { BlockWorkload } from './block-workload.ts';
import {
  chainOf,
  cutSpan,
  difference,
  evenCuts,
  exactly,
  pattern,
  type Request,
  type RequestShape,
} from './request.ts';

export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;

export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;

const headerSize = 16;
const sectorSize = 512;
/** Header and status. */
const partsBesideData = 2;
/** What the status byte holds before the device writes it: no status that exists. */
const noStatus = 0xa5;

/** A block request with its parts still to be looked at (virtio 5.2.6). */
export interface BlockRequest extends Request {
  status(): number;
  /** The writable data, a copy. */
  data(): Uint8Array;
}

/** A request of the block device: header, data and status have descriptors of their own, as Linux cuts it. */
export interface BlockRequestShape extends RequestShape {
  /** Lengths of the pieces of the data but the last, which takes the rest. */
  readonly dataCuts?: readonly number[];
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
  read(shape: BlockRequestShape & { readonly sector?: number; readonly expected?: Uint8Array } = {}): BlockRequest {
    const bytes = shape.bytes ?? shape.expected?.length ?? sectorSize;
    return this.raw({ ...shape, type: VIRTIO_BLK_T_IN, sector: shape.sector ?? 0, writableBytes: bytes });
  }

  /** VIRTIO_BLK_T_OUT of `data` at `sector`. */
  write(data: Uint8Array, shape: BlockRequestShape & { readonly sector?: number } = {}): BlockRequest {
    return this.raw({ ...shape, type: VIRTIO_BLK_T_OUT, sector: shape.sector ?? 0, data });
  }

  flush(shape: BlockRequestShape = {}): BlockRequest {
    return this.raw({ ...shape, type: VIRTIO_BLK_T_FLUSH, sector: 0 });
  }

  /** Header and status alone: a flush, which a device that offers none need not carry out. */
  withoutData(): Request {
    const request = this.flush();
    const answers = [VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP];
    const problem = (): string | undefined =>
      answers.includes(request.status()) ? undefined : `status ${request.status()} of a flush`;
    return { ...request, problem };
  }

  getId(shape: BlockRequestShape = {}): BlockRequest {
    return this.raw({ ...shape, type: VIRTIO_BLK_T_GET_ID, sector: 0, writableBytes: 20 });
  }

  /** Any request: header, readable data, writable data, and a status byte unless `withoutStatus`. */
  raw(
    request: BlockRequestShape & {
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
    const cuts = (bytes: number): readonly number[] =>
      request.dataCuts ?? evenCuts(bytes, (request.descriptors ?? 0) - partsBesideData);
    const segments = chainOf(
      cutSpan(readableSpan, request.readableCuts ?? readableCuts(data.length, cuts)),
      cutSpan(writableSpan, request.writableCuts ?? writableCuts(writableBytes, cuts)),
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

/** The header lies apart from the data behind it. */
function readableCuts(bytes: number, cuts: (bytes: number) => readonly number[]): number[] {
  return bytes === 0 ? [] : [headerSize, ...cuts(bytes)];
}

/** The status byte lies apart from the data before it. */
function writableCuts(bytes: number, cuts: (bytes: number) => readonly number[]): number[] {
  const inData: number[] = [];
  let left = bytes;
  for (const cut of cuts(bytes)) {
    if (cut >= left) break;
    inData.push(cut);
    left -= cut;
  }
  return bytes === 0 ? [] : [...inData, left];
}

function byteAt(span: Span, at: number): number {
  return span.slice(at, 1).bytes[0] as number;
}
