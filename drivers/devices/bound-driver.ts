import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Guest, GuestRing, RingLayout, Session, WorkloadFacts } from '../port/port.ts';
import {
  type AttachOptions,
  DeadlineError,
  DriverUsageError,
  PeerProtocolError,
  PremiseError,
  presupposing,
  type Queue,
} from '../port/port.ts';
import { layoutIn } from '../session/ring-features.ts';
import type { BlockRequests } from './block-requests.ts';
import type { DeviceDriver, DeviceWrites, TransferShape } from './device-driver.ts';
import type { NetFrames } from './net-frames.ts';
import type { Request, RequestShape } from './request.ts';

/** A ring of this many entries for rings that only have to be there. */
const companionSize = 64;

export interface Binding<F extends WorkloadFacts = WorkloadFacts> {
  readonly session: Session;
  readonly facts: F;
  /** Where requests and companion rings lie; asked at first use. */
  readonly guest: () => Guest;
  /** As in `AttachOptions`, for every ring that the driver attaches. */
  readonly kicks?: NonNullable<AttachOptions['kicks']>;
}

/** What drivers of every device type share: the rings of one session. */
export abstract class BoundDriver<F extends WorkloadFacts = WorkloadFacts> implements DeviceDriver {
  protected readonly facts: F;
  readonly #session: Session;
  readonly #guest: () => Guest;
  readonly #kicks: Pick<AttachOptions, 'kicks'>;
  readonly hasRequests: boolean = true;
  abstract readonly largestRequest: number;
  readonly #companions = new Map<number, Queue>();

  constructor({ session, facts, guest, kicks }: Binding<F>) {
    this.facts = facts;
    this.#session = session;
    this.#guest = guest;
    this.#kicks = kicks === undefined ? {} : { kicks };
  }

  get kind(): string {
    return this.facts.kind;
  }

  get queueIndex(): number {
    return this.facts.queueIndex;
  }

  requestQueues(_ringCount: number): readonly number[] {
    return [this.queueIndex];
  }

  get companionIndices(): readonly number[] {
    return this.facts.companions;
  }

  get layout(): RingLayout {
    return layoutIn(this.#session.negotiated.accepted.device);
  }

  get block(): BlockRequests {
    throw new DriverUsageError('this target is not a block device');
  }

  get net(): NetFrames {
    throw new DriverUsageError('this target is not a network device');
  }

  attach(ring: GuestRing, options: Partial<AttachOptions> = {}): Queue {
    const index = options.index ?? this.queueIndex;
    for (const other of this.companionIndices) if (other !== index) this.companion(other);
    const queue = this.#session.attach(ring, { ...this.#kicks, ...options, index });
    if (this.companionIndices.includes(index)) this.#companions.set(index, queue);
    // Rings may be looked at before they are enabled, and then drop what is transmitted: nothing is shown before the
    // device has dealt with all of the above.
    queue.drainCalls();
    return queue;
  }

  companion(index: number): Queue {
    const known = this.#companions.get(index);
    if (known !== undefined) return known;
    const queue = this.#session.attach(this.guest.ring({ layout: this.layout, size: companionSize }), {
      ...this.#kicks,
      index,
    });
    this.#companions.set(index, queue);
    return queue;
  }

  companions(): Queue[] {
    return this.companionIndices.map((index) => this.companion(index));
  }

  chain(shape: RequestShape = {}): readonly Segment[] {
    return this.request(shape).segments;
  }

  once(queue: Queue, shape: RequestShape = {}): string | undefined {
    const request = this.request(shape);
    const head = queue.makeAvailable([request.segments])[0];
    queue.kick();
    const used = queue.waitForUsed(1)[0];
    if (used?.id !== head) return `used id ${used?.id} in place of ${head}`;
    return request.problem(used?.len);
  }

  warmUp(queue: Queue, shape: RequestShape = {}): void {
    const problem = this.#tried(queue, shape);
    if (problem !== undefined) throw new PremiseError(`a request on ring ${queue.index} is served: ${problem}`);
  }

  #tried(queue: Queue, shape: RequestShape): string | undefined {
    try {
      return presupposing(() => this.once(queue, shape));
    } catch (error) {
      if (error instanceof DeadlineError || error instanceof PeerProtocolError) return error.message;
      throw error;
    }
  }

  /** Stops the ring and its companions, as far as the session is still open. */
  stopAll(queue: Queue): void {
    for (const each of [queue, ...this.companions()]) if (this.#session.isOpen) each.stop();
  }

  protected get negotiated(): FeatureSet {
    return this.#session.negotiated.accepted;
  }

  protected get guest(): Guest {
    return this.#guest();
  }

  abstract request(shape?: RequestShape): Request;
  abstract sizes(shape?: RequestShape): { readonly readable: number; readonly writable: number };
  abstract transfer(queue: Queue, shape?: TransferShape): string | undefined;
  abstract transferSizes(shape?: RequestShape): {
    readonly header: number;
    readonly readable: number;
    readonly writable: number;
  };
  abstract writes(queue: Queue, buffers?: DeviceDriver): DeviceWrites;
}
