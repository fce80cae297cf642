import { featureSet, noFeatures } from '../../reference-impl/catalogue/feature-set.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import { sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import {
  VIRTIO_F_NOTIF_CONFIG_DATA,
  VIRTIO_F_NOTIFICATION_DATA,
  VIRTIO_F_RING_RESET,
} from '../../reference-impl/virtqueue/feature-bits.ts';
import { type GuestRing, isEmptyAt, type RingPosition, startPosition } from '../../reference-impl/virtqueue/ring.ts';
import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { pciCommand, pciHeader, virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { unmetByRings } from '../devices/request-needs.ts';
import { DeadlineError, DriverUsageError, IutGoneError, PeerProtocolError } from '../errors.ts';
import type {
  AttachOptions,
  ControlOutcome,
  Done,
  FeatureWord,
  Fence,
  Negotiated,
  Negotiation,
  OfferWord,
  Queue,
  VfioDevice,
  VirtioPciFunction,
  VirtioPciSession,
} from '../port/port.ts';
import { callOutcomeOn, checkCall, failedCall, noAnswerOn } from '../session/call-outcome.ts';
import { deadlineIn } from '../session/deadline.ts';
import { drainAtStart } from '../session/event-queue.ts';
import { driverRingOptions } from '../session/ring-features.ts';
import type { SessionContext } from '../session/session-context.ts';
import { stoppedSomewhere } from '../session/stopped-somewhere.ts';
import { GuestDma } from '../vfio/guest-dma.ts';
import { CheckedFields } from './checked-fields.ts';
import { PciQueue, type RingOwner } from './pci-queue.ts';
import { PciVectors } from './pci-vectors.ts';
import { QueueSetUps } from './queue-set-ups.ts';
import { PciDeviceParts } from './session-device.ts';

export interface PciSessionOptions {
  readonly context: SessionContext;
  readonly vfio: VfioDevice;
  readonly pci: VirtioPciFunction;
  readonly id: number;
  /** Makes a guest the one that its user addresses mean; returns how to end that. */
  readonly lend: (guest: Guest) => () => void;
}

const ACKNOWLEDGE = 1;
const DRIVER = 2;
const DRIVER_OK = 4;
const FEATURES_OK = 8;
/** Windows of 32 feature bits that are read: more than any bit that has a meaning. */
const windows = [0, 1] as const;
/** In which a device that was notified gets to work, in milliseconds: where there is one CPU, it works as we sleep. */
const restMs = 5;
const nothingNegotiated: Negotiated = { offered: noFeatures, accepted: noFeatures };
const returned: ControlOutcome = { kind: 'done', by: 'return' };

/**
 * One open virtio function. The rings are set up first and DRIVER_OK comes at the first use of one, as drivers do. A ring
 * stops alone where VIRTIO_F_RING_RESET was accepted; else with the device. Who writes the status itself decides on DRIVER_OK.
 */
export class PciSession implements VirtioPciSession, RingOwner {
  readonly id: number;
  readonly vfio: VfioDevice;
  readonly pci: VirtioPciFunction;
  readonly device: PciDeviceParts;
  readonly desync = undefined;
  readonly unanswered = undefined;
  readonly #options: PciSessionOptions;
  readonly #context: SessionContext;
  readonly #vectors: PciVectors;
  readonly #queues: PciQueue[] = [];
  readonly #fields: CheckedFields;
  readonly #setUps: QueueSetUps;
  readonly #memory: GuestDma;
  #words = nothingNegotiated;
  #guest: Guest | undefined;
  #configInterrupts = 0;
  #isOpen = true;
  #isPrepared = false;
  #isStatusManual = false;
  #hasPin = false;
  #isRunning = false;
  /** A ring was stopped by a reset of the device, and all of them with it. */
  #isStoppedByReset = false;

  constructor(options: PciSessionOptions) {
    this.#options = options;
    this.#context = options.context;
    this.id = options.id;
    this.vfio = options.vfio;
    this.pci = options.pci;
    this.#memory = new GuestDma(options.vfio);
    this.#vectors = new PciVectors(options.vfio, options.pci);
    this.#fields = new CheckedFields(options.pci);
    this.#setUps = new QueueSetUps(options.pci, this.#fields);
    this.device = new PciDeviceParts(options.pci, (status) => this.#writeStatus(status));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get negotiated(): Negotiated {
    return this.#words;
  }

  get sharedSignals(): number {
    return this.#vectors.sharedSignals;
  }

  readFeatures(which: OfferWord): FeatureWord {
    if (which !== 'features') throw new DriverUsageError(`virtio-pci has no ${which}`);
    if (this.pci.structure(virtioPciCapabilities.VIRTIO_PCI_CAP_COMMON_CFG) === undefined) {
      return { kind: 'malformed', why: 'no capability shows the common configuration' };
    }
    let word = 0n;
    for (const window of windows) {
      const selected = this.pci.write('deviceFeatureSelect', window);
      const bits = selected < 0 ? selected : this.pci.read('deviceFeature');
      if (bits < 0) {
        return noAnswerOn(this.#context, bits) ?? { kind: 'malformed', why: `device_feature: ${errorName(bits)}` };
      }
      word |= BigInt(bits) << (32n * BigInt(window));
    }
    return { kind: 'word', word };
  }

  /**
   * An access is handled before it returns: what is asked is whether the function is there. Notifications are another
   * matter: no access waits for what a device does of its own accord, so it gets the time for it here.
   */
  fence(): Fence {
    if (this.#isRunning) this.#context.waiting.rest(restMs);
    const answer = this.pci.readConfigSpace(pciHeader.vendorId, 2);
    const isGone = answer === 0xffff ? -errno.ENODEV : Math.min(0, answer);
    return noAnswerOn(this.#context, isGone) ?? { kind: 'passed' };
  }

  /** Access to memory, a reset, and the status up to DRIVER. */
  prepare(): void {
    const command = this.pci.readConfigSpace(pciHeader.command, 2);
    if (command < 0) failedCall('the command register', command);
    this.pci.writeConfigSpace(pciHeader.command, 2, command | pciCommand.MEMORY | pciCommand.BUS_MASTER);
    this.#resetDevice();
    this.#fields.addStatus(ACKNOWLEDGE);
    this.#fields.addStatus(DRIVER);
    this.#isPrepared = true;
  }

  negotiate({ device = 0n }: Negotiation): Negotiated {
    if (!this.#isPrepared) this.prepare();
    this.#isPrepared = false;
    const offer = this.readFeatures('features');
    if (offer.kind === 'malformed') throw new PeerProtocolError(offer.why);
    if (offer.kind !== 'word') return endedBy(offer, 'device_feature');
    const accepted = device & offer.word;
    this.#fields.acceptFeatures(accepted, windows);
    this.#fields.addStatus(FEATURES_OK);
    if ((this.#fields.read('deviceStatus') & FEATURES_OK) === 0) {
      throw new PeerProtocolError('the device took FEATURES_OK back');
    }
    this.#words = { offered: featureSet({ device: offer.word }), accepted: featureSet({ device: accepted }) };
    return this.#words;
  }

  /** Takes the place of what was mapped before. */
  shareMemory(guest: Guest): ControlOutcome {
    this.#guest = guest;
    const withdraw = this.#options.lend(guest);
    const answer = this.#memory.share(guest);
    withdraw();
    return callOutcomeOn(this.#context, answer);
  }

  attach<R extends GuestRing>(ring: R, options: AttachOptions): Queue<R> {
    const { index, position = ring.position, enable = true, kick = true } = options;
    const call = (options.call ?? true) && !this.#hasPin;
    const accepted = this.negotiated.accepted.device;
    const side = { space: sentAddresses.translated.buffer, accepted, guest: this.#guest };
    const driver = driverRingOptions(side, position, options);
    if (!isAtStart(position)) throw new DriverUsageError('a ring of virtio-pci begins at its start');
    if (this.#isStoppedByReset || (this.#isTooLateFor(index) && !this.#setUps.isEnabled(index)))
      throw unmetByRings('changes');
    if (call) this.#vectors.enable();
    const queue = new PciQueue({
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
      isShared: call && this.#vectors.of(index).isShared,
    });
    this.#queues.push(queue);
    if (this.#setUps.isEnabled(index)) {
      if (!this.#canResetQueues) throw unmetByRings('changes');
      const outcome = this.resetQueue(index);
      if (outcome.kind !== 'done') endedBy(outcome, `the reset of queue ${index}`);
    }
    this.#setUps.setUp(queue, this.#accepted(VIRTIO_F_NOTIF_CONFIG_DATA));
    if (call) this.#vectors.mapSelected(index, queue.pollFd);
    if (enable) checkCall('queueEnable', this.#setUps.enable(index));
    queue.drainCalls();
    return queue;
  }

  run(): ControlOutcome {
    if (this.#isRunning || this.#isStoppedByReset || this.#isStatusManual || this.#queues.length === 0) return returned;
    this.#fields.addStatus(DRIVER_OK);
    this.#isRunning = true;
    drainAtStart(this.#queues);
    return returned;
  }

  /** @throws RequestsUnknownError where the ring rests because another one was stopped. */
  notify({ index, driver }: PciQueue): void {
    if (this.#isStoppedByReset) throw unmetByRings('changes');
    // The next available place with its wrap counter, or the available idx: bits 0 to 15 of a base.
    const data = encodeVringBase(driver.position) & 0xffff;
    this.#setUps.notify(index, this.#accepted(VIRTIO_F_NOTIFICATION_DATA) ? data : undefined);
  }

  /** A queue is enabled once. @throws RequestsUnknownError for taking it out of use without stopping it, and too late. */
  setEnabled({ index }: PciQueue, enabled: boolean): ControlOutcome {
    if (!enabled || this.#isTooLateFor(index)) throw unmetByRings('changes');
    return callOutcomeOn(this.#context, Math.min(0, this.#setUps.enable(index)));
  }

  stopRing({ index }: PciQueue): ReturnType<Queue['stop']> {
    const outcome = this.#canResetQueues ? this.resetQueue(index) : this.#stopByReset();
    if (outcome.kind === 'closed' || outcome.kind === 'silent' || outcome.kind === 'died') return outcome;
    return stoppedSomewhere;
  }

  usePin(event: number): number {
    this.#hasPin = true;
    return this.vfio.setIrqEvents(vfioPci.INTX_IRQ_INDEX, 0, [event]);
  }

  unmaskPin(): number {
    return this.vfio.unmaskIrq(vfioPci.INTX_IRQ_INDEX);
  }

  useVector(index: number, vector: number): void {
    this.#vectors.assign(index, vector);
  }

  resetQueue(index: number, meanwhile?: () => void): ControlOutcome {
    this.#setUps.queueWasReset(index);
    this.pci.write('queueSelect', index);
    const answer = this.pci.write('queueReset', 1);
    if (answer < 0) return callOutcomeOn(this.#context, answer);
    meanwhile?.();
    return this.#until(() => this.pci.read('queueReset') === 0);
  }

  takeConfigInterrupts(): number {
    this.#vectors.enable();
    const count = this.#vectors.sharedSignals - this.#configInterrupts;
    this.#configInterrupts += count;
    return count;
  }

  /** Leaves the device as a reset does, also if that fails. */
  close(): void {
    if (!this.#isOpen) return;
    this.pci.write('deviceStatus', 0);
    this.abandon();
  }

  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.vfio.close();
    for (const queue of this.#queues) queue.release();
    this.#vectors.release();
    this.#context.log.observe({ kind: 'connection', state: 'closed-by-us', session: this.id, detail: '' });
  }

  /** Queues are enabled before DRIVER_OK (virtio 3.1.1), and behind it where they were reset alone (2.6.2). */
  #isTooLateFor(index: number): boolean {
    return this.#isRunning && !this.#setUps.wasReset(index);
  }

  get #canResetQueues(): boolean {
    return this.#accepted(VIRTIO_F_RING_RESET);
  }

  #accepted(feature: bigint): boolean {
    return (this.#words.accepted.device & feature) !== 0n;
  }

  #stopByReset(): ControlOutcome {
    if (this.#isStoppedByReset) return returned;
    const outcome = this.#zeroStatus();
    if (outcome.kind === 'done') {
      this.#isStoppedByReset = true;
      this.#isRunning = false;
    }
    return outcome;
  }

  #resetDevice(): void {
    const outcome = this.#zeroStatus();
    if (outcome.kind !== 'done') endedBy(outcome, 'the reset of the device');
    this.#vectors.mapConfiguration();
  }

  #zeroStatus(): ControlOutcome {
    const answer = this.pci.write('deviceStatus', 0);
    if (answer < 0) return callOutcomeOn(this.#context, answer);
    this.#setUps.deviceWasReset();
    return this.#until(() => this.pci.read('deviceStatus') === 0);
  }

  /** The status as a case writes it: it decides from now on. */
  #writeStatus(status: number): ControlOutcome {
    this.#isStatusManual = status !== 0;
    if (status === 0) {
      const outcome = this.#zeroStatus();
      this.#isRunning = this.#isPrepared = this.#isStoppedByReset = false;
      return outcome;
    }
    const outcome = callOutcomeOn(this.#context, Math.min(0, this.pci.write('deviceStatus', status)));
    if (outcome.kind === 'done') this.#isRunning = (status & DRIVER_OK) !== 0;
    return outcome;
  }

  #until(holds: () => boolean): ControlOutcome {
    const { waiting, deadlineMs } = this.#context;
    if (waiting.until(() => holds() || this.#context.exit() !== undefined, deadlineIn(deadlineMs))) {
      const exit = this.#context.exit();
      return exit === undefined ? returned : { kind: 'died', exit };
    }
    return { kind: 'silent', waitedMs: deadlineMs };
  }
}

/** What has to be done was not. @throws DeadlineError, IutGoneError or PeerProtocolError, always. */
function endedBy(outcome: Exclude<ControlOutcome, Done>, what: string): never {
  switch (outcome.kind) {
    case 'silent':
      throw new DeadlineError(`${what} is not over after ${outcome.waitedMs} ms`);
    case 'closed':
    case 'died':
      throw new IutGoneError(`${what}: the device is gone`);
    case 'refused':
      throw new PeerProtocolError(`${what} is refused`);
  }
}

const isAtStart = (position: RingPosition): boolean =>
  isEmptyAt(position) && encodeVringBase(position) === encodeVringBase(startPosition(position.layout));
