import type { DriverPort } from '../../drivers/port/port.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import type { MessageObservation } from '../../reference-impl/observations/event.ts';
import { Model } from '../../reference-impl/oracle/model/model.ts';
import type { ModelTarget } from '../../reference-impl/oracle/model/model-target.ts';
import type { ModelFinding } from '../../reference-impl/oracle/model/observation.ts';
import { MessageAssembler } from '../../reference-impl/wire/framing.ts';

/** A session of the log that is judged. */
interface LoggedSession {
  readonly call: number;
  /** Puts together what was sent: a write can hold a piece of a message, or several. */
  readonly sent: MessageAssembler;
}

/** A message that is refused, on a session that is judged until then. */
interface Refusal {
  readonly numberInLog: number;
  readonly session: LoggedSession;
  readonly requirement: RequirementSlug;
}

/** Feeds a model with the messages that the log of one program holds, call by call. */
export class MessageJudge {
  readonly #target: ModelTarget;
  readonly #log: DriverPort['log'];
  readonly #model: Model;
  /** By number of the session in the log. */
  readonly #sessions = new Map<number, LoggedSession>();
  /** The calls that opened all sessions, those that are judged no more among them. */
  readonly #opened: number[] = [];
  #succeeds = false;
  #isServed = false;
  #refusal: Refusal | undefined;
  /** Features were refused, and what the device makes of it may show later. By number of the session in the log. */
  readonly #behindFeatures = new Map<number, Refusal>();
  /** Number of the log's next event behind the last call. */
  #end: number;

  constructor(target: ModelTarget, log: DriverPort['log']) {
    this.#target = target;
    this.#log = log;
    this.#model = new Model(target);
    this.#end = 0;
  }

  get sessions(): readonly number[] {
    return this.#opened;
  }

  connected(numberInLog: number, call: number): void {
    this.#opened.push(call);
    this.#sessions.set(numberInLog, { call, sent: new MessageAssembler() });
    this.#model.observe({ kind: 'connected', session: call });
  }

  /** An acknowledgement of what the present call sends is 0. */
  succeeds(): void {
    this.#succeeds = true;
  }

  /** A channel that the present call passes is read, and each request on it said to be done. */
  serves(): void {
    this.#isServed = true;
  }

  /** A ring of a session used a buffer. */
  used(session: number, index: number): void {
    this.#model.observe({ kind: 'served', session, index });
  }

  /** The message of the present call is refused. Asked before its session is lost. */
  refuses(call: number, requirement: RequirementSlug): void {
    for (const [numberInLog, session] of this.#sessions) {
      if (session.call !== call) continue;
      this.#refusal = { numberInLog, session, requirement };
      if (requirement === 'vu-features/unoffered-features-refused')
        this.#behindFeatures.set(numberInLog, this.#refusal);
    }
  }

  /** The session is not judged any more, from the messages of the present call on. */
  lose(call: number): void {
    for (const [numberInLog, session] of this.#sessions) if (session.call === call) this.#sessions.delete(numberInLog);
  }

  loseAll(): void {
    this.#sessions.clear();
  }

  /** The messages of the present call are not judged: each was answered as a whole. */
  skip(): void {
    this.#end = this.#log.next;
  }

  /** Judges the messages of the call that ended. What the model does not allow, in the order of the log. */
  behindCall(): ModelFinding[] {
    const from = this.#end;
    this.#end = this.#log.next;
    const refusal = this.#refusal;
    this.#refusal = undefined;
    const isQuiet = this.#sessions.size === 0 && refusal === undefined && this.#behindFeatures.size === 0;
    if (isQuiet || this.#target.transport !== 'vhost-user') return [];
    const messages = this.#log.messagesFrom(from);
    // A call of so many messages that the log lacks some: nothing is told from the others.
    if (messages === undefined) this.loseAll();
    for (const message of messages ?? []) {
      const refused = refusal?.numberInLog === message.session ? refusal : this.#behindFeatures.get(message.session);
      if (refused !== undefined) this.#observeRefused(refused, message);
      else this.#observe(message);
    }
    this.#succeeds = false;
    this.#isServed = false;
    return this.#model.findings.splice(0);
  }

  #observe(message: MessageObservation): void {
    const session = this.#sessions.get(message.session);
    if (session === undefined) return;
    if (message.channel === 'back-end') this.#observeRequest(session, message);
    else if (message.direction === 'from-iut') {
      const { bytes, descriptors } = message;
      this.#model.observe({ kind: 'message', session: session.call, direction: 'from', bytes, descriptors });
    } else if (!this.#send(session, message)) this.#sessions.delete(message.session);
  }

  /** Only whole ones are judged, as the log keeps them. */
  #observeRequest({ call }: LoggedSession, { direction, bytes, length, descriptors }: MessageObservation): void {
    if (direction !== 'from-iut' || bytes.length < length) return;
    this.#model.observe({ kind: 'back-end-request', session: call, bytes, descriptors });
  }

  #observeRefused({ session, requirement }: Refusal, { channel, direction, bytes }: MessageObservation): void {
    if (channel !== 'front-end') return;
    const seen = direction === 'from-iut' ? ('from' as const) : ('to' as const);
    this.#model.observe({ kind: 'refusable', session: session.call, requirement, direction: seen, bytes });
  }

  /** False where the log does not tell whole messages. */
  #send({ call, sent }: LoggedSession, { bytes, length }: MessageObservation): boolean {
    if (bytes.length < length) return false;
    sent.push(bytes, 0, length);
    for (let frame = sent.next(); frame !== undefined; frame = sent.next()) {
      if (frame.kind === 'problem') return false;
      const message = frame.buffer.slice(frame.offset, frame.offset + frame.length);
      this.#model.observe({
        kind: 'message',
        session: call,
        direction: 'to',
        bytes: message,
        succeeds: this.#succeeds,
        isServed: this.#isServed,
      });
    }
    return true;
  }
}
