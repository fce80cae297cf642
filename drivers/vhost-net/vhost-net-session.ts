import { featureMask, featureSet, noFeatures } from '../../reference-impl/catalogue/feature-set.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import { areaAddresses, type SentAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import type { VhostMemoryRegion } from '../../reference-impl/wire/vhost-net-structures.ts';
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
  SessionDevice,
  VhostNetCalls,
  VhostNetSession,
} from '../port/port.ts';
import { callOutcomeOn, checkCall, failedCall, noAnswerOn } from '../session/call-outcome.ts';
import { driverRingOptions } from '../session/ring-features.ts';
import type { SessionContext } from '../session/session-context.ts';
import { passedBy, vhostWord } from '../session/vhost-words.ts';
import { guestMappings, type IotlbMapping } from '../vhost-vdpa/guest-mappings.ts';
import { type RingOwner, VdpaQueue } from '../vhost-vdpa/vdpa-queue.ts';
import type { NetworkQueue } from './network-queue.ts';

export interface OpenVhostNetOptions {
  readonly context: SessionContext;
  readonly calls: VhostNetCalls;
  readonly network: NetworkQueue;
  readonly id: number;
  /** Makes a guest the one that its user addresses mean; returns how to end that. */
  readonly lend: (guest: Guest) => () => void;
}

/** In which the kernel's thread gets to work, in milliseconds: where there is one CPU, it works as we sleep. */
const restMs = 5;
const accessPlatform = featureMask('VIRTIO_F_ACCESS_PLATFORM');
const nothingNegotiated: Negotiated = { offered: noFeatures, accepted: noFeatures };
const returned: ControlOutcome = { kind: 'done', by: 'return' };

/** One open /dev/vhost-net. A ring runs while it has the network for its backend. */
export class OpenVhostNet implements VhostNetSession, RingOwner {
  readonly id: number;
  readonly calls: VhostNetCalls;
  readonly device: SessionDevice = { config: undefined, status: undefined, queues: undefined, reset: undefined };
  readonly desync = undefined;
  readonly unanswered = undefined;
  readonly #context: SessionContext;
  readonly #network: NetworkQueue;
  readonly #lend: OpenVhostNetOptions['lend'];
  readonly #queues: VdpaQueue[] = [];
  readonly #attached = new Set<number>();
  #words = nothingNegotiated;
  #mapped: readonly IotlbMapping[] = [];
  #guest: Guest | undefined;
  #isOpen = true;
  #hasOwner = false;

  constructor({ context, calls, network, id, lend }: OpenVhostNetOptions) {
    this.#context = context;
    this.calls = calls;
    this.#network = network;
    this.#lend = lend;
    this.id = id;
  }

  get network(): number {
    return this.#network.fd;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get negotiated(): Negotiated {
    return this.#words;
  }

  readFeatures(which: OfferWord): FeatureWord {
    return vhostWord(this.#context, this.calls, which, 'vhost-net');
  }

  /** A call is handled before it returns; what a kick began is the work of a thread, which gets the time for it. */
  fence(): Fence {
    if (this.#attached.size > 0) this.#context.waiting.rest(restMs);
    return passedBy(this.readFeatures('features'));
  }

  prepare(): void {
    if (!this.#hasOwner) checkCall('VHOST_SET_OWNER', this.calls.setOwner());
    this.#hasOwner = true;
  }

  negotiate({ device = 0n }: Negotiation): Negotiated {
    this.prepare();
    const offered = this.calls.features();
    if (typeof offered === 'number') return failedCall('VHOST_GET_FEATURES', offered);
    const accepted = device & offered;
    this.#network.setHeaderSize(headerSizeOf(featureSet({ device: accepted })));
    checkCall('VHOST_SET_FEATURES', this.calls.setFeatures(accepted));
    // Features with an IOTLB come with an empty one.
    this.#mapped = [];
    this.#words = { offered: featureSet({ device: offered }), accepted: featureSet({ device: accepted }) };
    return this.#words;
  }

  shareMemory(guest: Guest): ControlOutcome {
    this.#guest = guest;
    const withdraw = this.#lend(guest);
    let answer = this.calls.setMemory(tableOf(guest));
    // What travels is I/O-virtual, and the table is for the log alone.
    if (answer >= 0 && this.#sent === sentAddresses.translated) answer = this.#map(guest);
    withdraw();
    return callOutcomeOn(this.#context, Math.min(0, answer));
  }

  attach<R extends GuestRing>(ring: R, options: AttachOptions): Queue<R> {
    const { index, position = ring.position, enable = true, call = true, kick = true } = options;
    const accepted = this.negotiated.accepted.device;
    const sent = this.#sent;
    const side = { space: sent.buffer, accepted, guest: this.#guest };
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
    const { calls } = this;
    if (this.#attached.has(index)) checkCall('VHOST_NET_SET_BACKEND', calls.setBackend(index, -1));
    this.#attached.add(index);
    const { descriptor, driver: available, device: used } = areaAddresses(ring, sent);
    checkCall('VHOST_SET_VRING_NUM', calls.setSize(index, ring.size));
    checkCall('VHOST_SET_VRING_BASE', calls.setBase(index, encodeVringBase(position)));
    checkCall('VHOST_SET_VRING_ADDR', calls.setAddresses(index, { descriptor, available, used }));
    checkCall('VHOST_SET_VRING_CALL', calls.setEvent('call', index, queue.pollFd));
    checkCall('VHOST_SET_VRING_ERR', calls.setEvent('err', index, queue.errFd));
    checkCall('VHOST_SET_VRING_KICK', calls.setEvent('kick', index, queue.kickFd));
    if (enable) checkCall('VHOST_NET_SET_BACKEND', calls.setBackend(index, this.#network.fd));
    queue.drainCalls();
    return queue;
  }

  /** The addresses that travel. */
  get #sent(): SentAddresses {
    const { device } = this.negotiated.accepted;
    return (device & accessPlatform) === 0n ? sentAddresses.shared : sentAddresses.translated;
  }

  /** Takes the place of what was mapped before. */
  #map(guest: Guest): number {
    for (const message of guestMappings(guest, this.#mapped, false)) {
      const answer = this.calls.iotlb(message);
      if (answer < 0) return answer;
    }
    this.#mapped = guest.regions.map(({ ioVirtualAddress, size }) => ({ ioVirtualAddress, size: BigInt(size) }));
    return 0;
  }

  /** There is nothing to wait for: a ring that has its backend runs. */
  run(): ControlOutcome {
    return returned;
  }

  beforeKick(): void {}

  setEnabled({ index }: VdpaQueue, enabled: boolean): ControlOutcome {
    return callOutcomeOn(this.#context, Math.min(0, this.calls.setBackend(index, enabled ? this.#network.fd : -1)));
  }

  stopRing({ index, ring }: VdpaQueue): ReturnType<Queue['stop']> {
    const outcome = callOutcomeOn(this.#context, Math.min(0, this.calls.setBackend(index, -1)));
    if (outcome.kind === 'closed' || outcome.kind === 'silent' || outcome.kind === 'died') return outcome;
    const base = this.calls.base(index);
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
    this.calls.file.close();
    for (const queue of this.#queues) queue.release();
    this.#context.log.observe({ kind: 'connection', state: 'closed-by-us', session: this.id, detail: '' });
  }
}

/** The regions of a guest as a memory table has them. */
function tableOf(guest: Guest): VhostMemoryRegion[] {
  return guest.regions.map(({ guestAddress, userAddress, size }) => ({
    guestAddress,
    size: BigInt(size),
    userAddress,
  }));
}
