import { commonFeatures, featureSet, noFeatures } from '../../reference-impl/catalogue/catalogue.ts';
import { isEmptyAt } from '../../reference-impl/virtqueue/ring.ts';
import {
  VHOST_USER_NEED_REPLY_MASK,
  vhostUserProtocolFeatures,
} from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { type KnownQueue, type KnownSession, KnownState, type KnownTarget } from './known-state.ts';
import { isQuestion, problemOfMessage } from './message-lawfulness.ts';
import { problemOfNegotiation } from './negotiation-lawfulness.ts';
import { pciVerdict } from './pci-lawfulness.ts';
import type { Call, CallOf } from './program.ts';
import { problemOfSlot, problemOfTable } from './region-lawfulness.ts';
import { attached, chainVerdict, recordVerdict, translationVerdict } from './ring-lawfulness.ts';
import { positionOfRing } from './ring-shape.ts';
import { Taints } from './taints.ts';
import { fieldOf, refusalOf, ringMessage, sessionMessage, statusWritten } from './told-message.ts';
import { iotlbVerdict, vdpaVerdict } from './vdpa-lawfulness.ts';
import { breaks, lawful, refused, succeeds, unfollowed, type Verdict, verdictOf } from './verdict.ts';
import { vfioVerdict } from './vfio-lawfulness.ts';

const replyAck = 1n << BigInt(vhostUserProtocolFeatures.VHOST_USER_PROTOCOL_F_REPLY_ACK);

/** A verdict at the call's place in the program. */
export interface Standing extends Verdict {
  /** Why nothing was known of what it acts on before; undefined where all was known. */
  readonly tainted: string | undefined;
}

/** Whether a model can say what must come of the call. */
export const isJudged = ({ isLawful, taints, tainted }: Standing): boolean =>
  isLawful && taints === undefined && tainted === undefined;

/**
 * Classifies the calls of a resolved program, one after another: call `standingOf` in their order. It rejects none. A call
 * that the IUT refused with its state unchanged is told by `refused`, and taints nothing.
 */
export class Lawfulness {
  readonly #known: KnownState;
  readonly #taints: Taints;

  constructor(target: KnownTarget) {
    this.#known = new KnownState(target);
    this.#taints = new Taints(this.#known);
  }

  /** Of a call that was left out: it is as if the program did not have it. */
  standingOfLeftOut(call: Call): Standing {
    return { ...lawful, tainted: this.#taintedBefore(call) };
  }

  standingOf(call: Call): Standing {
    this.#taints.begins();
    const tainted = this.#taintedBefore(call);
    const verdict = this.#verdictOf(call);
    if (verdict.taints !== undefined) this.#taints.taint(call, verdict.taints, verdict.why ?? call.kind);
    return { ...verdict, tainted };
  }

  /** The call that was classified last was refused, and the IUT is as it was. */
  refused(): void {
    this.#taints.undo();
  }

  #sessionOf(id: number): KnownSession | undefined {
    return this.#known.sessions.get(id);
  }

