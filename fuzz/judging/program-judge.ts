import type { Session } from '../../drivers/port/port.ts';
import { commonFeatures, type FeatureSet, featureSet, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { Model } from '../../reference-impl/oracle/model/model.ts';
import type { ModelFinding, ModelObservation, ObservedOutcome } from '../../reference-impl/oracle/model/observation.ts';
import { vdpaRequests } from '../../reference-impl/wire/vdpa-structures.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { isMappedByContainer } from '../executor/doors.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import { isJudged, Lawfulness, type Standing } from '../program/lawfulness.ts';
import type { Call, CallOf, Program } from '../program/program.ts';
import { field32Of, fieldOf } from '../program/told-message.ts';
import { takesRegion, vdpaRequestOf } from '../program/vdpa-lawfulness.ts';
import { toldState } from '../program/vfio-lawfulness.ts';
import type { DeviceJudge } from './device-judge.ts';
import { InflightJudge } from './inflight-judge.ts';
import { IotlbJudge } from './iotlb-judge.ts';
import type { JudgedRun } from './judged-run.ts';
import { LogJudge } from './log-judge.ts';
import { MdevJudge } from './mdev-judge.ts';
import { MessageJudge } from './message-judge.ts';
import { QueueJudge } from './queue-judge.ts';
import { isRefusedUnchanged } from './refusal.ts';
import { VdpaJudge } from './vdpa-judge.ts';

/** What the model does not allow, and the call behind which it was seen. */
export interface JudgedFinding {
  readonly place: number;
  readonly finding: ModelFinding;
}

/**
 * Feeds the model with what came of the calls of one program, and with the messages that the log holds. Behind a call that
 * taints anything, what it tainted is no longer judged.
 */
export class ProgramJudge {
  readonly model: Model;
  /** Calls that the model judged. */
  judged = 0;
  /** How each call that ended stands to the text, with what came of it. */
  readonly standings: Standing[] = [];
  readonly #run: JudgedRun;
  readonly #calls: readonly Call[];
  readonly #lawfulness: Lawfulness;
  readonly #found: JudgedFinding[] = [];
  readonly #logs: LogJudge;
  readonly #inflight: InflightJudge;
  readonly #iotlb: IotlbJudge;
  readonly #queues: QueueJudge;
  readonly #messages: MessageJudge;
  /** Of a device that is opened as a file. */
  readonly #device: DeviceJudge | undefined;
  readonly #vdpa: VdpaJudge | undefined;
  #told = 0;
  /** A call broke the text of a ring. */
  #hasBrokenRing = false;

  /** @param program resolved; it is about to be executed. */
  constructor(run: JudgedRun, { calls }: Program) {
    this.#run = run;
    this.#calls = calls;
    this.#lawfulness = new Lawfulness(run.known);
    this.model = new Model(run.target);
    this.#logs = new LogJudge(run, this.model);
    this.#inflight = new InflightJudge(run, this.model);
    this.#iotlb = new IotlbJudge(run, this.model);
    this.#queues = new QueueJudge(run, this.model, this.#logs, this.#inflight, this.#iotlb);
    this.#messages = new MessageJudge(run.target, run.port.log);
    const { transport } = run.known;
    this.#vdpa = transport === 'vhost-vdpa' ? new VdpaJudge(run) : undefined;
    this.#device = transport === 'vhost-mdev' ? new MdevJudge(run) : this.#vdpa;
  }

  /** Behind the call at this place, while what it made is there. */
  after(place: number): void {
    const call = this.#calls[place];
    if (call === undefined) return;
    const outcome = this.#run.outcomes.classOf(place);
    const standing = this.#standingOf(call, place, outcome);
    this.standings.push(standing);
    this.#queues.begins(call);
    if (!standing.isLawful && standing.taints === 'ring') this.#hasBrokenRing = true;
    this.#tellMessages(call, standing);
    // What opens a device belongs to the one that is opened.
    const onDevice = endsSessions(call) ? [] : (this.#device?.behindCall(call, outcome) ?? []);
    if (outcome === 'died') this.model.observe({ kind: 'lost', what: 'all' });
    else if (standing.taints !== undefined) this.#lose(call, standing.taints);
    else this.#follow(call, place, outcome, isJudged(standing));
    for (const finding of this.#messages.behindCall()) this.#found.push({ place, finding });
    // Also a ring that is not judged may be logged.
    if (call.kind === 'attach') this.#logs.goesOn(call.session);
    if (this.#vdpa !== undefined && (call.kind === 'attach' || call.kind === 'stop')) this.#goesOn(call);
    // Where a driver sets rings up, it stops the device and starts it.
    else if (call.kind === 'attach') this.#queues.rests.started(call.session);
    else if (call.kind === 'stop' || call.kind === 'enable')
      this.#queues.rests.started(this.#queues.sessionOf(call.queue));
    const behind = this.#device?.behindCall(call, outcome) ?? [];
    for (const finding of [...onDevice, ...behind]) this.#found.push({ place, finding });
    this.#collect(place);
  }

  /** What was found, in the order of the calls. */
  get findings(): readonly JudgedFinding[] {
    return this.#found;
  }

  /** A call that was left out, or that left the IUT as it was, taints nothing. */
  #standingOf(call: Call, place: number, outcome: OutcomeClass): Standing {
    const { outcomes, known } = this.#run;
    if (outcomes.wasLeftOut(place) && !endsSessions(call)) return this.#lawfulness.standingOfLeftOut(call);
    const standing = this.#lawfulness.standingOf(call);
    if (standing.taints === undefined || !isRefusedUnchanged(call, outcome, known.transport)) return standing;
    this.#lawfulness.refused();
    this.#messages.skip();
    return { ...standing, taints: undefined };
  }

  /** What is sent by a lawful call is answered as the text says, even where nothing else is known any more. */
  #tellMessages(call: Call, { isLawful, taints, succeeds, refusal, leavesAnswersOpen }: Standing): void {
    if (call.kind === 'message' && succeeds === true) this.#messages.succeeds();
    // What comes in pieces is not seen whole.
    const isWhole = call.kind === 'message' && call.piece === undefined && call.truncate === undefined;
    if (isWhole && refusal !== undefined) this.#messages.refuses(call.session, refusal);
    if (taints === undefined || (isLawful && taints !== 'iut' && leavesAnswersOpen !== true)) return;
    if (taints === 'iut') this.#device?.lose();
    if ('session' in call) this.#messages.lose(call.session);
    else if ('queue' in call) this.#messages.lose(this.#sessionOfQueue(call.queue));
    else if (taints === 'iut' || taints === 'session') this.#messages.loseAll();
  }

  /** Also of a queue that is not judged. */
  #sessionOfQueue(queue: number): number {
    const { made } = this.#run;
    const session = made.queues.get(queue)?.session;
    const opened = [...made.sessions].find(([, each]) => each === session);
    return opened?.[0] ?? this.#queues.sessionOf(queue);
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
      case 'ring':
        this.#queues.placed(call);
        return;
      case 'memory':
      case 'settle':
      case 'memory-table':
      case 'memory-slot':
      case 'ring-write':
      case 'memory-write':
      case 'reset':
      case 'write-config':
      case 'bytes':
      case 'signal':
      case 'change':
      case 'region-read':
        return;
      case 'region-write': {
        const state = outcome === 'returned' ? toldState(call) : undefined;
        if (state === 0n) this.#queues.rests.suspended(call.session, true);
        if (state === 1n) this.#queues.rests.toldToStart(call.session);
        return;
      }
      case 'region-map':
        if (outcome === 'returned') this.#queues.stored(call);
        return;
      case 'container-call':
        this.#queues.memoryChanged(call.session);
        if (outcome === 'returned')
          this.#queues.rests.mapped(call.session, call.memory, call.region, call.call === 'map');
        return;
      case 'iotlb':
        this.#queues.memoryChanged(call.session);
        if (outcome === 'returned' && takesRegion(call))
          this.#queues.rests.mapped(call.session, call.memory, call.region, false);
        return;
      case 'device-call':
        // Vectors are signalled by hand, or have other descriptors.
        if (call.call === 'set-interrupts' && outcome === 'returned') this.#queues.interruptsSet(call);
        return;
      case 'negotiate':
        this.#negotiated(call, outcome);
        return;
      case 'message':
        this.#messaged(call, outcome);
        return;
      case 'status':
        if (call.value !== undefined) this.#observe({ kind: 'status', session: call.session, value: call.value });
        return;
      case 'share':
        this.#queues.memoryChanged(call.session);
        this.#shared(call.session, outcome);
        return;
      case 'channel':
        this.#iotlb.answers(call.session, call.policy === 'serve');
        this.#operated(call.session, call.kind, outcome);
        return;
      case 'fence':
        this.#operated(call.session, call.kind, outcome);
        return;
      case 'enable':
        this.#operated(this.#queues.sessionOf(call.queue), call.kind, outcome);
        this.#queues.rests.enabled(call);
        return;
      case 'attach':
        if (outcome !== 'fenced') this.#operated(call.session, call.kind, outcome);
        else if (!this.#queues.attached(call)) this.#loseSession(call.session);
        return;
      case 'chain':
        this.#queues.added(call, place);
        return;
      case 'kick':
        this.#queues.kicked(call);
        return;
      case 'ask':
        this.#queues.asked(call);
        return;
      case 'record':
        this.#queues.recorded(call);
        if (outcome !== 'made') this.#operated(this.#queues.sessionOf(call.queue), call.kind, outcome);
        return;
      case 'wait':
        this.#queues.waited(call, place, outcome);
        return;
      case 'stop':
        if (outcome === 'answered') this.#queues.stopped(call);
        else this.#operated(this.#queues.sessionOf(call.queue), call.kind, outcome);
        return;
      case 'transfer':
        this.#transferred(call);
        return;
      case 'read-config':
        this.#configured(call, place, outcome);
    }
  }

  #observe(observation: ModelObservation): void {
    this.model.observe(observation);
  }

  #connected(session: number, outcome: OutcomeClass): void {
    const opened = this.#run.made.sessions.get(session);
    if (outcome === 'refused') this.#device?.refusedOpen();
    if (outcome !== 'made' || opened === undefined) return;
    this.#device?.connected(opened);
    this.#messages.connected(opened.id, session);
    this.#observe({ kind: 'connected', session });
  }

  #negotiated({ session, device, protocol, exact }: CallOf<'negotiate'>, outcome: OutcomeClass): void {
    const opened = this.#session(session);
    if (opened === undefined) return;
    const wanted = featureSet({ device, protocol });
    // Where it ended before all was said, the reason may be in what was going to be said.
    const isMade = outcome === 'made' || outcome === 'fenced';
    const { offer } = this.#run.known;
    this.#accepted(session, isMade ? opened.negotiated.accepted : exact ? wanted : commonFeatures(wanted, offer));
    if (!isMade) this.#operated(session, 'negotiate', opened.isOpen ? 'silent' : 'closed');
  }

  #acceptedByHand(session: number): void {
    const opened = this.#session(session);
    if (opened !== undefined) this.#accepted(session, opened.negotiated.accepted);
  }

  /** A target that says which features it needs may refuse to work without them. */
  #accepted(session: number, accepted: FeatureSet): void {
    const { known, port } = this.#run;
    this.#observe({ kind: 'negotiated', session, accepted });
    const lacks = port.facts.requiredFeatures.some((name) => !hasFeature(accepted, name, known));
    if (lacks) this.#loseSession(session);
  }

  /** What a container of VFIO refuses to map, the device was not asked for. */
  #shared(session: number, outcome: OutcomeClass): void {
    const opened = this.#session(session);
    if (outcome === 'refused' && opened !== undefined && isMappedByContainer(opened)) this.#loseSession(session);
    else this.#operated(session, 'share', outcome);
  }

  #messaged(call: CallOf<'message'>, outcome: OutcomeClass): void {
    const { session, request } = call;
    if (this.#run.known.transport === 'vhost-vdpa') {
      this.#suspended(call);
      return;
    }
    switch (request) {
      case requestId.VHOST_USER_SET_FEATURES:
        // The words of messages by hand count as well.
        this.#acceptedByHand(session);
        this.#queues.loggingChanged(session);
        break;
      case requestId.VHOST_USER_GET_FEATURES:
      case requestId.VHOST_USER_GET_PROTOCOL_FEATURES:
        this.#observe({ kind: 'offered' });
        break;
      case requestId.VHOST_USER_SET_CONFIG:
        this.#observe({ kind: 'configured', offset: Number(fieldOf(call, 'offset') ?? 0n), bytes: call.bytes });
        break;
      case requestId.VHOST_USER_SET_LOG_BASE:
        this.#queues.loseLogs(session);
        this.#logs.told(call);
        this.#queues.loggingChanged(session);
        break;
      case requestId.VHOST_USER_SET_INFLIGHT_FD:
        this.#inflight.told(call);
        break;
      case requestId.VHOST_USER_SET_VRING_ADDR:
        this.#queues.usedRingLogged(
          session,
          Number(field32Of(call, 'index') ?? 0n),
          usedRingLogOf(call, this.#run.made),
        );
        break;
      case requestId.VHOST_USER_ADD_MEM_REG:
      case requestId.VHOST_USER_REM_MEM_REG:
        this.#queues.memoryChanged(session);
        break;
      case requestId.VHOST_USER_RESET_DEVICE:
        this.#queues.rests.reset(session, 'reset/quiet-after-reset');
        break;
      case requestId.VHOST_USER_SET_STATUS:
        if (fieldOf(call, 'u64') === 0n) this.#queues.rests.reset(session, 'vu-status/status-zero-resets');
        this.#observe({ kind: 'status', session, value: Number(fieldOf(call, 'u64') ?? 0n) });
        break;
      case requestId.VHOST_USER_SET_VRING_ENABLE:
        this.#queues.rests.turned(session, Number(field32Of(call, 'index') ?? 0n), field32Of(call, 'num') === 1n);
        // Of a ring that runs lawful alone where it enables.
        if (field32Of(call, 'num') === 1n)
          this.#queues.rests.enabledByHand(session, Number(field32Of(call, 'index') ?? 0n));
        break;
      case requestId.VHOST_USER_SET_VRING_KICK:
        this.#queues.rests.begun(session, Number((fieldOf(call, 'u64') ?? 0n) & 0xffn));
        break;
      case requestId.VHOST_USER_SET_VRING_CALL:
        this.#callsMoved(call, Number((fieldOf(call, 'u64') ?? 0n) & 0xffn));
    }
    this.#operated(session, 'message', outcome);
  }

  /** SUSPEND and RESUME count where the device runs. */
  #suspended({ session, request }: CallOf<'message'>): void {
    const opened = this.#session(session);
    const number = vdpaRequestOf(request);
    if (number !== vdpaRequests.VHOST_VDPA_SUSPEND && number !== vdpaRequests.VHOST_VDPA_RESUME) return;
    const isSuspended = opened === undefined ? undefined : this.#vdpa?.modelOf(opened)?.isSuspended;
    if (isSuspended === undefined) this.#loseSession(session);
    else this.#queues.rests.suspended(session, isSuspended);
  }

  /** A device that is suspended goes on behind a change of its rings. */
  #goesOn(call: CallOf<'attach' | 'stop'>): void {
    const session = 'session' in call ? call.session : this.#queues.sessionOf(call.queue);
    const opened = this.#session(session);
    const isSuspended = opened === undefined ? undefined : this.#vdpa?.modelOf(opened)?.isSuspended;
    if (isSuspended === false) this.#queues.rests.suspended(session, false);
  }

  /** When a message counts is unknown unless something is asked behind it. */
  #callsMoved(call: CallOf<'message'>, index: number): void {
    if (call.unfenced) this.#queues.loseCalls(call.session, index);
    else this.#queues.callsGoElsewhere(call.session, index, this.#eventOf(call));
  }

  /** The event descriptor of a message that passes one. */
  #eventOf(call: CallOf<'message'>): number | undefined {
    const [event] = this.#run.made.events.get(call.id) ?? [];
    return event === undefined || event < 0 ? undefined : event;
  }

  #operated(session: number, name: string, outcome: OutcomeClass): void {
    const observed = observedOutcome(outcome);
    // A ring that breaks the text is a reason to end the session.
    if (observed?.kind === 'closed' && this.#hasBrokenRing) {
      this.#loseSession(session);
      return;
    }
    if (observed === undefined) {
      // What comes late belongs to an earlier message.
      if (outcome === 'silent') this.#messages.lose(session);
      if (outcome === 'silent' || outcome === 'malformed') this.#loseSession(session);
      return;
    }
    // A fence is not acknowledged, and what a message of vhost-user or a call comes to is judged by itself.
    const { transport } = this.#run.known;
    const isPlain =
      name === 'fence' || (name === 'message' && (transport === 'vhost-user' || transport === 'vhost-vdpa'));
    if (observed.kind === 'done') this.#queues.lookAtLog(session);
    if (!isPlain || observed.kind === 'closed') this.#observe({ kind: 'operation', session, name, outcome: observed });
  }

  #transferred({ id, session, how, phase, less }: CallOf<'transfer'>): void {
    const seen = this.#run.made.transfers.get(id);
    const asked = { how, isKnownPhase: phase === 0, isOwn: less === 0 };
    if (seen === undefined) this.#loseSession(session);
    else this.#observe({ kind: 'transferred', session, asked, seen });
  }

  #configured({ session, offset, length }: CallOf<'read-config'>, place: number, outcome: OutcomeClass): void {
    const opened = this.#session(session);
    if (outcome === 'answered') {
      const bytes = this.#run.outcomes.bytesOf(place);
      this.#observe({ kind: 'configuration', session, offset, length, bytes });
    } else if (outcome === 'malformed' && opened?.isOpen === true && opened.desync === undefined) {
      this.#observe({ kind: 'configuration', session, offset, length, bytes: undefined });
    } else {
      if (outcome === 'silent') this.#messages.lose(session);
      this.#loseSession(session);
    }
  }

  #session(id: number): Session | undefined {
    return this.#run.made.sessions.get(id);
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
        // It is not judged, and may change what is behind the rings.
        if (call.kind === 'connect' || call.kind === 'reconnect') {
          if (call.kind === 'reconnect') this.#observe({ kind: 'ended', session: call.session });
          this.#observe({ kind: 'lost', what: 'device' });
          return;
        }
        if ('session' in call) this.#loseSession(call.session);
        else if ('queue' in call) this.#loseSession(this.#queues.sessionOf(call.queue));
        else this.#loseAll();
        return;
      }
      case 'memory':
      case 'iut':
        this.#loseAll();
    }
  }

  #loseAll(): void {
    this.#observe({ kind: 'lost', what: 'all' });
  }

  #loseSession(id: number): void {
    this.#queues.loseLogs(id);
    this.#observe({ kind: 'lost', what: 'session', id });
  }

  #ringOf(call: Call): number | undefined {
    if ('ring' in call) return call.ring;
    if ('queue' in call) return this.#queues.ringOf(call.queue);
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

/** Where used elements are logged from an addresses message on; undefined where it does not ask for it. */
function usedRingLogOf(call: CallOf<'message'>, { addressOf }: JudgedRun['made']): bigint | undefined {
  const log = call.fields.findLast(({ name }) => name === 'log')?.value;
  const isLogged = field32Of(call, 'flags') === 1n && !call.unfenced;
  return isLogged && log !== undefined ? addressOf(log) : undefined;
}

/** Other sessions end before a new one is opened, or is one too many. */
const endsSessions = ({ kind }: Call): boolean => kind === 'connect' || kind === 'reconnect';

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
