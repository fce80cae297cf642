import type { DriverPort, GuestRing, Queue, RingPosition, Session } from '../../drivers/port/port.ts';
import { Model, type ModelTarget } from '../../reference-impl/oracle/model/model.ts';
import type { ModelObservation, ObservedOutcome } from '../../reference-impl/oracle/model/observation.ts';
import { isAvailableIn } from '../../reference-impl/virtqueue/packed/layout.ts';
import { PackedRing } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { SplitRing } from '../../reference-impl/virtqueue/split/ring-memory.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { MadeThings } from '../executor/made-things.ts';
import type { OutcomeClass, Outcomes } from '../executor/outcomes.ts';
import type { KnownTarget } from '../program/known-state.ts';
import { isJudged, Lawfulness, type Standing } from '../program/lawfulness.ts';
import type { Call, CallOf, Program } from '../program/program.ts';
import { bytesOfChain, roomOfChain } from './chain-bytes.ts';
import { type JudgedFinding, MessageJudge } from './message-judge.ts';

interface JudgedQueue {
  readonly session: number;
  readonly ring: number;
  /** By buffer id. */
  readonly chains: Map<number, readonly Segment[]>;
  isKicked: boolean;
}

export interface ProgramJudgeOptions {
  readonly port: DriverPort;
  readonly known: KnownTarget;
  readonly target: ModelTarget;
  readonly outcomes: Outcomes;
  readonly made: MadeThings;
}

/**
 * Feeds the model with what came of the calls of one program, and with the messages that the log holds. Behind a call that
 * taints anything, what it tainted is no longer judged.
 */
export class ProgramJudge {
  readonly model: Model;
  /** Calls that the model judged. */
  judged = 0;
  readonly #options: ProgramJudgeOptions;
  readonly #calls: readonly Call[];
  readonly #lawfulness: Lawfulness;
  readonly #deadlineMs: number;
  readonly #found: JudgedFinding[] = [];
  readonly #queues = new Map<number, JudgedQueue>();
  readonly #messages: MessageJudge;
  #told = 0;

  /** @param program resolved; it is about to be executed. */
  constructor(options: ProgramJudgeOptions, { calls }: Program) {
    this.#options = options;
    this.#calls = calls;
    this.#lawfulness = new Lawfulness(options.known);
    this.#deadlineMs = options.port.deadlineMs;
    this.model = new Model(options.target);
    this.#messages = new MessageJudge(options.target, options.port.log, calls.length);
  }

  /** Behind the call at this place, while what it made is there. */
  after(place: number): void {
    const call = this.#calls[place];
    if (call === undefined) return;
    const standing = this.#lawfulness.standingOf(call);
    const outcome = this.#options.outcomes.classOf(place);
    if (outcome === 'died') this.model.observe({ kind: 'lost', what: 'all' });
    else if (standing.taints !== undefined) this.#lose(call, standing.taints);
    else this.#follow(call, place, outcome, isJudged(standing));
    this.#messages.behindCall();
    this.#collect(place);
  }

  /** Behind the last call: what was found, in the order of the calls. */
  findings(): readonly JudgedFinding[] {
    return [...this.#found, ...this.#messages.findings()].sort((left, right) => left.place - right.place);
  }

  #follow(call: Call, place: number, outcome: OutcomeClass, judged: boolean): void {
    // The end of a session is known, even where nothing else of it is.
    switch (call.kind) {
      case 'connect':
        if (!call.beside) for (const session of this.#messages.sessions) this.#observe({ kind: 'ended', session });
        this.#connected(call.id, outcome);
        return;
      case 'reconnect':
        this.#observe({ kind: 'ended', session: call.session });
        this.#connected(call.id, outcome);
        return;
      case 'disconnect':
        this.#observe({ kind: 'ended', session: call.session });
        return;
    }
    if (!judged || outcome === 'skipped' || outcome === 'full') return;
    this.judged++;
    switch (call.kind) {
      case 'memory':
      case 'ring':
      case 'settle':
      case 'status':
      case 'memory-table':
      case 'memory-slot':
      case 'ring-write':
      case 'memory-write':
      case 'reset':
      case 'write-config':
      case 'bytes':
      case 'signal':
      case 'change':
        return;
      case 'negotiate':
        this.#negotiated(call, outcome);
        return;
      case 'message':
        // The words of messages by hand count as well.
        if (call.request === requestId.VHOST_USER_SET_FEATURES) this.#accepted(call.session);
        this.#operated(call.session, call.kind, outcome);
        return;
      case 'share':
      case 'channel':
      case 'fence':
        this.#operated(call.session, call.kind, outcome);
        return;
      case 'enable':
        this.#operated(this.#queues.get(call.queue)?.session ?? 0, call.kind, outcome);
        return;
      case 'attach':
        this.#attached(call, outcome);
        return;
      case 'chain':
        this.#added(call, place);
        return;
      case 'kick': {
        const queue = this.#queues.get(call.queue);
        if (queue !== undefined) queue.isKicked = true;
        return;
      }
      case 'wait':
        this.#waited(call, place, outcome);
        return;
      case 'stop':
        this.#stopped(call, outcome);
        return;
      case 'read-config':
        this.#configured(call, place, outcome);
    }
  }

  #observe(observation: ModelObservation): void {
    this.model.observe(observation);
  }

