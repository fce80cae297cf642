import {
  type Attachment,
  type AttachOptions,
  type DriverPort,
  DriverUsageError,
  type Guest,
  type GuestSplitRing,
  type Session,
} from '../port/port.ts';
import { BlockRequests } from './block-requests.ts';
import { NetFrames, netHeaderSize, receiveSlack, shortestFrame } from './net-frames.ts';
import { difference, pattern, type Request, type RequestShape } from './request.ts';

/** A ring of this many entries for rings that only have to be there. */
const companionSize = 64;

const sectorSize = 512;
const blockHeaderSize = 16;

/** What a case does with a target's device, whatever device it is. */
export class Workload {
  readonly facts: DriverPort['facts']['workload'];
  readonly #guest: () => Guest;
  readonly #companions = new Map<Session, Map<number, Attachment>>();
  readonly #sessionOf = new WeakMap<Attachment, Session>();
  #block: BlockRequests | undefined;
  #net: NetFrames | undefined;

  constructor(facts: DriverPort['facts']['workload'], guest: () => Guest) {
    this.facts = facts;
    this.#guest = guest;
  }

  /** The ring on which `request` completes by itself. */
  get queueIndex(): number {
    return this.facts.queueIndex;
  }

  /** @throws DriverUsageError for a target that is no block device: say `devices: ['block']` in `applies`. */
  get block(): BlockRequests {
    if (this.facts.kind !== 'block') throw new DriverUsageError('this target is no block device');
    this.#block ??= new BlockRequests(this.#guest(), this.facts);
    return this.#block;
  }

  /** @throws DriverUsageError for a target that is no network device. */
  get net(): NetFrames {
    if (this.facts.kind !== 'net') throw new DriverUsageError('this target is no network device');
    this.#net ??= new NetFrames(this.#guest(), this.facts);
    return this.#net;
  }

  /** A request that the device completes without any other: a read of one sector, or a frame to transmit. */
  request(shape: RequestShape = {}): Request {
    return this.facts.kind === 'block' ? this.block.read(shape) : this.net.transmit(shape);
  }

  /** Bytes in the readable and writable part of `request(shape)`. */
  sizes(shape: RequestShape = {}): { readonly readable: number; readonly writable: number } {
    return this.facts.kind === 'block' ? this.block.sizes(shape) : this.net.sizes(shape);
  }

  /** Attaches the ring, at `queueIndex` unless told, and before it whatever other rings the device needs. */
  attach(session: Session, ring: GuestSplitRing, options: Partial<AttachOptions> = {}): Attachment {
    const index = options.index ?? this.queueIndex;
    for (const other of this.facts.companions) if (other !== index) this.companion(session, other);
    const attachment = session.attach(ring, { ...options, index });
    this.#sessionOf.set(attachment, session);
    // Rings may be looked at before they are enabled, and then drop what is transmitted: nothing is shown before the
    // device has dealt with all of the above.
    attachment.drainCalls();
    return attachment;
  }

  /** The attachment of a ring that must run beside the one under test; made at first use, without buffers. */
  companion(session: Session, index: number): Attachment {
    const known = this.#companions.get(session) ?? new Map<number, Attachment>();
    this.#companions.set(session, known);
    const attached = known.get(index) ?? session.attach(this.#guest().splitRing({ size: companionSize }), { index });
    known.set(index, attached);
    return attached;
  }

  /** Bytes of the readable and of the writable part that `transfer(queue, shape)` cuts. */
  transferSizes(shape: RequestShape = {}): {
    readonly header: number;
    readonly readable: number;
    readonly writable: number;
  } {
    if (this.facts.kind === 'block') {
      const bytes = shape.bytes ?? sectorSize;
      return { header: blockHeaderSize, readable: blockHeaderSize + bytes, writable: bytes + 1 };
    }
    const bytes = netHeaderSize + (shape.bytes ?? shortestFrame);
    return { header: netHeaderSize, readable: bytes, writable: bytes + receiveSlack };
  }

  /**
   * Data to the device and back, compared byte for byte: a write and a read of the same sectors, or a frame that is
   * transmitted and comes back. Frames that were sent before without a buffer to come back into may get in its way.
   * What was wrong, or undefined.
   * @throws as `waitForUsed`.
   */
  transfer(queue: Attachment, shape: RequestShape & { readonly sector?: number } = {}): string | undefined {
    if (this.facts.kind === 'block') return this.#writeAndRead(queue, shape);
    const session = this.#sessionOf.get(queue);
    if (session === undefined) throw new DriverUsageError('this ring was not attached by the workload');
    return this.#thereAndBack(queue, this.companion(session, this.facts.receiveIndex), shape);
  }

  #writeAndRead(queue: Attachment, shape: RequestShape & { readonly sector?: number }): string | undefined {
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

  #thereAndBack(transmit: Attachment, receive: Attachment, shape: RequestShape): string | undefined {
    const frame = this.net.frame(shape.bytes, shape.seed ?? 1);
    const returned = this.net.roundTrip(transmit, receive, frame, shape);
    return difference(returned.frame, this.net.returned(frame));
  }

  /**
   * One request there and back on a running ring: what was wrong, or undefined. Used lengths are for the cases that are
   * about them. @throws as `waitForUsed`.
   */
  once(queue: Attachment, shape: RequestShape = {}): string | undefined {
    const request = this.request(shape);
    const head = queue.makeAvailable([request.segments])[0];
    queue.kick();
    const used = queue.waitForUsed(1)[0];
    if (used?.id !== head) return `used id ${used?.id} in place of ${head}`;
    return request.problem();
  }
}
