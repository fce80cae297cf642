import { commonFeatures, featureSet, noFeatures } from '../../reference-impl/catalogue/catalogue.ts';
import { isQueueSize } from '../../reference-impl/virtqueue/split/layout.ts';
import { type KnownQueue, type KnownSession, KnownState, type KnownTarget } from './known-state.ts';
import { isQuestion, problemOfMessage } from './message-lawfulness.ts';
import { problemOfNegotiation } from './negotiation-lawfulness.ts';
import { type Call, type CallOf, largestBuffer } from './program.ts';
import { problemOfSlot, problemOfTable } from './region-lawfulness.ts';

/** What of the IUT is not known any more behind a call, from the least to the most. */
export type Taint = 'ring' | 'session' | 'memory' | 'iut';

/**
 * How a call stands to the text, at its place in the program. `taints` without `isLawful: false`: the text allows the call,
 * and what it changes is not followed here.
 */
export interface Standing {
  readonly isLawful: boolean;
  readonly taints: Taint | undefined;
  /** The rule that it breaks, or what is not followed. */
  readonly why: string | undefined;
  /** Why nothing was known of what it acts on before; undefined where all was known. */
  readonly tainted: string | undefined;
}

/** Whether a model can say what must come of the call. */
export const isJudged = ({ isLawful, taints, tainted }: Standing): boolean =>
  isLawful && taints === undefined && tainted === undefined;

const lawful: Verdict = { taints: undefined, why: undefined, isLawful: true };

type Verdict = Omit<Standing, 'tainted'>;

const breaks = (taints: Taint, why: string): Verdict => ({ isLawful: false, taints, why });
const unfollowed = (taints: Taint, why: string): Verdict => ({ isLawful: true, taints, why });

/**
 * Classifies the calls of a resolved program, one after another: call `standingOf` in their order. It rejects none. A call
 * that the IUT refused with its state unchanged is told by `refused`, and taints nothing.
 */
export class Lawfulness {
  readonly #known: KnownState;
  #undo: () => void = () => undefined;

  constructor(target: KnownTarget) {
    this.#known = new KnownState(target);
  }

  standingOf(call: Call): Standing {
    this.#undo = () => undefined;
    const tainted = this.#taintedBefore(call);
    const verdict = this.#verdictOf(call);
    if (verdict.taints !== undefined) this.#taint(call, verdict.taints, verdict.why ?? call.kind);
    return { ...verdict, tainted };
  }