  #connected(session: number, outcome: OutcomeClass): void {
    const opened = this.#options.made.sessions.get(session);
    if (outcome !== 'made' || opened === undefined) return;
    this.#messages.connected(opened.id, session);
    this.#observe({ kind: 'connected', session });
  }

  #negotiated({ session }: CallOf<'negotiate'>, outcome: OutcomeClass): void {
    const opened = this.#session(session);
    if (opened === undefined || !(outcome === 'made' || outcome === 'fenced')) {
      this.#operated(session, 'negotiate', opened?.isOpen === false ? 'closed' : 'silent');
      return;
    }
    this.#accepted(session);
  }

  #accepted(session: number): void {
    const opened = this.#session(session);
    if (opened !== undefined) this.#observe({ kind: 'negotiated', session, accepted: opened.negotiated.accepted });
  }

  #operated(session: number, name: string, outcome: OutcomeClass): void {
    const observed = observedOutcome(outcome);
    if (observed === undefined) {
      if (outcome === 'silent' || outcome === 'malformed') this.#loseSession(session);
      return;
    }
    // Neither a fence nor a question is acknowledged.
    const isPlain = name === 'fence' || name === 'message';
    if (!isPlain || observed.kind === 'closed') this.#observe({ kind: 'operation', session, name, outcome: observed });
  }

  #attached({ id, session, ring: ringId, index }: CallOf<'attach'>, outcome: OutcomeClass): void {
    const attached = this.#options.made.queues.get(id);
    if (outcome !== 'fenced' || attached === undefined) {
      this.#operated(session, 'attach', outcome);
      return;
    }
    if (!this.#isOfDevice(index)) {
      this.#loseSession(session);
      return;
    }
    const { queue } = attached;
    const { ring } = queue;
    // The driver's side begins where the device does.
    const { position } = queue.driver;
    this.#queues.set(id, { session, ring: ringId, chains: new Map(), isKicked: false });
    const isEmpty =
      position.avail === position.used && (position.layout === 'split' || position.availWrap === position.usedWrap);
    const { layout, size } = ring;
    this.#observe({
      kind: 'attached',
      session,
      queue: id,
      index,
      ring: {
        id: ringId,
        layout,
        size,
        position,
        isEmpty,
        isFresh: isFresh(ring, position),
        usedEvent: usedEventOf(ring),
      },
    });
  }

  /** Whether the device is known to have a queue of this index. */
  #isOfDevice(index: number): boolean {
    const { known, port } = this.#options;
    const { queueIndex, companions } = port.facts.workload;
    return known.queues === undefined ? index === queueIndex || companions.includes(index) : index < known.queues;
  }

  #added({ id: callId, queue: queueId, held, direct }: CallOf<'chain'>, place: number): void {
    const queue = this.#queues.get(queueId);
    const segments = this.#options.made.chains.get(callId);
    const attached = this.#options.made.queues.get(queueId);
    const value = this.#options.outcomes.valueOf(place);
    if (queue === undefined || attached === undefined || segments === undefined || value === undefined) return;
    const id = Number(value);
    queue.chains.set(id, segments);
    this.#observe({
      kind: 'added',
      queue: queueId,
      id,
      slots: attached.queue.ring.layout === 'split' || direct !== undefined ? 1 : segments.length,
      readable: bytesOfChain(attached.made.guest, segments, false),
      room: roomOfChain(segments, true),
    });
    if (held) return;
    queue.isKicked = false;
    this.#observe({ kind: 'published', queue: queueId });
  }

  #waited({ queue: queueId, count }: CallOf<'wait'>, place: number, outcome: OutcomeClass): void {
    const queue = this.#queues.get(queueId);
    const attached = this.#options.made.queues.get(queueId);
    if (queue === undefined || attached === undefined) return;
    const taken = this.#options.outcomes.usedOf(place);
    for (const { id, len } of taken) {
      const written = bytesOfChain(attached.made.guest, queue.chains.get(id) ?? [], true);
      this.#observe({ kind: 'used', queue: queueId, id, len, written });
    }
    this.#lookAtCalls(queueId, attached.queue);
    const missing = count - taken.length;
    if (outcome !== 'silent' || !queue.isKicked || this.model.owed(queueId) < missing) return;
    // The executor waits a part of the deadline only.
    const { driver } = attached.queue;
    const waited = this.#options.port.until(() => driver.usedCount() >= missing, this.#deadlineMs);
    if (waited === 'deadline') this.#observe({ kind: 'unserved', queue: queueId, count: missing });
  }

  #stopped({ queue: queueId }: CallOf<'stop'>, outcome: OutcomeClass): void {
    const attached = this.#options.made.queues.get(queueId);
    const session = this.#queues.get(queueId)?.session ?? 0;
    const position = attached?.made.goesOnAt;
    if (attached === undefined || outcome !== 'answered') {
      this.#operated(session, 'stop', outcome);
      return;
    }
    if (position === undefined) return;
    this.#observe({ kind: 'stopped', queue: queueId, position, used: attached.queue.usedCount() });
    this.#lookAtCalls(queueId, attached.queue);
  }

  #lookAtCalls(queueId: number, queue: Queue): void {
    const before = queue.calls();
    const used = queue.usedCount();
    const owed = this.model.callsOwed(queueId, used);
    if (owed > before) queue.waitForCalls(owed, this.#deadlineMs);
    this.#observe({ kind: 'calls', queue: queueId, before, used, calls: queue.calls() });
  }

  #configured({ session, offset, length }: CallOf<'read-config'>, place: number, outcome: OutcomeClass): void {
    const opened = this.#session(session);
    if (outcome === 'answered') {
      const bytes = this.#options.outcomes.bytesOf(place);
      this.#observe({ kind: 'configuration', session, offset, length, bytes });
    } else if (outcome === 'malformed' && opened?.isOpen === true && opened.desync === undefined) {
      this.#observe({ kind: 'configuration', session, offset, length, bytes: undefined });
    } else this.#loseSession(session);
  }

  #session(id: number): Session | undefined {
    return this.#options.made.sessions.get(id);
  }

  #lose(call: Call, taint: NonNullable<Standing['taints']>): void {
    switch (taint) {
      case 'ring': {
        // What was attached there before is not what it was either.
        if (call.kind === 'attach') this.#loseSession(call.session);
        const ring = this.#ringOf(call);
        this.#observe(ring === undefined ? { kind: 'lost', what: 'all' } : { kind: 'lost', what: 'ring', id: ring });
        return;
      }
      case 'session': {
        if (call.kind === 'connect') return;
        if ('session' in call) this.#loseSession(call.session);
        else if ('queue' in call) this.#loseSession(this.#queues.get(call.queue)?.session ?? 0);
        else this.#loseAll();
        return;
      }
      case 'memory':
      case 'iut':
        this.#loseAll();
    }
  }

  #loseAll(): void {
    this.#messages.loseAll();
    this.#observe({ kind: 'lost', what: 'all' });
  }

  #loseSession(id: number): void {
    this.#messages.lose(id);
    this.#observe({ kind: 'lost', what: 'session', id });
  }

  #ringOf(call: Call): number | undefined {
    if ('ring' in call) return call.ring;
    if ('queue' in call) return this.#queues.get(call.queue)?.ring;
    return call.kind === 'change' && call.at?.kind === 'ring' ? call.at.ring : undefined;
  }

  #collect(place: number): void {
    const { findings } = this.model;
    for (; this.#told < findings.length; this.#told++) {
      const finding = findings[this.#told];
      if (finding !== undefined) this.#found.push({ place, finding });
    }
  }
}

function observedOutcome(outcome: OutcomeClass): ObservedOutcome | undefined {
  switch (outcome) {
    case 'acknowledged':
      return { kind: 'done', by: 'acknowledgement' };
    case 'returned':
      return { kind: 'done', by: 'return' };
    case 'fenced':
      return { kind: 'done', by: 'fence' };
    case 'refused':
    case 'closed':
      return { kind: outcome };
    case 'skipped':
    case 'full':
    case 'made':
    case 'sent':
    case 'answered':
    case 'malformed':
    case 'silent':
    case 'died':
      return undefined;
  }
}

/** 0 in a packed ring, which has none. */
const usedEventOf = (ring: GuestRing): number => (ring instanceof SplitRing ? ring.usedEvent() : 0);

/** Whether nothing is available where a ring begins. */
function isFresh(ring: GuestRing, position: RingPosition): boolean {
  if (position.layout === 'split') return ring instanceof SplitRing && ring.availIdx() === position.avail;
  return ring instanceof PackedRing && !isAvailableIn(ring.flags(position.avail), position.availWrap);
}
