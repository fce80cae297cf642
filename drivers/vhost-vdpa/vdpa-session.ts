import { featureSet, noFeatures } from '../../reference-impl/catalogue/feature-set.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import { areaAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { decodeVringBase, encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { unmetByRings } from '../devices/request-needs.ts';
import { PeerProtocolError } from '../errors.ts';
import type {
  AttachOptions,
  ControlOutcome,
  FeatureWord,
  Fence,
  Negotiated,
  Negotiation,
  OfferWord,
  Queue,
  VdpaCalls,
  VdpaMapping,
  VdpaRange,
  VhostVdpaSession,
} from '../port/port.ts';
import type { VdpaNotification } from '../reach.ts';
import { callOutcomeOn, checkCall, failedCall, noAnswerOn } from '../session/call-outcome.ts';
import { drainAtStart } from '../session/event-queue.ts';
import { driverRingOptions } from '../session/ring-features.ts';
import type { SessionContext } from '../session/session-context.ts';
import { stoppedSomewhere } from '../session/stopped-somewhere.ts';
import { passedBy, vhostWord } from '../session/vhost-words.ts';
import { guestMappings, type IotlbMapping } from './guest-mappings.ts';
import { VdpaDeviceParts } from './session-device.ts';
import { type RingOwner, VdpaQueue } from './vdpa-queue.ts';

export interface VdpaSessionOptions {
  readonly context: SessionContext;
  readonly calls: VdpaCalls;
  readonly id: number;
  readonly pageSize: number;
  readonly range: VdpaRange | undefined;
  readonly notifyBy: VdpaNotification;
  /** Makes a guest the one that its user addresses mean; returns how to end that. */
  readonly lend: (guest: Guest) => () => void;
}

const ACKNOWLEDGE = 1;
const DRIVER = 2;
const DRIVER_OK = 4;
const FEATURES_OK = 8;

/** VHOST_BACKEND_F_*, by their bits. */
const backend = { MSG_V2: 1n << 1n, BATCH: 1n << 2n, SUSPEND: 1n << 4n, RESUME: 1n << 5n } as const;
/** All of Linux 6.12. */
const knownBackend = 0b1_0111_1110n;
/** In which a device that was notified gets to work, in milliseconds: where there is one CPU, it works as we sleep. */
const restMs = 5;
const nothingNegotiated: Negotiated = { offered: noFeatures, accepted: noFeatures };

/**
 * One open vhost-vdpa device. The rings are set up first and DRIVER_OK comes at the first use of one, as drivers do; a
 * ring that comes or goes later does so while the device is suspended. Who writes the status itself decides on DRIVER_OK.
 */
export class VdpaSession implements VhostVdpaSession, RingOwner {
  readonly id: number;
  readonly calls: VdpaCalls;
  readonly device: VdpaDeviceParts;
  readonly pageSize: number;
  readonly range: VdpaRange | undefined;
  readonly desync = undefined;
  readonly unanswered = undefined;
  readonly #options: VdpaSessionOptions;
  readonly #context: SessionContext;
  readonly #queues: VdpaQueue[] = [];
  /** Rings that have been set up since the last reset. */
  readonly #attached = new Set<number>();
  #mapped: readonly IotlbMapping[] = [];
  #words = nothingNegotiated;
  #backendFeatures = 0n;
  #guest: Guest | undefined;
  #isOpen = true;
  #hasOwner = false;
  #isPrepared = false;
  #isStatusManual = false;
  #isRunning = false;
  /** A ring was stopped by a reset of the device, and all of them with it. */
  #isStoppedByReset = false;

