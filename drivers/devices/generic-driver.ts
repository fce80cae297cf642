import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { RequestsUnknownError } from '../port/port.ts';
import { BoundDriver } from './bound-driver.ts';
import { chainOf, cutSpan, pattern, type RequestShape } from './request.ts';

const plainBytes = 64;

/** Drives a device whose requests we do not know: rings are attached, and buffers of a plain shape offered. */
export class GenericDriver extends BoundDriver {
  override readonly hasRequests = false;
  readonly largestRequest = plainBytes;

  /** As many readable bytes and writable ones: what the device makes of them is its own affair. */
  override chain({ bytes = plainBytes, seed = 0, ...shape }: RequestShape = {}): readonly Segment[] {
    const readable = this.guest.allocate({ size: bytes, ...shape.readableWhere });
    readable.store(pattern(bytes, seed));
    const writable = this.guest.allocate({ size: bytes, ...shape.writableWhere });
    return chainOf(cutSpan(readable, shape.readableCuts ?? []), cutSpan(writable, shape.writableCuts ?? []));
  }

  request(): never {
    throw new RequestsUnknownError();
  }

  sizes(): never {
    throw new RequestsUnknownError();
  }

  transfer(): never {
    throw new RequestsUnknownError();
  }

  transferSizes(): never {
    throw new RequestsUnknownError();
  }

  writes(): never {
    throw new RequestsUnknownError();
  }
}
