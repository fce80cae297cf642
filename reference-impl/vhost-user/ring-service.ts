import type { ParentDriver, QueueFailure, StepOutcome } from '../devices/parent-driver.ts';
import { isFailure, isYetToCome } from '../memory/memory-map.ts';
import { gather } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';
import { ringLayoutOf, VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_VERSION_1 } from '../virtqueue/feature-bits.ts';
import type { Lacking } from '../virtqueue/malformed.ts';
import { descriptorOffset, FLAGS_OFFSET } from '../virtqueue/packed/layout.ts';
import { type RingLayout, ringAreas } from '../virtqueue/ring.ts';
import { USED_IDX_OFFSET } from '../virtqueue/split/layout.ts';
import { decodeVringBase, encodeVringBase } from '../wire/vring-base.ts';
import type { BackEndEdge, DescriptorToken } from './back-end-edge.ts';
import type { ConfigChanges } from './config-changes.ts';
import type { DescriptorRules } from './descriptor-rules.ts';
import type { DeviceStateRules } from './device-state-rules.ts';
import type { DirtyMarks } from './dirty-marks.ts';
import type { FrontEndMemory } from './front-end-memory.ts';
import { type HostNotifierRules, HostNotifiers } from './host-notifiers.ts';
import type { InflightBuffer } from './inflight-buffer.ts';
import type { InflightRecord, InflightRules, Resumption, RingGlimpse } from './inflight-rules.ts';
import { IotlbReports } from './iotlb-reports.ts';
import type { IotlbRules } from './iotlb-rules.ts';
import type { NegotiatedState } from './negotiated-state.ts';
import type { NotificationRules } from './notification-rules.ts';
import { ringMessage } from './reply-payloads.ts';
import { isStarted, type RingEvent, type RingStateRules } from './ring-state.ts';
import type { SessionObserver } from './session-observer.ts';
import type { SharedMemoryRegions } from './shared-memory.ts';
import type { SharedObjects } from './shared-objects.ts';
import { type AttachedVring, type NotificationWay, polled, Vring } from './vring.ts';
import { areaSizes, type RingAddresses, ringAreasAt, type VringRules } from './vring-rules.ts';

export interface WatchedKick {
  readonly token: DescriptorToken;
  readonly index: number;
}

/** What the rings need of their session. */
export interface RingSession extends NegotiatedState {
  readonly device: ParentDriver;
  readonly edge: BackEndEdge;
  readonly memory: FrontEndMemory;
  readonly marks: DirtyMarks;
  readonly inflight: InflightBuffer | undefined;
  readonly backEndChannel: DescriptorToken | undefined;
  readonly observer: SessionObserver | undefined;
  readonly configChanges: ConfigChanges;
  readonly sharedObjects: SharedObjects;
  readonly sharedMemory: SharedMemoryRegions;
  status: number;
  readonly rules: {
    readonly ringState: RingStateRules;
    readonly vring: VringRules;
    readonly iotlb: IotlbRules;
    readonly notification: NotificationRules;
    readonly descriptors: DescriptorRules;
    readonly deviceState: DeviceStateRules;
    readonly hostNotifier: HostNotifierRules;
    readonly inflight: InflightRules;
  };
}

/** The rings of a session: their states, what they tell, and the device that works on them. */
export class RingService {
  readonly vrings: readonly Vring[];
  readonly notifiers: HostNotifiers;
  readonly #session: RingSession;
  readonly #records: (InflightRecord | undefined)[] = [];
  readonly #reports: IotlbReports;
  /** Queues that had a chain which lacks a translation or a page. */
  readonly #stalled = new Set<number>();
  /** A ring stops at once, and what it takes stays in flight. */
  #isSuspending = false;
  #kicks: readonly WatchedKick[] | undefined;