  #verdictOf(call: Call): Verdict {
    const known = this.#known;
    switch (call.kind) {
      case 'connect':
        return this.#connected(call);
      case 'reconnect': {
        const before = this.#sessionOf(call.session);
        if (before !== undefined) known.end(before);
        return this.#openedBeside(call.id);
      }
      case 'disconnect': {
        const session = this.#sessionOf(call.session);
        if (session !== undefined) known.end(session);
        return lawful;
      }
      case 'negotiate':
        return this.#onSession(call.session, (session) => this.#negotiated(call, session));
      case 'memory':
        known.memories.set(call.id, { layout: call.layout, tainted: undefined });
        return lawful;
      case 'share':
        return this.#onSession(call.session, (session) => {
          const isAgain = session.memory !== 0;
          const isSame = session.memory === call.memory;
          session.memory = call.memory;
          session.slots.clear();
          session.asksForTranslations = call.untold && known.accepts(session, 'VIRTIO_F_ACCESS_PLATFORM');
          if (session.asksForTranslations && !session.isAnswered) {
            return unfollowed('session', 'no one answers what the back-end asks for');
          }
          if (known.runsElsewhere(session))
            return breaks('session', 'a ring that runs lies in memory that was taken away');
          // A container refuses a mapping where one is; a table replaces the one before.
          const { target } = known;
          const isTable = target.transport === 'vhost-mdev' && (target.offer.device & accessPlatform) === 0n;
          const isKept = target.keepsChoices === true && isTable && isSame;
          return isAgain && known.target.transport !== 'vhost-user' && !isKept
            ? unfollowed('memory', 'memory is mapped once more')
            : lawful;
        });
      case 'memory-table':
        return this.#onSession(call.session, () => verdictOf('memory', problemOfTable(call)) ?? memoryByHand);
      case 'memory-slot':
        return this.#onSession(call.session, (session) => {
          if (!known.accepts(session, 'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS')) {
            return breaks('memory', 'CONFIGURE_MEM_SLOTS was not negotiated');
          }
          return verdictOf('memory', problemOfSlot(call)) ?? memoryByHand;
        });
      case 'ring':
        known.rings.set(call.id, {
          memory: call.memory,
          layout: call.layout,
          size: call.size,
          isEmpty: isEmptyAt(positionOfRing(call)),
          queue: 0,
          tainted: undefined,
        });
        return lawful;
      case 'attach':
        return this.#onSession(call.session, (session) => attached(known, call, session));
      case 'chain':
        return this.#onQueue(
          call.queue,
          (queue) =>
            translationVerdict(known, call, queue) ??
            this.#onRunning(call.queue, () =>
              known.isPartlyMapped(queue)
                ? unfollowed('ring', 'its memory was taken away in part')
                : chainVerdict(known, call, queue),
            ),
        );
      case 'kick':
        return this.#onRunning(call.queue, (queue) => {
          // Virtio 2.1.1: no available buffer notification before DRIVER_OK.
          if (this.#isBeforeDriverOk(queue)) return breaks('ring', 'a kick before DRIVER_OK');
          if (known.isPartlyMapped(queue)) return unfollowed('ring', 'its memory was taken away in part');
          return queue.hasKick ? lawful : unfollowed('ring', 'the ring has no kick eventfd');
        });
      case 'record':
        return this.#onQueue(call.queue, (queue) => recordVerdict(known, call, queue));
      case 'ask':
        return this.#onRunning(call.queue, () => lawful);
      case 'wait':
      case 'fence':
      case 'settle':
        return lawful;
      case 'stop':
        return this.#onQueue(call.queue, (queue) => {
          queue.isStopped = true;
          if (queue.isUnstarted) return unfollowed('ring', 'a ring is stopped that did not start');
          const session = this.#sessionOf(queue.session);
          if (session === undefined) return lawful;
          session.isHalted = false;
          return session.unmapped.size > 0 ? unfollowed('session', 'the memory of a ring was taken away') : lawful;
        });
      case 'enable':
        return this.#onQueue(call.queue, (queue) => {
          const session = this.#sessionOf(queue.session);
          // Where there is no such message, the device is stopped and started with the ring in use or not.
          if (session !== undefined) session.isHalted = false;
          if (call.on) session?.enabled.add(queue.index);
          else session?.enabled.delete(queue.index);
          const hasEnable = session !== undefined && known.accepts(session, 'VHOST_USER_F_PROTOCOL_FEATURES');
          // SET_VRING_ENABLE belongs to sessions with protocol features.
          if (known.target.transport === 'vhost-user' && !hasEnable) {
            return breaks('session', 'SET_VRING_ENABLE without VHOST_USER_F_PROTOCOL_FEATURES');
          }
          if (queue.isStopped) return unfollowed('ring', 'the ring was stopped before');
          // What waits on the rings of a network device has to do with each other; what is sent is discarded meanwhile.
          const { transport, device } = known.target;
          const isOfNet = device === 'net' && (transport !== 'vhost-user' || queue.index % 2 === 0);
          const isFollowed = (transport === 'vhost-user' || transport === 'vhost-vdpa') && !isOfNet;
          return call.on || isFollowed ? lawful : unfollowed('ring', 'the ring is disabled');
        });
      case 'ring-write':
        return breaks('ring', 'bytes were written into a ring');
      case 'memory-write':
        return breaks('memory', 'bytes were written into memory that may hold buffers');
      case 'change':
        return breaks(call.at?.kind === 'ring' ? 'ring' : 'memory', 'a thread changes memory');
      case 'reset':
        return this.#onSession(call.session, () => unfollowed('session', 'the device was reset'));
      case 'status':
        return this.#onSession(call.session, (session) =>
          call.value === undefined ? lawful : this.#statusWritten(session, call.value),
        );
      case 'read-config':
        return this.#onSession(call.session, (session) =>
          this.#configured(session, call.length > 0 && call.length <= 256),
        );
      case 'write-config':
        return this.#onSession(call.session, (session) => {
          const verdict = this.#configured(session, call.bytes.length > 0 && call.bytes.length <= 256);
          return verdict.isLawful ? unfollowed('iut', 'the configuration was written') : verdict;
        });
      case 'message':
        return this.#onSession(call.session, (session) => {
          if (known.target.transport === 'vhost-vdpa') return vdpaVerdict(known, call, session);
          const { accepted } = session;
          const offered = known.target.offer;
          const problem = problemOfMessage(call, known.target.transport, { offered, accepted });
          known.events.set(call.id, call.session);
          if (problem !== undefined) {
            // A back-end may take it as soon as the feature is offered.
            const isEarly = call.request === requestId.VHOST_USER_SET_VRING_ENABLE;
            const refusal = isEarly ? undefined : refusalOf[problem.kind ?? ''];
            return refusal === undefined ? breaks('session', problem.why) : refused('session', problem.why, refusal);
          }
          return this.#told(call, session);
        });
      case 'transfer':
        return this.#onSession(call.session, (session) => {
          if (known.target.transport !== 'vhost-user') return lawful;
          if (!known.accepts(session, 'VHOST_USER_PROTOCOL_F_DEVICE_STATE')) {
            return breaks('session', 'DEVICE_STATE was not negotiated');
          }
          const isRunning = [...session.queues.values()].some((id) => known.queues.get(id)?.isStopped === false);
          return isRunning ? breaks('session', 'the state of a device that runs') : lawful;
        });
      case 'bytes':
        return breaks('session', 'bytes that are no message');
      case 'signal':
        return this.#onSession(known.events.get(call.event) ?? 0, () =>
          unfollowed('session', 'a descriptor of a message was signalled'),
        );
      case 'channel':
        return this.#onSession(call.session, (session) => {
          session.isAnswered = call.policy === 'serve';
          if (!known.accepts(session, 'VHOST_USER_PROTOCOL_F_BACKEND_REQ')) {
            return breaks('session', 'BACKEND_REQ was not negotiated');
          }
          return session.asksForTranslations === true
            ? unfollowed('session', 'the channel that translations are asked for on changes')
            : lawful;
        });
      case 'iotlb':
        // On another transport it is left out.
        return this.#onSession(call.session, (session) => iotlbVerdict(known, call, session));
      case 'pci-read':
      case 'pci-write':
      case 'pci-window':
        return this.#onSession(call.session, () => pciVerdict(known, call));
      case 'region-read':
      case 'region-write':
      case 'region-map':
      case 'device-call':
      case 'container-call':
        return this.#onSession(call.session, (session) => vfioVerdict(known, call, session));
    }
  }

  #connected(call: CallOf<'connect'>): Verdict {
    const known = this.#known;
    if (!call.beside) for (const session of known.sessions.values()) known.end(session);
    return this.#openedBeside(call.id);
  }

  #openedBeside(id: number): Verdict {
    const known = this.#known;
    const isSecond = known.openSessions() > 0;
    this.#opened(id);
    // Connections of vhost-user each have a device of their own; whoever else opens a device shares it.
    const shares = known.target.transport === 'vhost-user' ? 'session' : 'iut';
    return isSecond ? unfollowed(shares, 'another session is open') : lawful;
  }

  #opened(id: number): void {
    this.#taints.undoBy(() => this.#known.sessions.delete(id));
    this.#known.sessions.set(id, {
      isOpen: true,
      hasNegotiated: false,
      hasOwner: false,
      status: 0,
      accepted: noFeatures,
      memory: 0,
      slots: new Set(),
      enabled: new Set(),
      isHalted: false,
      unmapped: new Set(),
      strayRings: new Set(),
      queues: new Map(),
      tainted: undefined,
    });
  }

  #negotiated(call: CallOf<'negotiate'>, session: KnownSession): Verdict {
    const { target } = this.#known;
    const wanted = featureSet({ device: call.device, protocol: call.protocol });
    const accepted = call.exact ? wanted : commonFeatures(wanted, target.offer);
    const problem = problemOfNegotiation(accepted, target, session.queues.size > 0);
    session.accepted = accepted;
    session.hasNegotiated = true;
    session.hasOwner = true;
    return verdictOf('session', problem) ?? lawful;
  }

  /** What a message that is well formed changes. */
  #told(call: CallOf<'message'>, session: KnownSession): Verdict {
    const { request } = call;
    if (isQuestion(request)) return session.tainted === undefined ? succeeds : lawful;
    if (this.#known.target.transport !== 'vhost-user') return unfollowed('session', 'a message by hand');
    if (request === requestId.VHOST_USER_SET_FEATURES) return this.#acknowledged(call, session, 'device');
    if (request === requestId.VHOST_USER_SET_PROTOCOL_FEATURES) return this.#acknowledged(call, session, 'protocol');
    if (ringRequests.has(request)) return ringMessage(this.#known, call, session);
    return sessionMessage(this.#known, call, session) ?? unfollowed('session', 'a message by hand');
  }

  /** Words of features by hand. */
  #acknowledged(call: CallOf<'message'>, session: KnownSession, word: 'device' | 'protocol'): Verdict {
    const value = fieldOf(call, 'u64');
    if (value === undefined) {
      return { ...unfollowed('session', 'features that are an address'), leavesAnswersOpen: true };
    }
    const known = this.#known;
    const isRunning = [...session.queues.values()].some((id) => known.queues.get(id)?.isStopped === false);
    const isAgain = session.accepted[word] === value;
    // vhost-user, "Migration": logging is switched on and off while rings run.
    const switchesLog = word === 'device' && (session.accepted.device ^ value) === logAll;
    const changesAcknowledging = word === 'protocol' && ((session.accepted.protocol ^ value) & replyAck) !== 0n;
    session.accepted = { ...session.accepted, [word]: value };
    if ((value & ~known.target.offer[word]) !== 0n) {
      const what = word === 'device' ? 'features' : 'protocol-features';
      return refused('session', 'bits that were not offered', `vu-features/unoffered-${what}-refused`);
    }
    // No text says whether REPLY_ACK holds for the message that begins or ends it.
    if (changesAcknowledging && (call.flags & VHOST_USER_NEED_REPLY_MASK) !== 0) {
      return {
        ...unfollowed('session', 'an acknowledgement of what changes acknowledging'),
        leavesAnswersOpen: true,
      };
    }
    if (word === 'protocol')
      return isRunning && !isAgain ? unfollowed('session', 'protocol features change') : succeeds;
    session.hasNegotiated = true;
    const problem = problemOfNegotiation(session.accepted, known.target, isRunning && !isAgain && !switchesLog);
    return problem === undefined ? succeeds : breaks('session', problem);
  }

  /** Where rings start by DRIVER_OK, who writes the status decides on them. */
  #statusWritten(session: KnownSession, value: number): Verdict {
    const { transport } = this.#known.target;
    if (transport === 'vhost-vdpa' || transport === 'virtio-pci') return unfollowed('session', 'a status by hand');
    return statusWritten(session, BigInt(value));
  }

  #isBeforeDriverOk(queue: KnownQueue): boolean {
    const session = this.#sessionOf(queue.session);
    if (session === undefined || !this.#known.accepts(session, 'VHOST_USER_PROTOCOL_F_STATUS')) return false;
    return (session.status & driverOk) === 0;
  }

  #configured(session: KnownSession, isSized: boolean): Verdict {
    const known = this.#known;
    const isGated = known.target.transport === 'vhost-user';
    if (isGated && !known.accepts(session, 'VHOST_USER_PROTOCOL_F_CONFIG')) {
      return breaks('session', 'VHOST_USER_PROTOCOL_F_CONFIG was not negotiated');
    }
    return isSized ? lawful : breaks('session', 'a size that no configuration has');
  }

  /** On a session that is gone, a call does nothing. */
  #onSession(id: number, verdict: (session: KnownSession) => Verdict): Verdict {
    const session = this.#sessionOf(id);
    return session === undefined || !session.isOpen ? lawful : verdict(session);
  }

  #onQueue(id: number, verdict: (queue: KnownQueue) => Verdict): Verdict {
    const queue = this.#known.queues.get(id);
    if (queue === undefined || this.#sessionOf(queue.session)?.isOpen !== true) return lawful;
    return verdict(queue);
  }

  /** What is done to a ring that rests may be found there, or start it again. */
  #onRunning(id: number, verdict: (queue: KnownQueue) => Verdict): Verdict {
    return this.#onQueue(id, (queue) => {
      const isFollowed = !queue.isStopped || this.#restsKnown(queue, id);
      return isFollowed ? verdict(queue) : unfollowed('ring', 'the ring was stopped before');
    });
  }

  /** What is added to a ring that stopped, and is not in use elsewhere, is left alone. */
  #restsKnown({ ring }: KnownQueue, id: number): boolean {
    const { transport, keepsChoices } = this.#known.target;
    const isToldOf = transport === 'vhost-user' || (transport === 'vhost-mdev' && keepsChoices === true);
    return isToldOf && this.#known.rings.get(ring)?.queue === id;
  }

  /** Why nothing is known of what the call acts on. */
  #taintedBefore(call: Call): string | undefined {
    const known = this.#known;
    if ('queue' in call) {
      const queue = known.queues.get(call.queue);
      const isLeftAlone = call.kind === 'chain' || call.kind === 'kick' || call.kind === 'wait';
      const isKnown = isLeftAlone && queue !== undefined && this.#restsKnown(queue, call.queue);
      if (queue?.isStopped === true && call.kind !== 'stop' && !isKnown) return 'the ring is stopped';
      return known.taintOfRing(known.rings.get(queue?.ring ?? 0));
    }
    if (call.kind === 'attach') {
      return known.taintOfRing(known.rings.get(call.ring)) ?? this.#sessionOf(call.session)?.tainted;
    }
    if ('session' in call) return this.#sessionOf(call.session)?.tainted ?? known.tainted;
    return known.tainted;
  }
}

const logAll = 1n << 26n;
/** A device of vhost-mdev whose memory is told by a table does not offer it. */
const accessPlatform = 1n << 33n;
/** Virtio 2.1. */
const driverOk = 4;

const ringRequests: ReadonlySet<number> = new Set([
  requestId.VHOST_USER_SET_VRING_NUM,
  requestId.VHOST_USER_SET_VRING_ADDR,
  requestId.VHOST_USER_SET_VRING_BASE,
  requestId.VHOST_USER_GET_VRING_BASE,
  requestId.VHOST_USER_SET_VRING_KICK,
  requestId.VHOST_USER_SET_VRING_CALL,
  requestId.VHOST_USER_SET_VRING_ERR,
  requestId.VHOST_USER_SET_VRING_ENABLE,
  requestId.VHOST_USER_SET_VRING_ENDIAN,
  requestId.VHOST_USER_VRING_KICK,
]);

const memoryByHand = unfollowed('memory', 'a memory table by hand');
