import { Model } from '../../reference-impl/oracle/model/model.ts';
import type { ModelFinding, ModelObservation } from '../../reference-impl/oracle/model/observation.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import { isJudged, Lawfulness, type Standing } from '../program/lawfulness.ts';
import type { Call, CallOf, Program } from '../program/program.ts';
import { takesRegion } from '../program/vdpa-lawfulness.ts';
import { toldState } from '../program/vfio-lawfulness.ts';
import type { DeviceJudge } from './device-judge.ts';
import { HandJudge } from './hand-judge.ts';
import { InflightJudge } from './inflight-judge.ts';
import { IotlbJudge } from './iotlb-judge.ts';
import type { JudgedRun } from './judged-run.ts';
import { LogJudge } from './log-judge.ts';
import { MdevJudge } from './mdev-judge.ts';
import { MessageJudge } from './message-judge.ts';
import { PciJudge } from './pci-judge.ts';
import { QueueJudge } from './queue-judge.ts';
import { isRefusedUnchanged } from './refusal.ts';
import { SessionJudge } from './session-judge.ts';
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
  readonly #iotlb: IotlbJudge;
  readonly #queues: QueueJudge;
  readonly #messages: MessageJudge;
  readonly #sessions: SessionJudge;
  readonly #hand: HandJudge;
  /** Of a device that is opened as a file. */
  readonly #device: DeviceJudge | undefined;
  readonly #vdpa: VdpaJudge | undefined;
  #told = 0;

  /** @param program resolved; it is about to be executed. */
  constructor(run: JudgedRun, { calls }: Program) {
    this.#run = run;
    this.#calls = calls;
    this.#lawfulness = new Lawfulness(run.known);
    this.model = new Model(run.target);
    this.#logs = new LogJudge(run, this.model);
    this.#iotlb = new IotlbJudge(run, this.model);
    const inflight = new InflightJudge(run, this.model);
    this.#queues = new QueueJudge(run, this.model, this.#logs, inflight, this.#iotlb);
    this.#messages = new MessageJudge(run.target, run.port.log);
    const { transport } = run.known;
    this.#vdpa = transport === 'vhost-vdpa' ? new VdpaJudge(run) : undefined;
    this.#device =
      transport === 'vhost-mdev' ? new MdevJudge(run) : transport === 'virtio-pci' ? new PciJudge(run) : this.#vdpa;
    this.#sessions = new SessionJudge(run, this.model, this.#queues, this.#messages, this.#device);
    const [sessions, queues, logs, vdpa] = [this.#sessions, this.#queues, this.#logs, this.#vdpa];
    this.#hand = new HandJudge(run, this.model, { sessions, queues, logs, inflight, vdpa });
  }

  /** Behind the call at this place, while what it made is there. */
  after(place: number): void {
    const call = this.#calls[place];
    if (call === undefined) return;
    const outcome = this.#run.outcomes.classOf(place);
    const standing = this.#standingOf(call, place, outcome);
    this.standings.push(standing);
    this.#queues.begins(call);
    if (!standing.isLawful && standing.taints === 'ring') this.#sessions.ringBroke();
    this.#tellMessages(call, standing);
    // What opens a device belongs to the one that is opened.
    const onDevice = endsSessions(call) ? [] : (this.#device?.behindCall(call, outcome) ?? []);
    if (outcome === 'died') this.model.observe({ kind: 'lost', what: 'all' });
    else if (standing.taints !== undefined) this.#lose(call, standing.taints);
    else this.#follow(call, place, outcome, isJudged(standing));
    for (const finding of this.#messages.behindCall()) this.#found.push({ place, finding });
    // Also a ring that is not judged may be logged.
    if (call.kind === 'attach') this.#logs.goesOn(call.session);
    if (this.#vdpa !== undefined && (call.kind === 'attach' || call.kind === 'stop')) this.#hand.goesOn(call);
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
    if (call.kind === 'channel' && call.policy === 'serve') this.#messages.serves();
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
        this.#sessions.connected(call.id, outcome);
        return;
      case 'reconnect':
        this.#observe({ kind: 'ended', session: call.session });
        this.#sessions.connected(call.id, outcome);
        return;
      case 'disconnect':
        this.#observe({ kind: 'ended', session: call.session });
        return;
    }
    // What the device finds on a ring that is not known, it may carry out.
    if (!judged && call.kind === 'attach' && outcome === 'fenced') this.#observe({ kind: 'lost', what: 'device' });
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
      case 'pci-read':
      case 'pci-write':
      case 'pci-window':
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
        if (call.call === 'set-interrupts' && outcome === 'returned') this.#queues.calls.interruptsSet(call);
        return;
      case 'negotiate':
        this.#sessions.negotiated(call, outcome);
        return;
      case 'message':
        this.#hand.messaged(call, outcome);
        return;
      case 'status':
        if (call.value !== undefined) this.#observe({ kind: 'status', session: call.session, value: call.value });
        return;
      case 'share':
        this.#queues.memoryChanged(call.session);
        this.#sessions.shared(call.session, outcome);
        return;
      case 'channel':
        this.#iotlb.answers(call.session, call.policy === 'serve');
        this.#sessions.operated(call.session, call.kind, outcome);
        return;
      case 'fence':
        this.#sessions.operated(call.session, call.kind, outcome);
        return;
      case 'enable':
        this.#sessions.operated(this.#queues.sessionOf(call.queue), call.kind, outcome);
        this.#queues.rests.enabled(call);
        return;
      case 'attach':
        if (outcome !== 'fenced') this.#sessions.operated(call.session, call.kind, outcome);
        else if (!this.#queues.attached(call)) this.#sessions.lose(call.session);
        return;
      case 'chain':
        this.#queues.added(call, place);
        return;
      case 'kick':
        this.#queues.kicked(call);
        return;
      case 'ask':
        this.#queues.calls.asked(call);
        return;
      case 'record':
        this.#queues.recorded(call);
        if (outcome !== 'made') this.#sessions.operated(this.#queues.sessionOf(call.queue), call.kind, outcome);
        return;
      case 'wait':
        this.#queues.waited(call, place, outcome);
        this.#tellUsed(call, place);
        return;
      case 'stop':
        if (outcome === 'answered') this.#queues.stopped(call);
        else this.#sessions.operated(this.#queues.sessionOf(call.queue), call.kind, outcome);
        return;
      case 'transfer':
        this.#sessions.transferred(call);
        return;
      case 'read-config':
        this.#sessions.configured(call, place, outcome);
    }
  }

  #tellUsed({ queue }: CallOf<'wait'>, place: number): void {
    const index = this.#queues.indexOf(queue);
    if (index === undefined || this.#run.outcomes.usedOf(place).length === 0) return;
    this.#messages.used(this.#queues.sessionOf(queue), index);
  }

  #observe(observation: ModelObservation): void {
    this.model.observe(observation);
  }

  #lose(call: Call, taint: NonNullable<Standing['taints']>): void {
    switch (taint) {
      case 'ring': {
        // What was attached there before is not what it was either.
        if (call.kind === 'attach') this.#sessions.lose(call.session);
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
        if ('session' in call) this.#sessions.lose(call.session);
        else if ('queue' in call) this.#sessions.lose(this.#queues.sessionOf(call.queue));
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

/** Other sessions end before a new one is opened, or is one too many. */
const endsSessions = ({ kind }: Call): boolean => kind === 'connect' || kind === 'reconnect';
