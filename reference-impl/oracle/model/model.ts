import {
  type FeatureName,
  type FeatureSet,
  hasFeature,
  isBeyondText,
  noFeatures,
  type RequirementSlug,
  requirementOf,
} from '../../catalogue/catalogue.ts';
import { BackEndRequestsModel } from './back-end-requests-model.ts';
import { ConfigurationModel, leastConfiguration } from './configuration-model.ts';
import type { DeviceModel } from './device-model.ts';
import { deviceModelOf } from './device-model-of.ts';
import { InflightModel } from './inflight-model.ts';
import { LibertiesTaken, type LibertyName } from './liberties.ts';
import { LogModel } from './log-model.ts';
import { MessageModel } from './message-model.ts';
import type { ModelTarget } from './model-target.ts';
import type { ModelFinding, ModelObservation, ObservedOutcome, Tell } from './observation.ts';
import { judgeOffer } from './offered-features.ts';
import { RingModel } from './ring-model.ts';
import { judgeTransfer } from './transfer-model.ts';
import { requirementsOfTransport, type TransportRequirements } from './transport-requirements.ts';

interface SessionState {
  accepted: FeatureSet;
  /** The device status that the driver wrote last. */
  status: number;
  isLost: boolean;
  /** Queues of the device, by index, that met what they may not recover from before a reset. */
  readonly broken: Set<number>;
  readonly messages: MessageModel;
  readonly backEnd: BackEndRequestsModel;
}

interface QueueState {
  readonly session: number;
  readonly ring: number;
  readonly model: RingModel;
}

/**
 * The outcomes that the text allows, for calls that keep to it: a set of states, narrowed by what is observed. It knows no
 * rule of the reference. One model serves for one run of calls; where a target goes on behind it, a new one knows nothing
 * of it.
 */
export class Model {
  readonly findings: ModelFinding[] = [];
  readonly liberties = new LibertiesTaken();
  readonly #target: ModelTarget;
  readonly #requirements: TransportRequirements;
  readonly #device: DeviceModel;
  readonly #configuration: ConfigurationModel;
  readonly #sessions = new Map<number, SessionState>();
  readonly #queues = new Map<number, QueueState>();
  /** Rings whose memory, or whose place to go on at, is not known: each later life of them is lost as well. */
  readonly #lostRings = new Set<number>();
  /** The queue of the latest life of each ring. */
  readonly #lives = new Map<number, number>();
  #isLost = false;
  readonly #tell: Tell = (finding) => {
    if (this.#target.judgesChoices === true || !isMerelyChosen(finding.requirement)) this.findings.push(finding);
  };
  readonly #take = (liberty: LibertyName): void => this.liberties.take(liberty);

  constructor(target: ModelTarget) {
    this.#target = target;
    this.#requirements = requirementsOfTransport(target.transport);
    const isOpen = (at: number): boolean => this.#device.mayChange?.(at) === true;
    this.#configuration = new ConfigurationModel(target, isOpen, this.#tell, this.#take);
    this.#device = deviceModelOf(target, this.#configuration, this.#tell, this.#take);
  }

