import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Attachment, Session } from '../port/port.ts';
import { VIRTIO_BLK_S_OK } from './block-requests.ts';
import { netHeaderSize } from './net-frames.ts';
import { difference, pattern } from './request.ts';
import type { Workload } from './workload.ts';

export interface DeviceWritesOptions {
  readonly session: Session;
  /** Where rings lie, and whatever the device only reads. */
  readonly rings: Workload;
  /** Where the buffers lie that the device is to write; as `rings` unless given. */
  readonly buffers?: Workload;
  readonly queue: Attachment;
}

export interface Ask {
  /** Makes the data of several writes differ; also the sector that is read. */
  readonly seed?: number;
  /** Alters the descriptors of the buffer. */
  readonly change?: (segment: Segment) => Segment;
  /** Called once the buffer lies there as we leave it, and before the device is told. */
  readonly laidOut?: () => void;
}

const sectorSize = 512;
const asItIs = (segment: Segment): Segment => segment;

/** Has the device write into memory: a read from the disk, or a frame that comes back on the receive ring. */
export class DeviceWrites {
  readonly #session: Session;
  readonly #rings: Workload;
  readonly #buffers: Workload;
  readonly #queue: Attachment;
  #problem: () => string | undefined = () => 'nothing was asked for';
  #saysDone: () => boolean = () => false;

  constructor({ session, rings, buffers = rings, queue }: DeviceWritesOptions) {
    this.#session = session;
    this.#rings = rings;
    this.#buffers = buffers;
    this.#queue = queue;
  }

  /** The ring on which a written buffer is used. */
  get written(): Attachment {
    const { facts } = this.#rings;
    return facts.kind === 'block' ? this.#queue : this.#rings.companion(this.#session, facts.receiveIndex);
  }

  /** Why the last buffer does not hold what it should, or undefined. */
  get problem(): string | undefined {
    return this.#problem();
  }

  /** Whether the device says that the last buffer was written: by the status of a request, or by its used element. */
  get saysDone(): boolean {
    return this.#saysDone();
  }

  /**
   * Asks for one write, and does not wait for it. @throws as `waitForUsed`, for what must happen before.
   */
  ask(ask: Ask = {}): void {
    if (this.#rings.facts.kind === 'block') this.#askDisk(ask);
    else this.#askWire(ask);
  }

  /** Stops all rings, so that nothing is written any more. Says nothing of whether that worked. */
  stopAll(): void {
    const others = this.#rings.facts.companions.map((index) => this.#rings.companion(this.#session, index));
    for (const each of [this.#queue, ...others]) if (this.#session.isOpen) each.stop();
  }

  #askDisk({ seed = 1, change = asItIs, laidOut }: Ask): void {
    const data = pattern(sectorSize, seed);
    this.#queue.makeAvailable([this.#rings.block.write(data, { sector: seed }).segments]);
    this.#queue.kickAndWaitForUsed(1);
    const read = this.#buffers.block.read({ sector: seed, expected: data, writableCuts: [sectorSize] });
    this.#problem = () => read.problem();
    this.#saysDone = () => read.status() === VIRTIO_BLK_S_OK;
    laidOut?.();
    this.#queue.makeAvailable([read.segments.map((one) => (one.writable ? change(one) : one))]);
    this.#queue.kick();
  }

  #askWire({ seed = 1, change = asItIs, laidOut }: Ask): void {
    const receive = this.written;
    const frame = this.#rings.net.frame(60, seed);
    const expected = this.#rings.net.returned(frame);
    const buffer = this.#buffers.net.receiveBuffer();
    this.#problem = () => difference(buffer.load().subarray(netHeaderSize, netHeaderSize + frame.length), expected);
    const used = receive.ring.usedIdx();
    this.#saysDone = () => receive.ring.usedIdx() !== used && receive.ring.usedLen(used % receive.ring.size) > 0;
    const { segments } = this.#rings.net.transmitFrame(frame);
    laidOut?.();
    receive.makeAvailable([buffer.request.segments.map(change)]);
    receive.kick();
    this.#queue.makeAvailable([segments]);
    this.#queue.kick();
  }
}