  /** The call that was classified last was refused, and the IUT is as it was. */
  refused(): void {
    this.#undo();
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
        this.#opened(call.id);
        return lawful;
      }
      case 'disconnect': {
        const session = this.#sessionOf(call.session);
        if (session !== undefined) known.end(session);
        return lawful;
      }
      case 'negotiate':
        return this.#onSession(call.session, (session) => this.#negotiated(call, session));
      case 'memory':
        known.memories.set(call.id, { tainted: undefined });
        return lawful;
      case 'share':
        return this.#onSession(call.session, (session) => {
          session.memory = call.memory;
          return lawful;
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
          queue: 0,
          tainted: undefined,
        });
        return lawful;
      case 'attach':
        return this.#onSession(call.session, (session) => this.#attached(call, session));
      case 'chain':
        return this.#onQueue(call.queue, (queue) => this.#chain(call, queue));
      case 'kick':
        return this.#onQueue(call.queue, ({ hasKick }) =>
          hasKick ? lawful : unfollowed('ring', 'the ring has no kick eventfd'),
        );
      case 'wait':
      case 'fence':
      case 'settle':
        return lawful;
      case 'stop':
        return this.#onQueue(call.queue, (queue) => {
          queue.isStopped = true;
          return lawful;
        });
      case 'enable':
        return this.#onQueue(call.queue, (queue) => {
          const session = this.#sessionOf(queue.session);
          const hasEnable = session !== undefined && known.accepts(session, 'VHOST_USER_F_PROTOCOL_FEATURES');
          // SET_VRING_ENABLE belongs to sessions with protocol features.
          if (known.target.transport === 'vhost-user' && !hasEnable) {
            return breaks('session', 'SET_VRING_ENABLE without VHOST_USER_F_PROTOCOL_FEATURES');
          }
          return call.on ? lawful : unfollowed('ring', 'the ring is disabled');
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
        if (call.value === undefined) return lawful;
        return this.#onSession(call.session, () => unfollowed('session', 'the device status was written'));
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
          const { accepted } = session;
          const offered = known.target.offer;
          const problem = problemOfMessage(call, known.target.transport, { offered, accepted });
          if (problem !== undefined) return breaks('session', problem);
          return isQuestion(call.request) ? lawful : unfollowed('session', 'a message by hand');
        });
      case 'bytes':
        return breaks('session', 'bytes that are no message');
      case 'signal':
        return unfollowed('session', 'a descriptor of a message was signalled');
      case 'channel':
        return this.#onSession(call.session, (session) =>
          known.accepts(session, 'VHOST_USER_PROTOCOL_F_BACKEND_REQ')
            ? lawful
            : breaks('session', 'BACKEND_REQ was not negotiated'),
        );
    }
  }

  #connected(call: CallOf<'connect'>): Verdict {
    const known = this.#known;
    if (!call.beside) for (const session of known.sessions.values()) known.end(session);
    const isSecond = known.openSessions() > 0;
    this.#opened(call.id);
    return isSecond ? unfollowed('session', 'another session is open') : lawful;
  }

  #opened(id: number): void {
    this.#known.sessions.set(id, {
      isOpen: true,
      hasNegotiated: false,
      accepted: noFeatures,
      memory: 0,
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
    if (problem !== undefined) return breaks('session', problem);
    return lawful;
  }

  #attached(call: CallOf<'attach'>, session: KnownSession): Verdict {
    const known = this.#known;
    const ring = known.rings.get(call.ring);
    const replaced = known.queues.get(session.queues.get(call.index) ?? 0);
    const isReplacing = replaced !== undefined && !replaced.isStopped;
    const before = known.queues.get(ring?.queue ?? 0);
    const isUsedElsewhere = before !== undefined && !before.isStopped;
    session.queues.set(call.index, call.id);
    known.queues.set(call.id, {
      session: call.session,
      ring: call.ring,
      index: call.index,
      hasKick: call.kick,
      isStopped: false,
    });
    if (ring === undefined) return breaks('ring', 'there is no such ring');
    ring.queue = call.id;
    if (!session.hasNegotiated) return breaks('session', 'features were not negotiated');
    if (session.memory !== ring.memory) return breaks('ring', 'the session was not told the memory of the ring');
    const layout = known.accepts(session, 'VIRTIO_F_RING_PACKED') ? 'packed' : 'split';
    if (layout !== ring.layout) return breaks('ring', `the session negotiated ${layout} rings`);
    const { queues } = known.target;
    if (queues !== undefined && call.index >= queues) return breaks('session', `the device has ${queues} queues`);
    if (ring.layout === 'split' && !isQueueSize(ring.size)) return breaks('ring', 'the size is no power of 2');
    if (isReplacing) return breaks('ring', 'the ring at this index was not stopped');
    if (isUsedElsewhere) return breaks('ring', 'the ring is in use at another index');
    if (!call.enable || !call.kick || !call.call) return unfollowed('ring', 'the ring is not set up in whole');
    return lawful;
  }

  #chain(call: CallOf<'chain'>, queue: KnownQueue): Verdict {
    const known = this.#known;
    const session = this.#sessionOf(queue.session);
    const { segments, direct } = call;
    // Virtio 2.7.4.2: all that the device reads comes before all that it writes.
    const firstWritable = segments.findIndex(({ writable }) => writable);
    if (firstWritable >= 0 && segments.slice(firstWritable).some(({ writable }) => !writable)) {
      return breaks('ring', 'a buffer to read follows one to write');
    }
    if (segments.some(({ at }) => at !== undefined)) return breaks('ring', 'a buffer lies where the program says');
    if (segments.some(({ length, bytes }) => (length ?? bytes.length) === 0)) return breaks('ring', 'an empty buffer');
    if (segments.some(({ length = 0 }) => length > largestBuffer)) {
      return breaks('ring', `a buffer of more than the ${largestBuffer} bytes that it has`);
    }
    if (direct === undefined) return lawful;
    if (session === undefined || !known.accepts(session, 'VIRTIO_F_INDIRECT_DESC')) {
      return breaks('ring', 'an indirect table without VIRTIO_F_INDIRECT_DESC');
    }
    // Virtio 2.8.7: a packed descriptor with INDIRECT stands alone.
    if (direct > 0 && known.rings.get(queue.ring)?.layout === 'packed') {
      return breaks('ring', 'descriptors in front of an indirect one');
    }
    return lawful;
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

  /** Why nothing is known of what the call acts on. */
  #taintedBefore(call: Call): string | undefined {
    const known = this.#known;
    if ('queue' in call) {
      const queue = known.queues.get(call.queue);
      if (queue?.isStopped === true && call.kind !== 'stop') return 'the ring is stopped';
      return known.taintOfRing(known.rings.get(queue?.ring ?? 0));
    }
    if (call.kind === 'attach') {
      return known.taintOfRing(known.rings.get(call.ring)) ?? this.#sessionOf(call.session)?.tainted;
    }
    if ('session' in call) return this.#sessionOf(call.session)?.tainted ?? known.tainted;
    return known.tainted;
  }

  #taint(call: Call, taint: Taint, why: string): void {
    const known = this.#known;
    switch (taint) {
      case 'ring': {
        const ring = known.rings.get(this.#ringOf(call));
        if (ring === undefined) this.#taint(call, 'memory', why);
        else this.#mark(ring, why);
        return;
      }
      case 'session': {
        const session = this.#sessionOf('session' in call ? call.session : call.id);
        if (session === undefined) this.#mark(known, why);
        else this.#mark(session, why);
        return;
      }
      case 'memory':
        // Bytes may lie in any buffer, and a table may mean any memory.
        for (const memory of known.memories.values()) this.#mark(memory, why);
        if ('session' in call) this.#taint(call, 'session', why);
        return;
      case 'iut':
        this.#mark(known, why);
    }
  }

  #mark(of: { tainted: string | undefined }, why: string): void {
    if (of.tainted !== undefined) return;
    const undoOthers = this.#undo;
    this.#undo = () => {
      of.tainted = undefined;
      undoOthers();
    };
    of.tainted = why;
  }

  #ringOf(call: Call): number {
    if ('ring' in call) return call.ring;
    if ('queue' in call) return this.#known.queues.get(call.queue)?.ring ?? 0;
    if (call.kind === 'change' && call.at?.kind === 'ring') return call.at.ring;
    return 0;
  }
}

const memoryByHand = unfollowed('memory', 'a memory table by hand');

const verdictOf = (taint: Taint, problem: string | undefined): Verdict | undefined =>
  problem === undefined ? undefined : breaks(taint, problem);
