import type { Model } from '../../reference-impl/oracle/model/model.ts';
import type { ModelObservation } from '../../reference-impl/oracle/model/observation.ts';
import { vdpaRequests } from '../../reference-impl/wire/vdpa-structures.ts';
import { vhostUserConfigFlags } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import type { CallOf } from '../program/program.ts';
import { field32Of, fieldOf } from '../program/told-message.ts';
import { vdpaRequestOf } from '../program/vdpa-lawfulness.ts';
import type { InflightJudge } from './inflight-judge.ts';
import type { JudgedRun } from './judged-run.ts';
import type { LogJudge } from './log-judge.ts';
import type { QueueJudge } from './queue-judge.ts';
import type { SessionJudge } from './session-judge.ts';
import type { VdpaJudge } from './vdpa-judge.ts';

/** What those that follow a message tell. */
export interface HandJudgeParts {
  readonly sessions: SessionJudge;
  readonly queues: QueueJudge;
  readonly logs: LogJudge;
  readonly inflight: InflightJudge;
  readonly vdpa: VdpaJudge | undefined;
}

/** Feeds the model with what messages by hand change: of vhost-user, and calls on a device of vhost-vdpa. */
export class HandJudge {
  readonly #run: JudgedRun;
  readonly #model: Model;
  readonly #sessions: SessionJudge;
  readonly #queues: QueueJudge;
  readonly #logs: LogJudge;
  readonly #inflight: InflightJudge;
  readonly #vdpa: VdpaJudge | undefined;

  constructor(run: JudgedRun, model: Model, { sessions, queues, logs, inflight, vdpa }: HandJudgeParts) {
    this.#run = run;
    this.#model = model;
    this.#sessions = sessions;
    this.#queues = queues;
    this.#logs = logs;
    this.#inflight = inflight;
    this.#vdpa = vdpa;
  }

  messaged(call: CallOf<'message'>, outcome: OutcomeClass): void {
    const { session, request } = call;
    if (this.#run.known.transport === 'vhost-vdpa') {
      this.#suspended(call);
      return;
    }
    switch (request) {
      case requestId.VHOST_USER_SET_FEATURES:
        // The words of messages by hand count as well.
        this.#sessions.acceptedByHand(session);
        this.#queues.loggingChanged(session);
        break;
      case requestId.VHOST_USER_GET_FEATURES:
      case requestId.VHOST_USER_GET_PROTOCOL_FEATURES:
        this.#observe({ kind: 'offered' });
        break;
      case requestId.VHOST_USER_SET_CONFIG:
        this.#observe({
          kind: 'configured',
          offset: Number(fieldOf(call, 'offset') ?? 0n),
          bytes: call.bytes,
          isMigrated: field32Of(call, 'flags') === BigInt(vhostUserConfigFlags.liveMigration),
        });
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
    this.#sessions.operated(session, 'message', outcome);
  }

  /** SUSPEND and RESUME count where the device runs. */
  #suspended({ session, request }: CallOf<'message'>): void {
    const opened = this.#sessions.of(session);
    const number = vdpaRequestOf(request);
    if (number !== vdpaRequests.VHOST_VDPA_SUSPEND && number !== vdpaRequests.VHOST_VDPA_RESUME) return;
    const isSuspended = opened === undefined ? undefined : this.#vdpa?.modelOf(opened)?.isSuspended;
    if (isSuspended === undefined) this.#sessions.lose(session);
    else this.#queues.rests.suspended(session, isSuspended);
  }

  /** A device that is suspended goes on behind a change of its rings. */
  goesOn(call: CallOf<'attach' | 'stop'>): void {
    const session = 'session' in call ? call.session : this.#queues.sessionOf(call.queue);
    const opened = this.#sessions.of(session);
    const isSuspended = opened === undefined ? undefined : this.#vdpa?.modelOf(opened)?.isSuspended;
    if (isSuspended === false) this.#queues.rests.suspended(session, false);
  }

  /** When a message counts is unknown unless something is asked behind it. */
  #callsMoved(call: CallOf<'message'>, index: number): void {
    if (call.unfenced) this.#queues.calls.lose(call.session, index);
    else this.#queues.calls.goElsewhere(call.session, index, this.#eventOf(call));
  }

  /** The event descriptor of a message that passes one. */
  #eventOf(call: CallOf<'message'>): number | undefined {
    const [event] = this.#run.made.events.get(call.id) ?? [];
    return event === undefined || event < 0 ? undefined : event;
  }

  #observe(observation: ModelObservation): void {
    this.#model.observe(observation);
  }
}

/** Where used elements are logged from an addresses message on; undefined where it does not ask for it. */
function usedRingLogOf(call: CallOf<'message'>, { addressOf }: JudgedRun['made']): bigint | undefined {
  const log = call.fields.findLast(({ name }) => name === 'log')?.value;
  const isLogged = field32Of(call, 'flags') === 1n && !call.unfenced;
  return isLogged && log !== undefined ? addressOf(log) : undefined;
}
