import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { type Binding, BoundDriver } from './bound-driver.ts';
import type { GenericWorkload } from './generic-workload.ts';
import { chainOf, cutSpan, evenCuts, pattern, type Request, type RequestShape } from './request.ts';
import { unmet } from './request-needs.ts';

const plainBytes = 64;

/** Drives a device that we have no driver of: with the one request that its target names, or with plain buffers. */
export class GenericDriver extends BoundDriver<GenericWorkload> {
  override readonly hasRequests: boolean;
  readonly largestRequest = plainBytes;

  constructor(binding: Binding<GenericWorkload>) {
    super(binding);
    this.hasRequests = binding.facts.request !== undefined;
  }

  /** The request, or as many readable bytes and writable ones, of which the device makes what it likes. */
  override chain(shape: RequestShape = {}): readonly Segment[] {
    if (this.hasRequests) return this.request(shape).segments;
    const { bytes = plainBytes, seed = 0 } = shape;
    return this.#segments(pattern(bytes, seed), bytes, shape);
  }

  /** Always the same bytes: `bytes` and `seed` are for devices that carry data. */
  request(shape: RequestShape = {}): Request {
    const { readable, writable, writes, isWhole = false } = this.#known;
    const { readableCuts = [], writableCuts = [], descriptors = 1 } = shape;
    const parts = Math.sign(readable.length) + Math.sign(writable);
    if (isWhole && (readableCuts.length + writableCuts.length > 0 || descriptors > parts)) {
      throw unmet('cut-requests');
    }
    return {
      segments: this.#segments(Buffer.from(readable, 'hex'), writable, shape),
      writes,
      problem: (len = writes.least) =>
        len >= writes.least && len <= writes.most
          ? undefined
          : `used length ${len}, of ${writes.least} to ${writes.most}`,
    };
  }

  sizes(): { readonly readable: number; readonly writable: number } {
    const { readable, writable } = this.#known;
    return { readable: readable.length / 2, writable };
  }

  transfer(): never {
    throw unmet('transfers');
  }

  transferSizes(): never {
    throw unmet('transfers');
  }

  writes(): never {
    throw unmet('transfers');
  }

  get #known(): NonNullable<GenericWorkload['request']> {
    const { request } = this.facts;
    if (request === undefined) throw unmet('requests');
    return request;
  }

  #segments(bytes: Uint8Array, writableBytes: number, shape: RequestShape): readonly Segment[] {
    const { descriptors = 1 } = shape;
    const inWritable = bytes.length === 0 ? descriptors : Math.floor(descriptors / 2);
    const inReadable = writableBytes === 0 ? descriptors : descriptors - inWritable;
    const readable = bytes.length === 0 ? [] : this.#readable(bytes, inReadable, shape);
    const room = { size: writableBytes, ...shape.writableWhere };
    const cuts = shape.writableCuts ?? evenCuts(writableBytes, inWritable);
    const writable = writableBytes === 0 ? [] : cutSpan(this.guest.allocate(room), cuts);
    return chainOf(readable, writable);
  }

  #readable(bytes: Uint8Array, pieces: number, shape: RequestShape): ReturnType<typeof cutSpan> {
    const span = this.guest.allocate({ size: bytes.length, ...shape.readableWhere });
    span.store(bytes);
    return cutSpan(span, shape.readableCuts ?? evenCuts(bytes.length, pieces));
  }
}
