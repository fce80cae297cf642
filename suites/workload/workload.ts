import {
  type Attachment,
  type AttachOptions,
  type DriverPort,
  DriverUsageError,
  type Guest,
  type GuestSplitRing,
  type Session,
} from '../../drivers/driver-port.ts';
import { BlockRequests } from './block-requests.ts';
import { NetFrames } from './net-frames.ts';
import type { Request, RequestShape } from './request.ts';

/** A ring of this many entries for rings that only have to be there. */
const companionSize = 64;

/** What a case does with a target's device, whatever device it is. */
export class Workload {
  readonly facts: DriverPort['facts']['workload'];
  readonly #guest: () => Guest;
  readonly #companions = new Map<Session, Map<number, Attachment>>();
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
    return session.attach(ring, { ...options, index });
  }

  /** The attachment of a ring that must run beside the one under test; made at first use, without buffers. */
  companion(session: Session, index: number): Attachment {
    const known = this.#companions.get(session) ?? new Map<number, Attachment>();
    this.#companions.set(session, known);
    const attached = known.get(index) ?? session.attach(this.#guest().splitRing({ size: companionSize }), { index });
    known.set(index, attached);
    return attached;
  }

  /**
   * One request there and back on a running ring: what was wrong, or undefined. @throws as `waitForUsed`.
   */
  once(queue: Attachment, shape: RequestShape = {}): string | undefined {
    const request = this.request(shape);
    const head = queue.makeAvailable([request.segments])[0];
    queue.kick();
    const used = queue.waitForUsed(1)[0];
    if (used?.id !== head) return `used id ${used?.id} in place of ${head}`;
    if (used?.len !== request.writes) return `used len ${used?.len} in place of ${request.writes}`;
    return request.problem();
  }
}
