import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Queue } from '../port/port.ts';
import { BoundDriver } from './bound-driver.ts';
import type { DeviceDriver, DeviceWrites, TransferShape, WriteRequest } from './device-driver.ts';
import { headerSizeOf, NetFrames, receiveSlack, shortestFrame } from './net-frames.ts';
import type { NetWorkload } from './net-workload.ts';
import { difference, type Request, type RequestShape } from './request.ts';

/** Drives a network device (virtio 5.1). */
export class NetDriver extends BoundDriver<NetWorkload> {
  readonly largestRequest = 1024;
  #frames: NetFrames | undefined;

  override get net(): NetFrames {
    this.#frames ??= new NetFrames(this.guest, this.facts, () => headerSizeOf(this.negotiated));
    return this.#frames;
  }

  /** The ring on which frames come in. */
  get receive(): Queue {
    return this.companion(this.facts.receiveIndex);
  }

  request(shape: RequestShape = {}): Request {
    return this.net.transmit(shape);
  }

  sizes(shape: RequestShape = {}): { readonly readable: number; readonly writable: number } {
    return this.net.sizes(shape);
  }

  transferSizes({ bytes = shortestFrame }: RequestShape = {}): ReturnType<DeviceDriver['transferSizes']> {
    const header = this.net.headerSize;
    const whole = header + bytes;
    return { header, readable: whole, writable: whole + receiveSlack };
  }

  transfer(queue: Queue, shape: TransferShape = {}): string | undefined {
    const frame = this.net.frame(shape.bytes, shape.seed ?? 1);
    const returned = this.net.roundTrip(queue, this.receive, frame, shape);
    return difference(returned.frame, this.net.returned(frame));
  }

  writes(queue: Queue, buffers: DeviceDriver = this): DeviceWrites {
    return new ReturnedFrames(this, buffers, queue);
  }
}

const unchanged = (segment: Segment): Segment => segment;

/** Frames that come back on the receive ring. */
class ReturnedFrames implements DeviceWrites {
  readonly #driver: NetDriver;
  readonly #buffers: DeviceDriver;
  readonly #queue: Queue;
  #problem: () => string | undefined = () => 'nothing was asked for';
  #saysDone: () => boolean = () => false;

  constructor(driver: NetDriver, buffers: DeviceDriver, queue: Queue) {
    this.#driver = driver;
    this.#buffers = buffers;
    this.#queue = queue;
  }

  get written(): Queue {
    return this.#driver.receive;
  }

  get problem(): string | undefined {
    return this.#problem();
  }

  get saysDone(): boolean {
    return this.#saysDone();
  }

  ask({ seed = 1, change = unchanged, laidOut }: WriteRequest = {}): void {
    const { net } = this.#driver;
    const receive = this.written;
    const frame = net.frame(60, seed);
    const expected = net.returned(frame);
    const buffer = this.#buffers.net.receiveBuffer();
    const start = net.headerSize;
    this.#problem = () => difference(buffer.load().subarray(start, start + frame.length), expected);
    const { driver } = receive;
    let isDone = false;
    this.#saysDone = () => {
      while (!isDone && driver.takeUsed()) isDone = driver.usedLen > 0;
      return isDone;
    };
    const { segments } = net.transmitFrame(frame);
    laidOut?.();
    receive.makeAvailable([buffer.request.segments.map(change)]);
    receive.kick();
    this.#queue.makeAvailable([segments]);
    this.#queue.kick();
  }

  stopAll(): void {
    this.#driver.stopAll(this.#queue);
  }
}
