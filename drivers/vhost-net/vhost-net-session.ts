import { featureSet, noFeatures } from '../../reference-impl/catalogue/feature-set.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import { areaAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { mdevMemoryTablePayload as memoryTable } from '../../reference-impl/wire/mdev-messages.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { vringFile } from '../../reference-impl/wire/vdpa-structures.ts';
import { vhostNetRequests, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { decodeVringBase, encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { headerSizeOf } from '../devices/net-frames.ts';
import { DriverUsageError, PeerProtocolError } from '../errors.ts';
import type {
  AttachOptions,
  ControlOutcome,
  FeatureWord,
  Fence,
  Negotiated,
  Negotiation,
  OfferWord,
  Queue,
  Session,
  SessionDevice,
  VdpaCalls,
} from '../port/port.ts';
import { callOutcomeOn, checkCall, failedCall, noAnswerOn } from '../session/call-outcome.ts';
import { driverRingOptions } from '../session/ring-features.ts';
import type { SessionContext } from '../session/session-context.ts';
import { passedBy, vhostWord } from '../session/vhost-words.ts';
import { type RingOwner, VdpaQueue } from '../vhost-vdpa/vdpa-queue.ts';
import type { Tap } from './tap.ts';

export interface VhostNetSessionOptions {
  readonly context: SessionContext;
  /** The calls that vhost-net has in common with vhost-vdpa. */
  readonly calls: VdpaCalls;
  readonly tap: Tap;
  readonly id: number;
}

/** In which the kernel's thread gets to work, in milliseconds: where there is one CPU, it works as we sleep. */
const restMs = 5;
const nothingNegotiated: Negotiated = { offered: noFeatures, accepted: noFeatures };
const returned: ControlOutcome = { kind: 'done', by: 'return' };

/** One open /dev/vhost-net. A ring runs while it has the tap for its backend. */
export class VhostNetSession implements Session, RingOwner {
  readonly id: number;
  readonly device: SessionDevice = { config: undefined, status: undefined, queues: undefined, reset: undefined };
  readonly desync = undefined;
  readonly #context: SessionContext;
  readonly #calls: VdpaCalls;
  readonly #tap: Tap;
  readonly #queues: VdpaQueue[] = [];
  readonly #attached = new Set<number>();
  #words = nothingNegotiated;
  #guest: Guest | undefined;
  #isOpen = true;
  #hasOwner = false;

  constructor({ context, calls, tap, id }: VhostNetSessionOptions) {
    this.#context = context;
    this.#calls = calls;
    this.#tap = tap;
    this.id = id;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get negotiated(): Negotiated {
    return this.#words;
  }

  readFeatures(which: OfferWord): FeatureWord {
    return vhostWord(this.#context, this.#calls, which, 'vhost-net');
  }

  /** A call is handled before it returns; what a kick began is the work of a thread, which gets the time for it. */
  fence(): Fence {
    if (this.#attached.size > 0) this.#context.waiting.rest(restMs);
    return passedBy(this.readFeatures('features'));
  }

  prepare(): void {
    if (!this.#hasOwner) checkCall('VHOST_SET_OWNER', this.#calls.setOwner());
    this.#hasOwner = true;
  }

  negotiate({ device = 0n }: Negotiation): Negotiated {
    this.prepare();
    const offered = this.#calls.features();
    if (typeof offered === 'number') return failedCall('VHOST_GET_FEATURES', offered);
    const accepted = device & offered;
    this.#tap.setHeaderSize(headerSizeOf(featureSet({ device: accepted })));
    checkCall('VHOST_SET_FEATURES', this.#calls.setFeatures(accepted));
    this.#words = { offered: featureSet({ device: offered }), accepted: featureSet({ device: accepted }) };
    return this.#words;
  }

  shareMemory(guest: Guest): ControlOutcome {
    this.#guest = guest;
    const regions = guest.regions.map(({ guestAddress, userAddress, size }) => ({
      guestAddress,
      size: BigInt(size),
      userAddress,
    }));
    const table = encodeStructure(memoryTable, { numRegions: regions.length, regions });
    const answer = this.#calls.file.ioctl(vhostRequests.VHOST_SET_MEM_TABLE, table);
    return callOutcomeOn(this.#context, Math.min(0, answer));
  }

  attach<R extends GuestRing>(ring: R, options: AttachOptions): Queue<R> {
    const { index, position = ring.position, enable = true, call = true, kick = true } = options;
    const accepted = this.negotiated.accepted.device;
    const side = { space: sentAddresses.shared.buffer, accepted, guest: this.#guest };
    const driver = driverRingOptions(side, position, options);
    const queue = new VdpaQueue({
      context: this.#context,
      owner: this,
      session: this.id,
      ring,
      index,
      driver,
      side,
      kicks: options.kicks,
      hasCall: call,
      hasKick: kick,
    });
    this.#queues.push(queue);
    const calls = this.#calls;
    if (this.#attached.has(index)) checkCall('VHOST_NET_SET_BACKEND', this.#setBackend(index, -1));
    this.#attached.add(index);
    const { descriptor, driver: available, device: used } = areaAddresses(ring, sentAddresses.shared);
    checkCall('VHOST_SET_VRING_NUM', calls.setSize(index, ring.size));
    checkCall('VHOST_SET_VRING_BASE', calls.setBase(index, encodeVringBase(position)));
    checkCall('VHOST_SET_VRING_ADDR', calls.setAddresses(index, { descriptor, available, used }));
    checkCall('VHOST_SET_VRING_CALL', calls.setEvent('call', index, queue.pollFd));
    checkCall('VHOST_SET_VRING_ERR', calls.setEvent('err', index, queue.errFd));
    checkCall('VHOST_SET_VRING_KICK', calls.setEvent('kick', index, queue.kickFd));
    if (enable) checkCall('VHOST_NET_SET_BACKEND', this.#setBackend(index, this.#tap.fd));
    queue.drainCalls();
    return queue;
  }

  /** There is nothing to wait for: a ring that has its backend runs. */
  run(): ControlOutcome {
    return returned;
  }

  beforeKick(): void {}

  setEnabled({ index }: VdpaQueue, enabled: boolean): ControlOutcome {
    return callOutcomeOn(this.#context, Math.min(0, this.#setBackend(index, enabled ? this.#tap.fd : -1)));
  }

  stopRing({ index, ring }: VdpaQueue): ReturnType<Queue['stop']> {
    const outcome = callOutcomeOn(this.#context, Math.min(0, this.#setBackend(index, -1)));
    if (outcome.kind === 'closed' || outcome.kind === 'silent' || outcome.kind === 'died') return outcome;
    const base = this.#calls.base(index);
    if (typeof base === 'number') {
      return noAnswerOn(this.#context, base) ?? failedCall(`VHOST_GET_VRING_BASE of ring ${index}`, base);
    }
    if (base.index !== index) {
      throw new PeerProtocolError(`VHOST_GET_VRING_BASE of ring ${index} was answered for ring ${base.index}`);
    }
    return { kind: 'stopped', position: decodeVringBase(ring.layout, base.num) };
  }

  storeDoorbell(): void {
    throw new DriverUsageError('vhost-net has no doorbells');
  }

  close(): void {
    this.abandon();
  }

  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.file.close();
    for (const queue of this.#queues) queue.release();
    this.#context.log.observe({ kind: 'connection', state: 'closed-by-us', session: this.id, detail: '' });
  }

  /** @param fd the queue of a tap, or -1 for none. */
  #setBackend(index: number, fd: number): number {
    const argument = encodeStructure(vringFile, { index, fd: fd >>> 0 });
    return this.#calls.file.ioctl(vhostNetRequests.VHOST_NET_SET_BACKEND, argument);
  }
}
