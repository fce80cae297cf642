import type { DriverPort, GuestRing, Queue, RingPosition, Session } from '../../drivers/port/port.ts';
import { Model, type ModelTarget } from '../../reference-impl/oracle/model/model.ts';
import type { ModelFinding, ModelObservation, ObservedOutcome } from '../../reference-impl/oracle/model/observation.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { MadeThings } from '../executor/made-things.ts';
import type { OutcomeClass, Outcomes } from '../executor/outcomes.ts';
import type { KnownTarget } from '../program/known-state.ts';
import { isJudged, Lawfulness, type Standing } from '../program/lawfulness.ts';
import type { Call, CallOf, Program } from '../program/program.ts';
import { bytesOfChain, roomOfChain } from './chain-bytes.ts';

/** What the model does not allow, and the call behind which it was seen. */
export interface JudgedFinding {
  readonly place: number;
  readonly finding: ModelFinding;
}

interface JudgedQueue {
  readonly session: number;
  readonly ring: number;
  /** By buffer id. */
  readonly chains: Map<number, readonly Segment[]>;
  isKicked: boolean;
}

/** Where a session of the log stopped being judged. */
interface LoggedSession {
  readonly call: number;
  lostAt: number;
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
  readonly #sessions = new Map<number, LoggedSession>();
  /** Number of the log's next event behind each call. */
  readonly #ends: number[] = [];
  #told = 0;

  /** @param program resolved; it is about to be executed. */
  constructor(options: ProgramJudgeOptions, { calls }: Program) {
    this.#options = options;
    this.#calls = calls;
    this.#lawfulness = new Lawfulness(options.known);
    this.#deadlineMs = options.port.deadlineMs;
    this.model = new Model(options.target);
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
    this.#ends.push(this.#options.port.log.next);
    this.#collect(place);
  }

  /** Behind the last call: what was found, in the order of the calls. */
  findings(): readonly JudgedFinding[] {
    this.#readMessages();
    return [...this.#found].sort((left, right) => left.place - right.place);
  }

  #follow(call: Call, place: number, outcome: OutcomeClass, judged: boolean): void {
    // What ends a session does so whatever is known of it.
    switch (call.kind) {
      case 'connect':
        if (!call.beside)
          for (const { call: session } of this.#sessions.values()) this.#observe({ kind: 'ended', session });
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
    this.#sessions.set(opened.id, { call: session, lostAt: Number.POSITIVE_INFINITY });
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
    for (const session of this.#sessions.values()) this.#endLog(session);
    this.#observe({ kind: 'lost', what: 'all' });
  }

  #loseSession(id: number): void {
    for (const session of this.#sessions.values()) if (session.call === id) this.#endLog(session);
    this.#observe({ kind: 'lost', what: 'session', id });
  }

  /** Messages of the call that lost it are not judged either. */
  #endLog(session: LoggedSession): void {
    session.lostAt = Math.min(session.lostAt, this.#ends.at(-1) ?? 0);
  }

  #ringOf(call: Call): number | undefined {
    if ('ring' in call) return call.ring;
    if ('queue' in call) return this.#queues.get(call.queue)?.ring;
    return call.kind === 'change' && call.at?.kind === 'ring' ? call.at.ring : undefined;
  }

  /** The log of a program that is too long lacks its middle: no order of answers is told from that. */
  #readMessages(): void {
    const { log } = this.#options.port;
    if (this.#options.target.transport !== 'vhost-user' || log.dropped > 0) return;
    const messages = new Model(this.#options.target);
    for (const { call: session } of this.#sessions.values()) messages.observe({ kind: 'connected', session });
    let place = 0;
    for (const event of log.events()) {
      if (event.kind !== 'message' || event.channel !== 'front-end') continue;
      const session = this.#sessions.get(event.session);
      while (event.seq >= (this.#ends[place] ?? Number.POSITIVE_INFINITY)) place++;
      if (session === undefined || event.seq >= session.lostAt || place >= this.#calls.length) continue;
      const direction = event.direction === 'to-iut' ? 'to' : 'from';
      messages.observe({ kind: 'message', session: session.call, direction, bytes: event.bytes });
      for (const finding of messages.findings.splice(0)) this.#found.push({ place, finding });
    }
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

/** used_event lies behind the available ring. */
function usedEventOf({ layout, areas }: GuestRing): number {
  if (layout === 'packed') return 0;
  const { view } = areas.driver;
  return (view[view.length - 2] as number) | ((view[view.length - 1] as number) << 8);
}

/** Whether nothing is available where a ring begins. */
function isFresh({ layout, areas }: GuestRing, position: RingPosition): boolean {
  if (position.layout === 'split') {
    const idx = areas.driver.view;
    return ((idx[2] as number) | ((idx[3] as number) << 8)) === position.avail;
  }
  if (layout === 'split') return false;
  const at = position.avail * descriptorSize + flagsOffset;
  const flags = areas.descriptor.view;
  const isAvail = ((flags[at] as number) & markOfByte) !== 0;
  const isUsed = ((flags[at + 1] as number) & markOfByte) !== 0;
  return !(isAvail === (position.availWrap === 1) && isUsed !== isAvail);
}

const descriptorSize = 16;
const flagsOffset = 14;
/** VIRTQ_DESC_F_AVAIL in the lower byte of the flags, VIRTQ_DESC_F_USED in the upper one. */
const markOfByte = 0x80;
