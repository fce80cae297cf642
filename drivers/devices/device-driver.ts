import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { AttachOptions, GuestRing, Queue, RingLayout } from '../port/port.ts';
import type { BlockRequests } from './block-requests.ts';
import type { NetFrames } from './net-frames.ts';
import type { Request, RequestShape } from './request.ts';

/** A request by which data goes to the device and comes back. */
export interface TransferShape extends RequestShape {
  /** First sector of a block device's data. */
  readonly sector?: number;
  /** Cuts in the data of a block device. */
  readonly dataCuts?: readonly number[];
}

export interface WriteRequest {
  /** Makes the data of several writes differ; also the sector that is read. */
  readonly seed?: number;
  /** Alters the descriptors of the buffer. */
  readonly change?: (segment: Segment) => Segment;
  /** Called once the buffer lies there as we leave it, and before the device is told. */
  readonly laidOut?: () => void;
}

/** Has the device write into memory: a read from the disk, or a frame that comes back on the receive ring. */
export interface DeviceWrites {
  /** The ring on which a written buffer is used. */
  readonly written: Queue;
  /** Why the last buffer does not hold what it should, or undefined. */
  readonly problem: string | undefined;
  /**
   * Whether the device says that the last buffer was written: by the status of a request, or by its used element,
   * which is taken then.
   */
  readonly saysDone: boolean;
  /** Asks for one write, and does not wait for it. @throws as `waitForUsed`, for what must happen before. */
  ask(request?: WriteRequest): void;
  /** Stops all rings, so that nothing is written any more. Does not report whether that worked. */
  stopAll(): void;
}

/** The driver's side of a device, bound to one session and to the guest memory that its requests lie in. */
export interface DeviceDriver<R extends GuestRing = GuestRing> {
  readonly kind: string;
  /** Of rings on this session, by what was negotiated. */
  readonly layout: RingLayout;
  /** False where we do not know the device's requests: all that makes one throws RequestsUnknownError. */
  readonly hasRequests: boolean;
  /** The most bytes of data that a request is given. */
  readonly largestRequest: number;
  /** The ring on which `request` completes by itself. */
  readonly queueIndex: number;
  /** Of so many rings, those on which requests complete by themselves. */
  requestQueues(ringCount: number): readonly number[];
  /** Rings that must run beside it. */
  readonly companionIndices: readonly number[];
  /** @throws DriverUsageError where the target is another device: say `devices: ['block']` in `applies`. */
  readonly block: BlockRequests;
  /** @throws DriverUsageError where the target is another device: say `devices: ['net']` in `applies`. */
  readonly net: NetFrames;

  /**
   * Attaches the ring, at `queueIndex` unless told, and before it the other rings that the device needs. At the index of
   * one of those it is that one.
   */
  attach(ring: R, options?: Partial<AttachOptions>): Queue<R>;
  /** A ring that must run beside the one under test; attached at first use, without buffers. */
  companion(index: number): Queue<R>;
  /** All of them, in the order of `companionIndices`. */
  companions(): Queue<R>[];

  /** A request that the device completes without any other: a read of one sector, or a frame to transmit. */
  request(shape?: RequestShape): Request;
  /** A chain that any device may be given: a request, or buffers of a plain shape where we know no requests. */
  chain(shape?: RequestShape): readonly Segment[];
  /** Bytes in the readable and writable part of `request(shape)`. */
  sizes(shape?: RequestShape): { readonly readable: number; readonly writable: number };
  /**
   * One request there and back on a running ring: what was wrong, or undefined. Used lengths are for the cases that are
   * about them. @throws as `waitForUsed`.
   */
  once(queue: Queue, shape?: RequestShape): string | undefined;
  /**
   * `once`, in a case that presupposes it and is about something else.
   * @throws PremiseError where the ring does not serve it.
   */
  warmUp(queue: Queue, shape?: RequestShape): void;
  /**
   * Data to the device and back, compared byte for byte: a write and a read of the same sectors, or a frame that is
   * transmitted and comes back. Frames that were sent before without a buffer to come back into may get in its way.
   * What was wrong, or undefined.
   * @throws as `waitForUsed`.
   */
  transfer(queue: Queue, shape?: TransferShape): string | undefined;
  /** Bytes of the header, and of the readable and the writable part that `transfer(queue, shape)` cuts. */
  transferSizes(shape?: RequestShape): {
    readonly header: number;
    readonly readable: number;
    readonly writable: number;
  };
  /** Writes by the device on this ring, into buffers of another guest if `buffers` is a driver of one. */
  writes(queue: Queue, buffers?: DeviceDriver): DeviceWrites;
}
