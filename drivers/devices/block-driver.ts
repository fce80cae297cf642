import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Queue } from '../port/port.ts';
import { BlockRequests, VIRTIO_BLK_S_OK } from './block-requests.ts';
import type { BlockWorkload } from './block-workload.ts';
import { BoundDriver } from './bound-driver.ts';
import type { DeviceDriver, DeviceWrites, TransferShape, WriteRequest } from './device-driver.ts';
import { pattern, type Request, type RequestShape } from './request.ts';

const sectorSize = 512;
const headerSize = 16;

/** Drives a block device (virtio 5.2). */
export class BlockDriver extends BoundDriver<BlockWorkload> {
  readonly largestRequest = 0x1_0000;
  #requests: BlockRequests | undefined;

  override get block(): BlockRequests {
    this.#requests ??= new BlockRequests(this.guest, this.facts);
    return this.#requests;
  }

  override requestQueues(ringCount: number): readonly number[] {
    return [...Array(ringCount).keys()];
  }

  /** A read; in two descriptors, a request that carries no data. */
  request(shape: RequestShape = {}): Request {
    return shape.descriptors === 2 ? this.block.withoutData() : this.block.read(shape);
  }

  sizes(shape: RequestShape = {}): { readonly readable: number; readonly writable: number } {
    return this.block.sizes(shape);
  }

  transferSizes({ bytes = sectorSize }: RequestShape = {}): ReturnType<DeviceDriver['transferSizes']> {
    return { header: headerSize, readable: headerSize + bytes, writable: bytes + 1 };
  }

  transfer(queue: Queue, shape: TransferShape = {}): string | undefined {
    const data = pattern(shape.bytes ?? sectorSize, shape.seed ?? 1);
    const write = this.block.write(data, shape);
    queue.makeAvailable([write.segments]);
    queue.kickAndWaitForUsed(1);
    const written = write.problem();
    if (written !== undefined) return `write: ${written}`;
    const read = this.block.read({ ...shape, expected: data });
    queue.makeAvailable([read.segments]);
    queue.kickAndWaitForUsed(1);
    const problem = read.problem();
    return problem === undefined ? undefined : `read: ${problem}`;
  }

  writes(queue: Queue, buffers: DeviceDriver = this): DeviceWrites {
    return new DiskReads(this, buffers, queue);
  }
}

const unchanged = (segment: Segment): Segment => segment;

/** Reads of sectors that were written before. */
class DiskReads implements DeviceWrites {
  readonly written: Queue;
  readonly #driver: BlockDriver;
  readonly #buffers: DeviceDriver;
  #problem: () => string | undefined = () => 'nothing was asked for';
  #saysDone: () => boolean = () => false;

  constructor(driver: BlockDriver, buffers: DeviceDriver, queue: Queue) {
    this.#driver = driver;
    this.#buffers = buffers;
    this.written = queue;
  }

  get problem(): string | undefined {
    return this.#problem();
  }

  get saysDone(): boolean {
    return this.#saysDone();
  }

  ask({ seed = 1, change = unchanged, laidOut }: WriteRequest = {}): void {
    const data = pattern(sectorSize, seed);
    this.written.makeAvailable([this.#driver.block.write(data, { sector: seed }).segments]);
    this.written.kickAndWaitForUsed(1);
    const read = this.#buffers.block.read({ sector: seed, expected: data });
    this.#problem = () => read.problem();
    this.#saysDone = () => read.status() === VIRTIO_BLK_S_OK;
    laidOut?.();
    this.written.makeAvailable([read.segments.map((one) => (one.writable ? change(one) : one))]);
    this.written.kick();
  }

  stopAll(): void {
    this.#driver.stopAll(this.written);
  }
}
