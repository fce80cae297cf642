import type { Session } from '../../drivers/port/port.ts';
import { commonFeatures, type FeatureSet, featureSet, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import type { Model } from '../../reference-impl/oracle/model/model.ts';
import type { ModelObservation, ObservedOutcome } from '../../reference-impl/oracle/model/observation.ts';
import { isMappedByContainer } from '../executor/doors.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import type { CallOf } from '../program/program.ts';
import type { DeviceJudge } from './device-judge.ts';
import type { JudgedRun } from './judged-run.ts';
import type { MessageJudge } from './message-judge.ts';
import type { QueueJudge } from './queue-judge.ts';

/** Feeds the model with what comes of operations on a session, whatever the transport. */
export class SessionJudge {
  readonly #run: JudgedRun;
  readonly #model: Model;
  readonly #queues: QueueJudge;
  readonly #messages: MessageJudge;
  /** Of a device that is opened as a file. */
  readonly #device: DeviceJudge | undefined;
  /** A call broke the text of a ring. */
  #hasBrokenRing = false;

  constructor(
    run: JudgedRun,
    model: Model,
    queues: QueueJudge,
    messages: MessageJudge,
    device: DeviceJudge | undefined,
  ) {
    this.#run = run;
    this.#model = model;
    this.#queues = queues;
    this.#messages = messages;
    this.#device = device;
  }

  /** A ring that breaks the text is a reason to end the session. */
  ringBroke(): void {
    this.#hasBrokenRing = true;
  }

  connected(session: number, outcome: OutcomeClass): void {
    const opened = this.#run.made.sessions.get(session);
    if (outcome === 'refused') this.#device?.refusedOpen();
    if (outcome !== 'made' || opened === undefined) return;
    this.#device?.connected(opened);
    this.#messages.connected(opened.id, session);
    this.#observe({ kind: 'connected', session });
  }

  negotiated({ session, device, protocol, exact }: CallOf<'negotiate'>, outcome: OutcomeClass): void {
    const opened = this.of(session);
    if (opened === undefined) return;
    const wanted = featureSet({ device, protocol });
    // Where it ended before all was said, the reason may be in what was going to be said.
    const isMade = outcome === 'made' || outcome === 'fenced';
    const { offer } = this.#run.known;
    this.accepted(session, isMade ? opened.negotiated.accepted : exact ? wanted : commonFeatures(wanted, offer));
    if (!isMade) this.operated(session, 'negotiate', opened.isOpen ? 'silent' : 'closed');
  }

  acceptedByHand(session: number): void {
    const opened = this.of(session);
    if (opened !== undefined) this.accepted(session, opened.negotiated.accepted);
  }

  /** A target that says which features it needs may refuse to work without them. */
  accepted(session: number, accepted: FeatureSet): void {
    const { known, port } = this.#run;
    this.#observe({ kind: 'negotiated', session, accepted });
    const lacks = port.facts.requiredFeatures.some((name) => !hasFeature(accepted, name, known));
    if (lacks) this.lose(session);
  }

  /** What a container of VFIO refuses to map, the device was not asked for. */
  shared(session: number, outcome: OutcomeClass): void {
    const opened = this.of(session);
    if (outcome === 'refused' && opened !== undefined && isMappedByContainer(opened)) this.lose(session);
    else this.operated(session, 'share', outcome);
  }

  operated(session: number, name: string, outcome: OutcomeClass): void {
    const observed = observedOutcome(outcome);
    if (observed?.kind === 'closed' && this.#hasBrokenRing) {
      this.lose(session);
      return;
    }
    if (observed === undefined) {
      // What comes late belongs to an earlier message.
      if (outcome === 'silent') this.#messages.lose(session);
      if (outcome === 'silent' || outcome === 'malformed') this.lose(session);
      return;
    }
    // A fence is not acknowledged, and what a message of vhost-user or a call comes to is judged by itself.
    const { transport } = this.#run.known;
    const isPlain =
      name === 'fence' || (name === 'message' && (transport === 'vhost-user' || transport === 'vhost-vdpa'));
    if (observed.kind === 'done') this.#queues.lookAtLog(session);
    if (!isPlain || observed.kind === 'closed') this.#observe({ kind: 'operation', session, name, outcome: observed });
  }

  transferred({ id, session, how, phase, less }: CallOf<'transfer'>): void {
    const seen = this.#run.made.transfers.get(id);
    const asked = { how, isKnownPhase: phase === 0, isOwn: less === 0 };
    if (seen === undefined) this.lose(session);
    else this.#observe({ kind: 'transferred', session, asked, seen });
  }

  configured({ session, offset, length }: CallOf<'read-config'>, place: number, outcome: OutcomeClass): void {
    const opened = this.of(session);
    if (outcome === 'answered') {
      const bytes = this.#run.outcomes.bytesOf(place);
      this.#observe({ kind: 'configuration', session, offset, length, bytes });
    } else if (outcome === 'malformed' && opened?.isOpen === true && opened.desync === undefined) {
      this.#observe({ kind: 'configuration', session, offset, length, bytes: undefined });
    } else {
      if (outcome === 'silent') this.#messages.lose(session);
      this.lose(session);
    }
  }

  lose(id: number): void {
    this.#queues.loseLogs(id);
    this.#observe({ kind: 'lost', what: 'session', id });
  }

  of(id: number): Session | undefined {
    return this.#run.made.sessions.get(id);
  }

  #observe(observation: ModelObservation): void {
    this.#model.observe(observation);
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