  constructor(options: VdpaSessionOptions) {
    this.#options = options;
    this.#context = options.context;
    this.id = options.id;
    this.calls = options.calls;
    this.pageSize = options.pageSize;
    this.range = options.range;
    this.device = new VdpaDeviceParts(options.calls, (status) => this.#writeStatus(status));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get negotiated(): Negotiated {
    return this.#words;
  }

  get backendFeatures(): bigint {
    return this.#backendFeatures;
  }

  readFeatures(which: OfferWord): FeatureWord {
    return vhostWord(this.#context, this.calls, which, 'vhost-vdpa');
  }

  /**
   * A call is handled before it returns: what is asked is whether there is still a device to call. Kicks are another
   * matter: no call waits for what a device does of its own accord, so it gets the time for it here.
   */
  fence(): Fence {
    if (this.#isRunning) this.#context.waiting.rest(restMs);
    return passedBy(this.readFeatures('features'));
  }

  /** The owner, backend features, and the status up to DRIVER. */
  prepare(): void {
    if (!this.#hasOwner) checkCall('VHOST_SET_OWNER', this.calls.setOwner());
    this.#hasOwner = true;
    const offered = this.calls.backendFeatures();
    if (typeof offered === 'number') failedCall('VHOST_GET_BACKEND_FEATURES', offered);
    const accepted = offered & knownBackend;
    checkCall('VHOST_SET_BACKEND_FEATURES', this.calls.setBackendFeatures(accepted));
    this.#backendFeatures = accepted;
    this.#addStatus(ACKNOWLEDGE | DRIVER);
    this.#isPrepared = true;
  }

  negotiate({ device = 0n }: Negotiation): Negotiated {
    if (!this.#isPrepared) this.prepare();
    this.#isPrepared = false;
    const offered = this.calls.features();
    if (typeof offered === 'number') return failedCall('VHOST_GET_FEATURES', offered);
    const accepted = device & offered;
    checkCall('VHOST_SET_FEATURES', this.calls.setFeatures(accepted));
    this.#addStatus(FEATURES_OK);
    const status = this.calls.status();
    if (status < 0) failedCall('VHOST_VDPA_GET_STATUS', status);
    if ((status & FEATURES_OK) === 0) throw new PeerProtocolError('the device took FEATURES_OK back');
    const backendOffer = this.calls.backendFeatures();
    this.#words = {
      offered: featureSet({ device: offered, backend: typeof backendOffer === 'bigint' ? backendOffer : 0n }),
      accepted: featureSet({ device: accepted, backend: this.#backendFeatures }),
    };
    return this.#words;
  }

  /** Takes the place of what was told before. */
  shareMemory(guest: Guest): ControlOutcome {
    this.#guest = guest;
    const withdraw = this.#options.lend(guest);
    const messages = guestMappings(guest, this.#mapped, (this.#backendFeatures & backend.BATCH) !== 0n);
    let answer = 0;
    for (const message of messages) {
      answer = this.calls.iotlb(message);
      if (answer < 0) break;
    }
    this.#mapped = guest.regions.map(({ ioVirtualAddress, size }) => ({ ioVirtualAddress, size: BigInt(size) }));
    withdraw();
    return callOutcomeOn(this.#context, Math.min(0, answer));
  }

  attach<R extends GuestRing>(ring: R, options: AttachOptions): Queue<R> {
    const { index, position = ring.position, enable = true, call = true, kick = true } = options;
    if (this.#isStoppedByReset || (this.#isRunning && this.#stopsByReset)) throw unmetByRings('changes');
    const accepted = this.negotiated.accepted.device;
    const side = { space: sentAddresses.translated.buffer, accepted, guest: this.#guest };
    const driver = driverRingOptions(side, position, options);
    const page = this.#options.notifyBy === 'doorbell' && kick ? this.#mapDoorbell(index) : undefined;
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
      ...(page === undefined ? {} : { page }),
    });
    const isAnother = this.#attached.has(index);
    this.#attached.add(index);
    this.#queues.push(queue);
    this.#suspended(() => {
      const { calls } = this;
      if (isAnother) checkCall('VHOST_VDPA_SET_VRING_ENABLE', calls.setEnabled(index, false));
      const { descriptor, driver: available, device: used } = areaAddresses(ring, sentAddresses.translated);
      checkCall('VHOST_SET_VRING_NUM', calls.setSize(index, ring.size));
      checkCall('VHOST_SET_VRING_ADDR', calls.setAddresses(index, { descriptor, available, used }));
      checkCall('VHOST_SET_VRING_BASE', calls.setBase(index, encodeVringBase(position)));
      checkCall('VHOST_SET_VRING_CALL', calls.setEvent('call', index, queue.pollFd));
      checkCall('VHOST_SET_VRING_ERR', calls.setEvent('err', index, queue.errFd));
      checkCall('VHOST_SET_VRING_KICK', calls.setEvent('kick', index, queue.kickFd));
      if (enable) checkCall('VHOST_VDPA_SET_VRING_ENABLE', calls.setEnabled(index, true));
    });
    queue.drainCalls();
    return queue;
  }

  run(): ControlOutcome {
    if (this.#isRunning || this.#isStoppedByReset || this.#isStatusManual || this.#queues.length === 0)
      return { kind: 'done', by: 'return' };
    const outcome = callOutcomeOn(this.#context, this.calls.setStatus(this.#statusWith(DRIVER_OK)));
    if (outcome.kind !== 'done') return outcome;
    this.#isRunning = true;
    drainAtStart(this.#queues);
    return outcome;
  }

  /** @throws RequestsUnknownError where the ring rests because another one was stopped. */
  beforeKick(): void {
    if (this.#isStoppedByReset) throw unmetByRings('changes');
    this.run();
  }

  setEnabled({ index }: VdpaQueue, enabled: boolean): ControlOutcome {
    if (this.#isRunning && this.#stopsByReset) throw unmetByRings('changes');
    return callOutcomeOn(this.#context, this.calls.setEnabled(index, enabled));
  }

  stopRing({ index, ring }: VdpaQueue): ReturnType<Queue['stop']> {
    if (this.#stopsByReset) return this.#stopByReset();
    const base = this.#suspended(() => {
      const told = this.calls.base(index);
      this.calls.setEnabled(index, false);
      return told;
    });
    if (typeof base === 'number') {
      const none = noAnswerOn(this.#context, base);
      if (none !== undefined) return none;
      return failedCall(`VHOST_GET_VRING_BASE of ring ${index}`, base);
    }
    if (base.index !== index) {
      throw new PeerProtocolError(`VHOST_GET_VRING_BASE of ring ${index} was answered for ring ${base.index}`);
    }
    return { kind: 'stopped', position: decodeVringBase(ring.layout, base.num) };
  }

  get #stopsByReset(): boolean {
    return this.#context.facts.ringsStop === 'by-reset';
  }

  #stopByReset(): ReturnType<Queue['stop']> {
    if (!this.#isStoppedByReset) {
      const outcome = callOutcomeOn(this.#context, this.calls.setStatus(0));
      if (outcome.kind === 'closed' || outcome.kind === 'silent' || outcome.kind === 'died') return outcome;
      this.#isStoppedByReset = true;
      this.#isRunning = false;
    }
    return stoppedSomewhere;
  }

  storeDoorbell(index: number, page: VdpaMapping): void {
    this.calls.store16(page, index, index);
  }

  /** The kernel resets the device and takes its mappings away. */
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

  /** Changes rings: while the device runs, it is suspended meanwhile. */
  #suspended<Result>(change: () => Result): Result {
    const canSuspend =
      (this.#backendFeatures & (backend.SUSPEND | backend.RESUME)) === (backend.SUSPEND | backend.RESUME);
    if (!this.#isRunning || !canSuspend) return change();
    checkCall('VHOST_VDPA_SUSPEND', this.calls.suspend());
    const result = change();
    checkCall('VHOST_VDPA_RESUME', this.calls.resume());
    return result;
  }

  /** The status as a case writes it: it decides from now on. */
  #writeStatus(status: number): ControlOutcome {
    const outcome = callOutcomeOn(this.#context, this.calls.setStatus(status));
    this.#isStatusManual = status !== 0;
    if (outcome.kind !== 'done') return outcome;
    this.#isRunning = (status & DRIVER_OK) !== 0;
    if (status === 0) {
      this.#isPrepared = this.#isStoppedByReset = false;
      this.#attached.clear();
    }
    return outcome;
  }

  /** The status as it is, with bits added. */
  #statusWith(bits: number): number {
    const status = this.calls.status();
    return status < 0 ? failedCall('VHOST_VDPA_GET_STATUS', status) : status | bits;
  }

  #addStatus(bits: number): void {
    checkCall('VHOST_VDPA_SET_STATUS', this.calls.setStatus(this.#statusWith(bits)));
  }

  #mapDoorbell(index: number): VdpaMapping {
    const page = this.calls.mapDoorbell(index);
    return typeof page === 'number' ? failedCall(`the doorbell of ring ${index} could not be mapped`, page) : page;
  }
}