  constructor(session: RingSession) {
    this.#session = session;
    this.#reports = new IotlbReports(session);
    this.notifiers = new HostNotifiers(session);
    const { initial } = session.rules.ringState;
    this.vrings = Array.from({ length: session.device.queueCount }, (_, index) => new Vring(index, initial));
  }

  /** Whether addresses are I/O-virtual, and translated by the IOTLB. */
  get translates(): boolean {
    return (this.#session.device.features & VIRTIO_F_ACCESS_PLATFORM) !== 0n;
  }

  get someStarted(): boolean {
    return this.vrings.some((vring) => isStarted(vring.state));
  }

  /** Whether the device takes its time: of one that may stop at once, some requests are to be in flight. */
  get isSlow(): boolean {
    return this.#session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN');
  }

  /** Descriptors on which kicks arrive; the same array until one changes. */
  get kicks(): readonly WatchedKick[] {
    this.#kicks ??= this.vrings.flatMap(({ kick: { token }, index }) =>
      token === undefined ? [] : [{ token, index }],
    );
    return this.#kicks;
  }

  /** Rings that are looked at without being told. */
  get polled(): readonly Vring[] {
    const { polls } = this.#session.rules.notification;
    return this.vrings.filter(({ kick }) => polls(kick));
  }

  /** Moves a ring by the table of states. Answers why a start cannot be; the state is then as before. */
  move(vring: Vring, event: RingEvent): string | undefined {
    const before = vring.state;
    const next = this.#session.rules.ringState.next[before][event];
    vring.state = next;
    if (isStarted(next) && !vring.isAttached) {
      const why = this.#attach(vring);
      if (why !== undefined) {
        vring.state = before;
        return why;
      }
    }
    if (!isStarted(next)) {
      // The next start of a ring maps it again: nothing may be asked for once the last one has stopped.
      this.#session.sharedMemory.unmap();
      if (vring.isAttached) this.#detach(vring);
    }
    this.#applyService(vring);
    if (isStarted(next)) this.#tellOfStart(vring);
    return undefined;
  }

  /** Stops a ring without waiting: what it was about to carry out stays in flight, for the next start. */
  suspend(vring: Vring): void {
    this.#isSuspending = true;
    this.move(vring, 'stop');
    this.#isSuspending = false;
  }

  moveAll(event: RingEvent): void {
    for (const vring of this.vrings) this.move(vring, event);
  }

  setWay(vring: Vring, which: 'kick' | 'call' | 'err', token: DescriptorToken | undefined): void {
    const { rules, edge } = this.#session;
    const before = vring[which].token;
    vring[which] = token === undefined ? polled : { kind: 'descriptor', token };
    if (rules.descriptors.closesReplaced) edge.close(before);
    this.#kicks = undefined;
  }

