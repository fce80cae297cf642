import { z } from 'zod';
import type { Queue } from '../port/port.ts';
import { BoundDriver } from './bound-driver.ts';
import type { DeviceDriver, DeviceWrites, WriteRequest } from './device-driver.ts';
import { type DeviceType, deviceType, implementedByAll } from './device-type.ts';
import { chainOf, cutSpan, difference, evenCuts, pattern, type Request, type RequestShape } from './request.ts';
import { ringFacts } from './ring-facts.ts';

const entropyWorkload = z.strictObject({ kind: z.literal('entropy'), ...ringFacts });
type EntropyWorkload = z.infer<typeof entropyWorkload>;

const bytesUnlessTold = 64;
/** Fewer random bytes than these may by chance be those that lay there before. */
const enoughToDiffer = 8;

/** Drives an entropy device (virtio 5.4): every request is a buffer to be filled, in part at least. */
class EntropyDriver extends BoundDriver<EntropyWorkload> {
  readonly largestRequest = 0x1_0000;

  request(shape: RequestShape = {}): Request {
    const { bytes = bytesUnlessTold, seed = 0, descriptors = 1, writableWhere } = shape;
    const writableCuts = shape.writableCuts ?? evenCuts(bytes, descriptors);
    const span = this.guest.allocate({ size: bytes, ...writableWhere });
    const before = pattern(bytes, 0xe27 + seed);
    span.store(before);
    return {
      segments: chainOf([], cutSpan(span, writableCuts)),
      writes: { least: 1, most: bytes },
      problem: (len = bytes) => {
        const after = span.load();
        if (len < 1 || len > bytes) return `len ${len} of a buffer of ${bytes} bytes`;
        const behind = difference(after.subarray(len), before.subarray(len));
        if (behind !== undefined) return `behind the ${len} bytes that are told: ${behind}`;
        const isUnchanged = difference(after, before) === undefined;
        return isUnchanged && len >= enoughToDiffer ? 'nothing was placed in it' : undefined;
      },
    };
  }

  sizes({ bytes = bytesUnlessTold }: RequestShape = {}): ReturnType<DeviceDriver['sizes']> {
    return { readable: 0, writable: bytes };
  }

  transferSizes(shape: RequestShape = {}): ReturnType<DeviceDriver['transferSizes']> {
    return { header: 0, ...this.sizes(shape) };
  }

  transfer(queue: Queue, shape: RequestShape = {}): string | undefined {
    return this.once(queue, shape);
  }

  writes(queue: Queue, buffers: DeviceDriver = this): DeviceWrites {
    return new FilledBuffers(this, buffers, queue);
  }
}

/** Buffers that the device fills. */
class FilledBuffers implements DeviceWrites {
  readonly written: Queue;
  readonly #driver: EntropyDriver;
  readonly #buffers: DeviceDriver;
  #problem: () => string | undefined = () => 'nothing was asked for';
  #isDone = false;

  constructor(driver: EntropyDriver, buffers: DeviceDriver, queue: Queue) {
    this.#driver = driver;
    this.#buffers = buffers;
    this.written = queue;
  }

  get problem(): string | undefined {
    return this.#problem();
  }

  get saysDone(): boolean {
    const { driver } = this.written;
    while (!this.#isDone && driver.takeUsed()) this.#isDone = driver.usedLen > 0;
    return this.#isDone;
  }

  ask({ seed = 1, change = (segment) => segment, laidOut }: WriteRequest = {}): void {
    const request = this.#buffers.request({ seed });
    this.#problem = () => request.problem();
    this.#isDone = false;
    laidOut?.();
    this.written.makeAvailable([request.segments.map(change)]);
    this.written.kick();
  }

  stopAll(): void {
    this.#driver.stopAll(this.written);
  }
}

const facts: EntropyWorkload = { kind: 'entropy', queueIndex: 0, companions: [] };

export const entropyType: DeviceType = deviceType({
  name: 'entropy',
  deviceId: 4,
  hasOneRing: true,
  workload: entropyWorkload,
  answers: {},
  external: facts,
  ofReference: facts,
  implemented: implementedByAll,
  open: (binding) => new EntropyDriver(binding),
});