  /** The log of a session, for who reads it. */
  logOf(bytes: number): LogModel {
    return new LogModel(this.#tell, bytes);
  }

  /** The record of requests in flight, for who reads it. */
  inflight(): InflightModel {
    return new InflightModel(this.#tell, this.#take);
  }

  /** Judges one observation. What the text does not allow is added to `findings`. */
  observe(seen: ModelObservation): void {
    if (this.#isLost) return;
    switch (seen.kind) {
      case 'connected':
        this.#device.began?.();
        this.#sessions.set(seen.session, {
          accepted: noFeatures,
          status: 0,
          isLost: false,
          broken: new Set(),
          messages: new MessageModel(
            this.#tell,
            this.#take,
            this.#target.offer,
            leastConfiguration(this.#target.device),
            this.#target.judgesChoices === true,
          ),
          backEnd: new BackEndRequestsModel(this.#tell, this.#target.sharing),
        });
        return;
      case 'ended':
        this.#ended(seen.session);
        return;
      case 'negotiated':
        this.#negotiated(seen.session, seen.accepted);
        return;
      case 'operation':
        this.#operated(seen.session, seen.name, seen.outcome);
        return;
      case 'message': {
        const state = this.#live(seen.session);
        if (seen.direction === 'to') {
          state?.messages.sent(seen.bytes, seen.succeeds === true);
          state?.backEnd.sent(seen.bytes, seen.isServed === true);
        } else {
          state?.messages.received(seen.bytes, seen.descriptors ?? 0);
          state?.backEnd.received(seen.bytes, seen.descriptors ?? 0);
        }
        return;
      }
      case 'back-end-request':
        this.#live(seen.session)?.backEnd.request(seen.bytes, seen.descriptors);
        return;
      case 'served':
        this.#live(seen.session)?.backEnd.served(seen.index);
        return;
      case 'refusable': {
        const messages = this.#live(seen.session)?.messages;
        if (seen.direction === 'to') messages?.sentRefusable(seen.bytes);
        else messages?.receivedBehindRefusable(seen.bytes, seen.requirement);
        return;
      }
      case 'status': {
        const state = this.#live(seen.session);
        if (state !== undefined) state.status = seen.value;
        return;
      }
      case 'offered':
        judgeOffer(this.#target, this.#tell);
        return;
      case 'configured':
        if (seen.isMigrated === true) this.#configuration.restored(seen.offset, seen.bytes);
        else this.#configuration.wrote(seen.offset, seen.bytes);
        return;
      case 'configuration':
        if (this.#live(seen.session) === undefined) return;
        this.#configuration.read(seen.offset, seen.length, seen.bytes);
        if (seen.bytes !== undefined) this.#device.configured?.(seen.offset, seen.bytes);
        return;
      case 'attached':
        this.#attached(seen);
        return;
      case 'added': {
        const { id, slots, readable, room, before, isForbidden } = seen;
        const request = {
          readable,
          room,
          ...(before === undefined ? {} : { before }),
          ...(isForbidden === undefined ? {} : { isForbidden }),
        };
        this.#ring(seen.queue)?.added(id, slots, request);
        return;
      }
      case 'enabled':
        this.#ring(seen.queue)?.enabled(seen.on, seen.used, seen.by, seen.suppression);
        return;
      case 'calls-moved':
        this.#ring(seen.queue)?.calls.moved(seen);
        return;
      case 'called-by-hand':
        this.#ring(seen.queue)?.calls.calledByHand();
        return;
      case 'looked':
        this.#ring(seen.queue)?.looked(seen.used, seen.suppression);
        return;
      case 'published':
        this.#ring(seen.queue)?.published();
        return;
      case 'reached':
        this.#reached(seen);
        return;
      case 'reset':
        this.#live(this.#queues.get(seen.queue)?.session ?? 0)?.broken.clear();
        this.#ring(seen.queue)?.reset(seen.used, seen.requirement);
        return;
      case 'transferred':
        this.#transferred(seen);
        return;
      case 'asked':
        this.#ring(seen.queue)?.calls.asked(seen);
        return;
      case 'left':
        this.#ring(seen.queue)?.left(seen.ids);
        return;
      case 'kicked':
        this.#ring(seen.queue)?.kicked();
        return;
      case 'used':
        this.#ring(seen.queue)?.used(seen.id, { len: seen.len, written: seen.written }, seen.isMarked === true);
        return;
      case 'calls':
        this.#ring(seen.queue)?.calls.looked(seen.before, seen.used, seen.calls);
        return;
      case 'unserved':
        if (seen.hasNoOneToAsk === true && this.#target.judgesChoices !== true) {
          this.#take('forgotten-translations');
          this.#loseSession(this.#queues.get(seen.queue)?.session ?? 0);
        } else this.#ring(seen.queue)?.unserved(seen.count);
        return;
      case 'stopped': {
        const isInFlight = this.#ring(seen.queue)?.stopped(seen.position, seen.used) === true;
        // What is in flight can disturb each later life of a ring.
        if (isInFlight) this.#loseSession(this.#queues.get(seen.queue)?.session ?? 0);
        return;
      }
      case 'lost':
        this.#lost(seen);
    }
  }

  /** Chains of a queue that the text promises to become used; 0 where nothing is claimed. */
  owed(queue: number): number {
    return this.#isLost ? 0 : (this.#ring(queue)?.owed ?? 0);
  }

  /** Whether what is made available on a queue is looked at by now, whatever comes of it. */
  runs(queue: number): boolean {
    return !this.#isLost && this.#ring(queue)?.runs === true;
  }

  /** Whether nothing is claimed of a session. */
  isSessionLost(session: number): boolean {
    return this.#isLost || this.#live(session) === undefined;
  }

  /** Whether nothing is claimed of the ring of a queue. */
  isRingLost(queue: number): boolean {
    return this.#isLost || this.#ring(queue)?.isLost !== false;
  }

  /** Calls that a queue must have made, once so many used elements were seen; 0 where nothing is claimed. */
  callsOwed(queue: number, used: number): number {
    return this.#isLost ? 0 : (this.#ring(queue)?.calls.owed(used) ?? 0);
  }

  /** The ring of a queue, while something is claimed of it. */
  #ring(queue: number): RingModel | undefined {
    const state = this.#queues.get(queue);
    if (state === undefined || this.#live(state.session) === undefined) return undefined;
    return state.model;
  }

  #live(session: number): SessionState | undefined {
    const state = this.#sessions.get(session);
    return state === undefined || state.isLost ? undefined : state;
  }

  #ended(session: number): void {
    this.#sessions.delete(session);
    this.#configuration.forgetWritten();
    for (const { session: of, model } of this.#queues.values()) {
      if (of !== session) continue;
      model.ended();
      if (model.isAtRest) continue;
      model.lose();
      if (model.mayStillChange) this.#device.lose();
    }
  }

  #negotiated(session: number, accepted: FeatureSet): void {
    const state = this.#live(session);
    if (state === undefined) return;
    const before = state.accepted;
    state.accepted = accepted;
    this.#device.negotiated?.(accepted.device);
    this.#configuration.forgetWritten();
    // That a session begins with a device that begins is a choice of back-ends.
    if (this.#target.transport === 'vhost-user' && this.#target.judgesChoices === true)
      this.#configuration.began(before, accepted);
    if (hasFeature(accepted, 'VIRTIO_F_VERSION_1', this.#target)) return;
    this.#take('without-version-1');
    this.#loseSession(session);
  }

  #transferred({ session, asked, seen }: Extract<ModelObservation, { kind: 'transferred' }>): void {
    if (this.#live(session) === undefined) return;
    // What was loaded is in force, in configuration as well.
    this.#configuration.forgetWritten();
    judgeTransfer({ ...asked, owesSuccess: this.#target.judgesChoices === true }, seen, this.#tell);
  }

  #reached({ queue, requirement, what, actual }: Extract<ModelObservation, { kind: 'reached' }>): void {
    const state = this.#queues.get(queue);
    if (state === undefined || this.#live(state.session) === undefined) return;
    this.#tell({ requirement, what, expected: 'as its translation permits', actual });
    this.#loseSession(state.session);
  }

  #operated(session: number, name: string, outcome: ObservedOutcome): void {
    const state = this.#live(session);
    if (state === undefined) return;
    switch (outcome.kind) {
      case 'done':
        // Whether an acknowledgement was owed is told from the messages.
        return;
      case 'refused':
        this.#tellUndone(this.#requirements.carriesOut, name, 'refused');
        break;
      case 'closed':
        this.#tellUndone(this.#requirements.staysOpen, name, 'the connection was closed');
    }
    this.#loseSession(session);
  }

  #tellUndone(requirement: RequirementSlug | undefined, what: string, actual: string): void {
    if (requirement !== undefined) this.#tell({ requirement, what, expected: 'done', actual });
  }

  #attached({ session, queue, index, ring, lacksMessages }: Extract<ModelObservation, { kind: 'attached' }>): void {
    const state = this.#live(session);
    if (state === undefined || this.#lostRings.has(ring.id)) {
      this.#lostRings.add(ring.id);
      state?.broken.add(index);
      return;
    }
    const { layout, size, position, usedEvent } = ring;
    const former = this.#queues.get(this.#lives.get(ring.id) ?? 0)?.model;
    const has = (name: FeatureName): boolean => hasFeature(state.accepted, name, this.#target);
    const model = new RingModel({
      layout,
      size,
      position,
      index,
      features: state.accepted.device,
      isFirstLife: former === undefined,
      eventIdx: has('VIRTIO_F_EVENT_IDX'),
      inOrder: has('VIRTIO_F_IN_ORDER'),
      callsAtOnce: this.#target.judgesChoices === true,
      usedEvent,
      tellsUsedPosition: this.#target.tellsUsedPosition,
      drainsAtStop: this.#target.drainsAtStop === true,
      lacksMessages: lacksMessages === true,
      usesWhileDisabled: this.#target.device === 'net' && index % 2 === 1,
      isServed: () => !has('VHOST_USER_PROTOCOL_F_STATUS') || (state.status & driverOk) !== 0,
      breaks: () => state.broken.add(index),
      maySaveCalls: () => this.#device.maySaveCalls?.(index, state.accepted.device) === true,
      device: this.#device,
      requirements: this.#requirements,
      tell: this.#tell,
      take: this.#take,
    });
    this.#queues.set(queue, { session, ring: ring.id, model });
    this.#device.attached?.(index, state.accepted.device);
    this.#lives.set(ring.id, queue);
    if (former?.hasOutstanding === true) this.#device.lose();
    if (state.broken.has(index)) {
      this.#take('broken-queue');
      model.lose();
    }
    // What was under way when a packed ring stopped elsewhere leaves nothing to carry out.
    if ((ring.isEmpty || former === undefined) && (ring.isFresh || former?.isAtRest === true)) return;
    this.#take('ring-begun-anew');
    // What the device finds there, it may carry out again.
    model.lose();
    this.#device.lose();
  }

  #lost(lost: Extract<ModelObservation, { kind: 'lost' }>): void {
    switch (lost.what) {
      case 'all':
        this.#isLost = true;
        return;
      case 'device':
        this.#device.lose();
        return;
      case 'session':
        this.#loseSession(lost.id);
        return;
      case 'calls':
        this.#queues.get(lost.id)?.model.calls.lose();
        return;
      case 'ring':
        for (const { session, ring, model } of this.#queues.values()) {
          if (ring !== lost.id) continue;
          if (!model.isStopped) this.#live(session)?.broken.add(model.index);
          model.lose();
        }
        this.#lostRings.add(lost.id);
        this.#device.lose();
    }
  }

  #loseSession(session: number): void {
    const state = this.#sessions.get(session);
    if (state === undefined) return;
    state.isLost = true;
    this.#device.lose();
    for (const { session: of, ring, model } of this.#queues.values()) {
      if (of !== session) continue;
      model.lose();
      this.#lostRings.add(ring);
    }
  }
}

/** Virtio 2.1. */
const driverOk = 4;

/** Whether no text states it. What a device offers is judged all the same, where it changes within a run. */
export const isMerelyChosen = (requirement: RequirementSlug): boolean =>
  requirement !== 'vu-features/get-features-repeatable' && isBeyondText(requirementOf(requirement).basis);
