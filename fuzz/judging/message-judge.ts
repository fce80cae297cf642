import type { DriverPort } from '../../drivers/port/port.ts';
import type { MessageObservation } from '../../reference-impl/observations/event.ts';
import { Model, type ModelTarget } from '../../reference-impl/oracle/model/model.ts';
import type { ModelFinding } from '../../reference-impl/oracle/model/observation.ts';
import { MessageAssembler } from '../../reference-impl/wire/framing.ts';

/** What the model does not allow, and the call behind which it was seen. */
export interface JudgedFinding {
  readonly place: number;
  readonly finding: ModelFinding;
}

/** Where a session of the log stopped being judged. */
interface LoggedSession {
  readonly call: number;
  /** Puts together what was sent: a write can hold a piece of a message, or several. */
  readonly sent: MessageAssembler;
  lostAt: number;
}

/** Feeds a model with the messages that the log of one program holds, once the program is over. */
export class MessageJudge {
  readonly #target: ModelTarget;
  readonly #log: DriverPort['log'];
  readonly #calls: number;
  /** By number of the session in the log. */
  readonly #sessions = new Map<number, LoggedSession>();
  /** Number of the log's next event behind each call. */
  readonly #ends: number[] = [];

  /** @param calls of the program. */
  constructor(target: ModelTarget, log: DriverPort['log'], calls: number) {
    this.#target = target;
    this.#log = log;
    this.#calls = calls;
  }

  /** The calls that opened the sessions. */
  get sessions(): number[] {
    return [...this.#sessions.values()].map(({ call }) => call);
  }

  connected(numberInLog: number, call: number): void {
    const sent = new MessageAssembler();
    this.#sessions.set(numberInLog, { call, sent, lostAt: Number.POSITIVE_INFINITY });
  }

  behindCall(): void {
    this.#ends.push(this.#log.next);
  }

  /** The session is not judged any more, from the messages of the present call on. */
  lose(call: number): void {
    for (const session of this.#sessions.values()) if (session.call === call) this.#endsNow(session);
  }

  loseAll(): void {
    for (const session of this.#sessions.values()) this.#endsNow(session);
  }

  /** In the order of the log. The log of a program that is too long lacks its middle: nothing is told from that. */
  findings(): JudgedFinding[] {
    if (this.#target.transport !== 'vhost-user' || this.#log.dropped > 0) return [];
    const model = new Model(this.#target);
    for (const session of this.sessions) model.observe({ kind: 'connected', session });
    const found: JudgedFinding[] = [];
    let place = 0;
    for (const event of this.#log.events()) {
      if (event.kind !== 'message' || event.channel !== 'front-end') continue;
      const session = this.#sessions.get(event.session);
      while (event.seq >= (this.#ends[place] ?? Number.POSITIVE_INFINITY)) place++;
      if (session === undefined || event.seq >= session.lostAt || place >= this.#calls) continue;
      if (event.direction === 'from-iut') {
        model.observe({ kind: 'message', session: session.call, direction: 'from', bytes: event.bytes });
      } else if (!this.#send(model, session, event)) session.lostAt = event.seq;
      for (const finding of model.findings.splice(0)) found.push({ place, finding });
    }
    return found;
  }

  /** False where the log does not tell whole messages. */
  #send(model: Model, { call, sent }: LoggedSession, { bytes, length }: MessageObservation): boolean {
    if (bytes.length < length) return false;
    sent.push(bytes, 0, length);
    for (let frame = sent.next(); frame !== undefined; frame = sent.next()) {
      if (frame.kind === 'problem') return false;
      const message = frame.buffer.slice(frame.offset, frame.offset + frame.length);
      model.observe({ kind: 'message', session: call, direction: 'to', bytes: message });
    }
    return true;
  }

  #endsNow(session: LoggedSession): void {
    session.lostAt = Math.min(session.lostAt, this.#ends.at(-1) ?? 0);
  }
}
