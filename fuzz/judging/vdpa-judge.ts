import type { Session, VhostVdpaSession } from '../../drivers/port/port.ts';
import type { ModelFinding } from '../../reference-impl/oracle/model/observation.ts';
import { VdpaModel } from '../../reference-impl/oracle/model/vdpa/vdpa-model.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import type { Call } from '../program/program.ts';
import type { DeviceJudge } from './device-judge.ts';
import type { JudgedRun } from './judged-run.ts';

const isVdpa = (session: Session): session is VhostVdpaSession => 'range' in session;
/** Virtio 5. */
const deviceIds: Readonly<Record<string, number>> = { net: 1, block: 2, entropy: 4 };

/** Feeds the model of a vhost-vdpa device. */
export class VdpaJudge implements DeviceJudge {
  readonly #run: JudgedRun;
  readonly #findings: ModelFinding[] = [];
  #model: VdpaModel | undefined;
  /** Number of the session in the log. */
  #session = -1;
  /** Number of the log's next event behind the last call. */
  #end = 0;

  constructor(run: JudgedRun) {
    this.#run = run;
  }

  /** The model of the device that a session has, while anything is claimed of it. */
  modelOf(session: Session): VdpaModel | undefined {
    return session.id === this.#session && this.#model?.isLost === false ? this.#model : undefined;
  }

  connected(session: Session): void {
    const { known, made } = this.#run;
    const { queues: rings } = known;
    if (!isVdpa(session) || rings === undefined) return;
    if ([...made.sessions.values()].some((other) => other !== session && other.isOpen)) {
      const requirement = 'vk-open/second-open-is-busy';
      this.#findings.push({ requirement, what: 'a second open', expected: 'EBUSY', actual: 'an open device' });
      this.#model = undefined;
      return;
    }
    this.#session = session.id;
    const { pageSize, range } = session;
    this.#model = new VdpaModel(
      {
        deviceId: deviceIds[known.device],
        rings,
        pageSize,
        range,
        isMemory: (address, size) => made.isMemory(address, size),
      },
      (finding) => this.#findings.push(finding),
    );
  }

  refusedOpen(): void {}

  lose(): void {
    this.#model?.lose();
  }

  behindCall(_call: Call, outcome: OutcomeClass): ModelFinding[] {
    const { log } = this.#run.port;
    const from = this.#end;
    this.#end = log.next;
    const model = this.#model;
    if (outcome === 'died' || outcome === 'silent') model?.lose();
    const seen = model === undefined || model.isLost ? [] : log.callsFrom(from);
    if (seen === undefined) model?.lose();
    for (const each of seen ?? []) {
      if (each.session !== this.#session) continue;
      if (each.kind === 'ioctl') model?.call(each);
      else model?.access(each);
    }
    return this.#findings.splice(0);
  }
}