  /** The edge read `value` from a kick descriptor. */
  kicked(index: number, value: number): void {
    this.#session.observer?.kicked(index);
    // The driver may have mapped by now what there was no answer for.
    this.#reports.forget();
    if (this.#session.rules.notification.isKick(value)) this.#session.device.notify(index);
  }

  /** Attaches the rings that run anew, where they are by now: memory changed. One that lies nowhere rests. */
  reattach(): void {
    for (const vring of this.vrings) {
      if (!vring.isAttached) continue;
      this.#detach(vring);
      this.#attach(vring);
    }
  }

  /** The device cannot follow a chain for want of what comes later. */
  stalled(index: number, lacking: Lacking): void {
    this.#stalled.add(index);
    if (lacking === 'translation') this.#reports.report('miss');
  }

  /** Pages of memory have come: what waited for one tries again. */
  pagesArrived(): void {
    for (const vring of this.vrings) if (vring.isAwaited) this.#attach(vring);
    for (const index of this.#stalled) this.#session.device.awaken(index);
  }

  /** Translations of a range came or went: rings are found anew, and look again at what waited. */
  translationsChanged(ioVirtualAddress: bigint, size: bigint): void {
    const { rules } = this.#session;
    this.#reports.forgetWithin(ioVirtualAddress, size);
    for (const vring of this.vrings) {
      const isFoundAnew = vring.isAttached ? rules.iotlb.resumes : vring.isAwaited && rules.iotlb.startsRings;
      if (!isFoundAnew) continue;
      if (vring.isAttached) this.#detach(vring);
      this.#attach(vring);
    }
  }

  /** Carries out one chain at most. */
  step(): StepOutcome {
    const { device } = this.#session;
    for (const { index } of this.polled) device.awaken(index);
    for (const index of this.notifiers.takeKicks()) this.kicked(index, 1);
    return device.step();
  }

  /** Lets the device run or not, as the device status has it. */
  refresh(): void {
    const { device, rules } = this.#session;
    if (rules.deviceState.isLive(this.#session)) device.start();
    else device.stop();
  }

  /** The device has taken a chain. */
  fetched(index: number, chain: Chain): void {
    if (this.#isSuspending && !this.#session.rules.inflight.recordsSuspended) return;
    this.recordOf(index)?.fetched(chain);
  }

  /** The inflight record of a ring that runs, where there is one. */
  recordOf(index: number): InflightRecord | undefined {
    return this.#records[index];
  }

  /** The used ring, all that a device writes of a split ring, has log addresses of its own; the areas of a packed ring have none. */
  wroteRing(index: number, offset: number, length: number): void {
    if (this.#layout !== 'split') return;
    const { log, addresses } = this.vrings[index] as AttachedVring;
    this.#session.marks.wroteUsedRing(log, addresses.used, offset, length);
  }

  announceUsed(index: number): void {
    this.#tell(index, 'call');
  }

  announceError(index: number, reason: QueueFailure): void {
    const session = this.#session;
    if (reason.endsWith('-iotlb-denied')) this.#reports.report('access-fail');
    session.status = session.rules.deviceState.brokenStatus(session.status);
    if (session.rules.notification.signalsErrors) this.#tell(index, 'err');
  }

  /** Stops every ring and forgets what was told of it. */
  stopAll(): void {
    this.moveAll('reset');
    for (const vring of this.vrings) {
      vring.base = undefined;
      vring.isResumed = false;
      vring.addresses = undefined;
      vring.isBigEndian = false;
    }
  }

  closeDescriptors(): void {
    this.notifiers.release();
    for (const vring of this.vrings) {
      for (const which of ['kick', 'call', 'err'] as const) this.#session.edge.close(vring[which].token);
    }
  }

  /** What a front-end may hear of as soon as a ring runs, and not before: each once. */
  #tellOfStart({ index }: Vring): void {
    const { configChanges, sharedObjects, sharedMemory } = this.#session;
    this.notifiers.tell(index);
    configChanges.tell();
    sharedObjects.announce();
    sharedMemory.map();
  }

  #attach(vring: Vring): string | undefined {
    const { device, memory, rules } = this.#session;
    if (vring.addresses === undefined) return 'no addresses';
    const lacking = this.#lackingOf(vring.addresses, vring.size);
    if (lacking === 'translation') this.#reports.report('miss');
    if (lacking !== undefined) return undefined;
    device.setMemory(memory.map);
    const resumed = this.#resume(vring, vring.addresses);
    const why = device.startQueue(vring.index, {
      size: vring.size,
      areas: ringAreasAt(vring.addresses),
      isBigEndian: this.#isBigEndian(vring),
      ...resumed,
      ringSpace: this.#spaces.ringSpace,
      bufferSpace: this.#spaces.bufferSpace,
    });
    if (why !== undefined) return why;
    vring.isAttached = true;
    vring.starts++;
    if (rules.vring.servesAtStart(vring.starts)) device.awaken(vring.index);
    return undefined;
  }

  /** A driver of version 1 is little-endian whatever was told. */
  #isBigEndian({ isBigEndian }: Vring): boolean {
    return isBigEndian && (this.#session.device.features & VIRTIO_F_VERSION_1) === 0n;
  }

  get #layout(): RingLayout {
    return ringLayoutOf(this.#session.device.features);
  }

  get #spaces(): Pick<VringRules, 'ringSpace' | 'bufferSpace'> {
    const { vring, iotlb } = this.#session.rules;
    if (this.translates) return iotlb;
    const hasGuestAddresses = this.#session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_GPA_ADDRESSES');
    return hasGuestAddresses ? { ringSpace: vring.guestRingSpace, bufferSpace: vring.bufferSpace } : vring;
  }

  /** What the areas of a ring lack that comes later. */
  #lackingOf(addresses: RingAddresses, size: number): Lacking | undefined {
    const sizes = areaSizes(this.#layout, size);
    const areas = ringAreasAt(addresses);
    const { map } = this.#session.memory;
    const { ringSpace } = this.#spaces;
    for (const area of ringAreas) {
      const found = map.translate(ringSpace, areas[area], sizes[area], 'read');
      if (isYetToCome(found)) return found === 'page-missing' ? 'page' : 'translation';
    }
    return undefined;
  }

  #resume(vring: Vring, addresses: RingAddresses): Resumption {
    const { inflight, rules } = this.#session;
    const base = vring.base ?? rules.vring.unsetBase(this.#layout);
    const position = decodeVringBase(this.#layout, rules.vring.startBase(base, vring.isResumed));
    const record = inflight?.record(vring.index, vring.size, this.#layout);
    this.#records[vring.index] = record;
    // A ring that does not lie in memory will not start: its record stays as it is.
    if (record === undefined || this.#word(addresses.used) === undefined) return { position };
    return record.begin(position, this.#glimpse(addresses, this.#isBigEndian(vring)));
  }

  #glimpse({ desc, used }: RingAddresses, isBigEndian: boolean): RingGlimpse {
    return {
      usedIdx: () => this.#word(used + BigInt(USED_IDX_OFFSET), isBigEndian) ?? 0,
      flags: (slot) => this.#word(desc + BigInt(descriptorOffset(slot) + FLAGS_OFFSET)) ?? 0,
    };
  }

  /** 16 bits of ring memory. */
  #word(address: bigint, isBigEndian = false): number | undefined {
    const { memory } = this.#session;
    const found = memory.map.translate(this.#spaces.ringSpace, address, 2);
    if (isFailure(found)) return undefined;
    const [low = 0, high = 0] = gather(found);
    return isBigEndian ? (low << 8) | high : low | (high << 8);
  }

  #detach(vring: Vring): void {
    const { device } = this.#session;
    // Without a record nothing that is in flight would be found again.
    const suspends = this.#isSuspending && this.recordOf(vring.index) !== undefined;
    const position = suspends ? device.suspendQueue(vring.index) : device.stopQueue(vring.index);
    if (position !== undefined) vring.base = encodeVringBase(position);
    vring.isResumed = true;
    vring.isAttached = false;
  }

  #applyService(vring: Vring): void {
    const service = this.#session.rules.ringState.service[vring.state];
    this.#session.device.setQueueEnabled(vring.index, service === 'everything');
  }

  #tell(index: number, which: 'call' | 'err'): void {
    const { rules, edge, isInBand, backEndChannel } = this.#session;
    const way: NotificationWay = (this.vrings[index] as Vring)[which];
    switch (rules.notification.announcement(way, isInBand)) {
      case 'none':
        return;
      case 'descriptor':
        if (way.token !== undefined) edge.signal(way.token);
        return;
      case 'in-band': {
        const name = which === 'call' ? 'VHOST_USER_BACKEND_VRING_CALL' : 'VHOST_USER_BACKEND_VRING_ERR';
        edge.sendRequest(backEndChannel, ringMessage(name, index, rules.notification.inBandNum));
        return;
      }
    }
  }
}
