import { featureSet, noFeatures } from '../../reference-impl/catalogue/feature-set.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import { areaAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { encodeMdevMessage, mdevMemoryTablePayload } from '../../reference-impl/wire/mdev-messages.ts';
import { decodeStructure, encodeStructure } from '../../reference-impl/wire/structure.ts';
import type { VhostRequest } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { decodeVringBase, encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { DriverUsageError, PeerProtocolError } from '../errors.ts';
import type {
  AttachOptions,
  ControlOutcome,
  FeatureWord,
  Fence,
  MdevChannel,
  MdevPlaces,
  Negotiated,
  Negotiation,
  OfferWord,
  Queue,
  VfioDevice,
  VfioMapping,
  VhostMdevSession,
} from '../port/port.ts';
import { callOutcomeOn, checkCall, failedCall, noAnswerOn } from '../session/call-outcome.ts';
import { driverRingOptions } from '../session/ring-features.ts';
import type { SessionContext } from '../session/session-context.ts';
import { passedBy } from '../session/vhost-words.ts';
import { GuestDma } from '../vfio/guest-dma.ts';
import { RegionChannel } from './mdev-channel.ts';
import { MdevQueue, type NotifyBy, type RingOwner } from './mdev-queue.ts';
import { MdevDevice } from './session-device.ts';

export interface MdevSessionOptions {
  readonly context: SessionContext;
  readonly vfio: VfioDevice;
  readonly places: MdevPlaces;
  readonly id: number;
  readonly pageSize: number;
  readonly notifyBy: NotifyBy;
  /** Makes a guest the one that its user addresses mean; returns how to end that. */
  readonly lend: (guest: Guest) => () => void;
}

/** In which a device that was notified gets to work, in milliseconds: where there is one CPU, it works as we sleep. */
const restMs = 2;
const nothingNegotiated: Negotiated = { offered: noFeatures, accepted: noFeatures };

/**
 * One open vhost-mdev device, in whichever layout. There is no message for a single ring: rings are told while the
 * device is stopped, and it is stopped for a moment whenever one comes or goes; the others go on where they were.
 */
export class MdevSession implements VhostMdevSession, RingOwner {
  readonly id: number;
  readonly device: MdevDevice;
  /** For calls of VFIO that no method makes. */
  readonly vfio: VfioDevice;
  /** For messages that no method sends. */
  readonly channel: MdevChannel;
  readonly places: MdevPlaces;
  readonly pageSize: number;
  readonly desync = undefined;
  readonly unanswered = undefined;
  readonly #options: MdevSessionOptions;
  readonly #context: SessionContext;
  readonly #queues: MdevQueue[] = [];
  readonly #memory: GuestDma;
  #words = nothingNegotiated;
  #guest: Guest | undefined;
  #isOpen = true;
  #isRunning = false;
  #isPrepared = false;
  #isNegotiated = false;

  constructor(options: MdevSessionOptions) {
    this.#options = options;
    this.#context = options.context;
    this.id = options.id;
    this.vfio = options.vfio;
    this.places = options.places;
    this.pageSize = options.pageSize;
    this.#memory = new GuestDma(options.vfio);
    this.channel = new RegionChannel(options.vfio, options.places);
    this.device = new MdevDevice(this, () => this.#reset());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get negotiated(): Negotiated {
    return this.#words;
  }

  /** Queues that the device has a doorbell for. */
  get #queueCount(): number {
    const counted = this.device.queues.count();
    return counted.kind === 'number' ? counted.value : 0;
  }

  readFeatures(which: OfferWord): FeatureWord {
    if (which !== 'features') throw new DriverUsageError(`vhost-mdev has no ${which}`);
    try {
      const answer = this.channel.exchange('VHOST_GET_FEATURES');
      if (typeof answer !== 'number') return { kind: 'word', word: decodeStructure(u64Payload, answer)?.u64 ?? 0n };
      const none = noAnswerOn(this.#context, answer);
      if (none !== undefined) return none;
      return { kind: 'malformed', why: `VHOST_GET_FEATURES failed with ${errorName(answer)}` };
    } catch (error) {
      if (error instanceof PeerProtocolError) return { kind: 'malformed', why: error.message };
      throw error;
    }
  }

  /**
   * A message is handled before its write returns: what is asked is whether there is still one to write to. Doorbells
   * are another matter. No message waits for what a device that runs by itself does of its own accord, so it gets the
   * time for it here; what has to be over for certain is over behind a stop.
   */
  fence(): Fence {
    if (this.#isNegotiated) this.#context.waiting.rest(restMs);
    return passedBy(this.readFeatures('features'));
  }

  /** The owner; and what an earlier user may have left behind is taken out of use. */
  prepare(): void {
    this.#do('VHOST_SET_OWNER');
    this.#setRunning(false);
    for (let index = 0; index < this.#queueCount; index++) this.#tellState('VHOST_SET_VRING_NUM', index, 0);
    this.#isPrepared = true;
  }

  negotiate({ device = 0n }: Negotiation): Negotiated {
    if (!this.#isPrepared) this.prepare();
    this.#isPrepared = false;
    const offered = this.#ask('VHOST_GET_FEATURES', u64Payload).u64;
    const accepted = device & offered;
    this.#do('VHOST_SET_FEATURES', encodeStructure(u64Payload, { u64: accepted }));
    this.#words = { offered: featureSet({ device: offered }), accepted: featureSet({ device: accepted }) };
    this.#isNegotiated = true;
    return this.#words;
  }

  shareMemory(guest: Guest): ControlOutcome {
    this.#guest = guest;
    const withdraw = this.#options.lend(guest);
    const answer = this.places.memory === 'table' ? this.#tellTable(guest) : this.#memory.share(guest);
    withdraw();
    return callOutcomeOn(this.#context, answer);
  }

  attach<R extends GuestRing>(ring: R, options: AttachOptions): Queue<R> {
    const { index, position = ring.position, enable = true, call = true, kick = true } = options;
    const sent = this.places.memory === 'table' ? sentAddresses.shared : sentAddresses.translated;
    const accepted = this.negotiated.accepted.device;
    const side = { space: sent.buffer, accepted, guest: this.#guest };
    const driver = driverRingOptions(side, position, options);
    const page = this.#options.notifyBy === 'mmap' && kick ? this.#mapDoorbell(index) : undefined;
    const queue = new MdevQueue({
      context: this.#context,
      owner: this,
      session: this.id,
      ring,
      index,
      base: encodeVringBase(position),
      driver,
      side,
      kicks: options.kicks,
      hasCall: call,
      hasKick: kick,
      ...(page === undefined ? {} : { page }),
    });
    this.#queues.push(queue);
    this.#setRunning(false);
    const { descriptor, driver: available, device: used } = areaAddresses(ring, sent);
    this.#tellState('VHOST_SET_VRING_BASE', index, queue.base);
    this.#do(
      'VHOST_SET_VRING_ADDR',
      encodeStructure(vringAddressPayload, { index, flags: 0, descriptor, used, available, log: 0n }),
    );
    checkCall('VFIO_DEVICE_SET_IRQS', this.vfio.setIrqEvents(this.places.interrupts, index, [queue.pollFd]));
    const error = this.setInUse(queue, enable);
    if (error !== 0) {
      this.setInUse(queue, false);
      failedCall(`ring ${index} could not be started`, -error);
    }
    queue.drainCalls();
    return queue;
  }

  setInUse(queue: MdevQueue, inUse: boolean): number {
    const { index, ring } = queue;
    const stopped = this.#tryRunning(false);
    if (stopped !== 0) return stopped;
    // A ring of another size in the same place is the one that counts: this one was replaced.
    for (const other of this.#queues) if (other.index === index) other.isInUse = false;
    this.#tellState('VHOST_SET_VRING_NUM', index, inUse ? ring.size : 0);
    queue.isInUse = inUse;
    return this.#queues.some((one) => one.isInUse) ? this.#tryRunning(true) : 0;
  }

  baseOf(queue: MdevQueue): ReturnType<Queue['stop']> {
    const { index } = queue;
    this.#setRunning(false);
    const base = this.#ask('VHOST_GET_VRING_BASE', vringStatePayload, { index, num: 0 });
    if (base.index !== index) {
      throw new PeerProtocolError(`VHOST_GET_VRING_BASE of ring ${index} was answered for ring ${base.index}`);
    }
    this.setInUse(queue, false);
    return { kind: 'stopped', position: decodeVringBase(queue.ring.layout, base.num) };
  }

  writeDoorbell(index: number): void {
    const data = new Uint8Array(Uint32Array.of(index).buffer);
    const written = this.vfio.write(this.places.doorbells, index * this.pageSize, data);
    if (written !== data.length) failedCall(`the doorbell of ring ${index}`, written);
  }

  storeDoorbell(index: number, page: VfioMapping): void {
    this.vfio.store16(page, this.places.doorbells, index * this.pageSize, index);
  }

  /** Leaves the device as it was found, also if closing it fails. */
  close(): void {
    if (!this.#isOpen) return;
    // The device is left with any answer.
    this.channel.send(encodeMdevMessage('VHOST_DEVICE_SET_STATE', encodeStructure(u64Payload, { u64: 0n })));
    for (const { index } of this.#queues) {
      const outOfUse = encodeStructure(vringStatePayload, { index, num: 0 });
      this.channel.send(encodeMdevMessage('VHOST_SET_VRING_NUM', outOfUse));
      this.vfio.setIrqEvents(this.places.interrupts, index, [-1]);
    }
    this.abandon();
  }

  /** VFIO_DEVICE_RESET: the device stops and forgets rings and features; events and mappings stay. */
  #reset(): ControlOutcome {
    const outcome = callOutcomeOn(this.#context, this.vfio.reset());
    if (outcome.kind !== 'done') return outcome;
    this.#isRunning = false;
    for (const queue of this.#queues) queue.isInUse = false;
    return outcome;
  }

  /** Closes the device as it is, running or not. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.vfio.close();
    for (const queue of this.#queues) queue.release();
    this.#context.log.observe({ kind: 'connection', state: 'closed-by-us', session: this.id, detail: '' });
  }

  #tellTable(guest: Guest): number {
    const regions = guest.regions.map(({ guestAddress, size, userAddress }) => ({
      guestAddress,
      size: BigInt(size),
      userAddress,
    }));
    const table = encodeStructure(mdevMemoryTablePayload, { numRegions: regions.length, regions });
    const answer = this.channel.exchange('VHOST_SET_MEM_TABLE', table);
    return typeof answer === 'number' ? answer : 0;
  }

  #mapDoorbell(index: number) {
    const { pageSize } = this;
    const page = this.vfio.map(this.places.doorbells, index * pageSize, pageSize);
    return typeof page === 'number' ? failedCall(`the page of ring ${index} could not be mapped`, page) : page;
  }

  #setRunning(running: boolean): void {
    const error = this.#tryRunning(running);
    if (error !== 0) failedCall('VHOST_DEVICE_SET_STATE', -error);
  }

  /** An error number, or 0. */
  #tryRunning(running: boolean): number {
    if (running === this.#isRunning && running) return 0;
    const u64 = running ? 1n : 0n;
    const answer = this.channel.exchange('VHOST_DEVICE_SET_STATE', encodeStructure(u64Payload, { u64 }));
    if (typeof answer === 'number') return -answer;
    this.#isRunning = running;
    return 0;
  }

  #tellState(request: VhostRequest, index: number, num: number): void {
    this.#do(request, encodeStructure(vringStatePayload, { index, num }));
  }

  #do(request: VhostRequest, payload?: Uint8Array): Uint8Array {
    const answer = this.channel.exchange(request, payload);
    return typeof answer === 'number' ? failedCall(request, answer) : answer;
  }

  #ask<Value>(request: VhostRequest, codec: Codec<Value>, value?: Value): Value {
    const answer = this.#do(request, value === undefined ? undefined : encodeStructure(codec, value));
    const decoded = decodeStructure(codec, answer);
    if (decoded === undefined) throw new PeerProtocolError(`the answer to ${request} has ${answer.length} bytes`);
    return decoded;
  }
}
