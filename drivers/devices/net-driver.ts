import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Queue } from '../port/port.ts';
import { BoundDriver } from './bound-driver.ts';
import type { DeviceDriver, DeviceWrites, TransferShape, WriteRequest } from './device-driver.ts';
import { headerSizeOf, NetFrames, type ReceiveBuffer, receiveSlack } from './net-frames.ts';
import type { NetWorkload } from './net-workload.ts';
import { difference, type Request, type RequestShape } from './request.ts';

/** Receive buffers for a device that takes no frame without any. */
const buffersNeeded = 8;
/** Frames that come in by themselves before an answer. */
const othersAtMost = 32;

/** Drives a network device (virtio 5.1). */
export class NetDriver extends BoundDriver<NetWorkload> {
  readonly largestRequest = 1024;
  #frames: NetFrames | undefined;
  /** Receive buffers by their id. */
  readonly #buffers = new Map<number, ReceiveBuffer>();
  #hasBuffers = false;

  override get net(): NetFrames {
    this.#frames ??= new NetFrames(this.guest, this.facts, () => headerSizeOf(this.negotiated));
    return this.#frames;
  }

  /** The ring on which frames come in. */
  get receive(): Queue {
    return this.companion(this.facts.receiveIndex);
  }

  request(shape: RequestShape = {}): Request {
    return this.net.transmitAway(shape);
  }

  sizes(shape: RequestShape = {}): { readonly readable: number; readonly writable: number } {
    return this.net.sizes(shape);
  }

  /** As of every driver; buffers that the device needs before it takes a frame are on it. */
  override companion(index: number): Queue {
    const queue = super.companion(index);
    if (index === this.facts.receiveIndex && this.facts.needsReceiveBuffers === true && !this.#hasBuffers) {
      this.#hasBuffers = true;
      for (let n = 0; n < buffersNeeded; n++) this.#addBuffer(queue, this.net.bufferOf());
      queue.kick();
    }
    return queue;
  }

  transferSizes({ bytes = this.net.exchangeBytes }: RequestShape = {}): ReturnType<DeviceDriver['transferSizes']> {
    const header = this.net.headerSize;
    const whole = header + bytes;
    return { header, readable: whole, writable: whole + receiveSlack };
  }

  transfer(queue: Queue, shape: TransferShape = {}): string | undefined {
    const { frame, isAnswer, problem } = this.net.exchange(shape);
    const { headerSize } = this.net;
    const { receive } = this;
    const addBuffer = (): void => {
      this.#addBuffer(receive, this.net.bufferOf(headerSize + frame.length + receiveSlack, shape));
      receive.kick();
    };
    addBuffer();
    queue.makeAvailable([this.net.transmitFrame(frame, shape).segments]);
    queue.kick();
    // First: its buffer is used also where the frame is lost.
    queue.waitForUsed(1);
    for (let others = 0; others < othersAtMost; others++) {
      const used = receive.waitForUsed(1)[0];
      const buffer = this.#buffers.get(used?.id ?? -1);
      const came = buffer?.load().slice(headerSize, used?.len) ?? new Uint8Array(0);
      if (isAnswer(came)) return problem(came);
      addBuffer();
    }
    return `no answer among ${othersAtMost} frames that came in`;
  }

  #addBuffer(queue: Queue, buffer: ReceiveBuffer): void {
    const id = queue.makeAvailable([buffer.request.segments])[0];
    if (id !== undefined) this.#buffers.set(id, buffer);
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
  /** The last that was asked for, and used elements then: nothing came for it while there are no more. */
  #asked: { readonly seed: number; readonly used: number } | undefined;

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
    if (this.#asked?.seed === seed && this.#asked.used === receive.usedCount() && change === unchanged) {
      // The frame was lost, and its buffer is still there.
      this.#transmit(net.transmitFrame(frame).segments);
      return;
    }
    this.#asked = change === unchanged ? { seed, used: receive.usedCount() } : undefined;
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
    this.#transmit(segments);
  }

  #transmit(segments: readonly Segment[]): void {
    this.#queue.makeAvailable([segments]);
    this.#queue.kick();
  }

  stopAll(): void {
    this.#driver.stopAll(this.#queue);
  }
}
