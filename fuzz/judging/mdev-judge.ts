import type { Session, VhostMdevSession } from '../../drivers/port/port.ts';
import { MdevModel } from '../../reference-impl/oracle/model/mdev/mdev-model.ts';
import { mdevShapes } from '../../reference-impl/oracle/model/mdev/mdev-shape.ts';
import { isMerelyChosen } from '../../reference-impl/oracle/model/model.ts';
import type { ModelFinding } from '../../reference-impl/oracle/model/observation.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import type { Call } from '../program/program.ts';
import type { DeviceJudge } from './device-judge.ts';
import type { JudgedRun } from './judged-run.ts';

const isMdev = (session: Session): session is VhostMdevSession => 'channel' in session;

/** Feeds the model of a vhost-mdev device with the calls that the log of one program holds, call by call. */
export class MdevJudge implements DeviceJudge {
  readonly #run: JudgedRun;
  readonly #findings: ModelFinding[] = [];
  #model: MdevModel | undefined;
  /** Number of the session in the log. */
  #session = -1;
  /** Number of the log's next event behind the last call. */
  #end = 0;

  constructor(run: JudgedRun) {
    this.#run = run;
  }

  get model(): MdevModel | undefined {
    return this.#model;
  }

  connected(session: Session): void {
    const { known, made } = this.#run;
    const { queues: rings } = known;
    if (!isMdev(session) || rings === undefined) return;
    const tell = (finding: ModelFinding): void => this.#tell(finding);
    if ([...made.sessions.values()].some((other) => other !== session && other.isOpen)) {
      const requirement = 'vm-life/second-open-is-busy';
      tell({ requirement, what: 'a second open', expected: 'EBUSY', actual: 'an open device' });
      this.#model = undefined;
      return;
    }
    this.#session = session.id;
    this.#model = new MdevModel(
      {
        shape: mdevShapes[session.places.name],
        device: known.device,
        rings,
        pageSize: session.pageSize,
        offered: known.offer.device,
        isMemory: (address, size) => made.isMemory(address, size),
      },
      tell,
    );
  }

  refusedOpen(): void {
    this.#model?.refusedOpen();
    if ([...this.#run.made.sessions.values()].some(({ isOpen }) => isOpen)) return;
    const requirement = 'vm-life/open-again-after-close';
    this.#tell({ requirement, what: 'an open while no one else has the device', expected: 'done', actual: 'refused' });
  }

  #tell(finding: ModelFinding): void {
    const judgesAll = this.#run.target.judgesChoices === true;
    if (judgesAll || !isMerelyChosen(finding.requirement)) this.#findings.push(finding);
  }

  lose(): void {
    this.#model?.lose();
  }

  behindCall(call: Call, outcome: OutcomeClass): ModelFinding[] {
    const { port, made } = this.#run;
    const from = this.#end;
    this.#end = port.log.next;
    const model = this.#model;
    if (outcome === 'died' || outcome === 'silent') model?.lose();
    const seen = model === undefined || model.isLost ? [] : port.log.callsFrom(from);
    if (seen === undefined) model?.lose();
    // Where the driver sets vectors, all that it passes are events.
    const isEvent = (descriptor: number): boolean => call.kind !== 'device-call' || made.isEvent(descriptor);
    for (const each of seen ?? []) {
      if (each.session !== this.#session) continue;
      if (each.kind === 'ioctl') model?.call(each, isEvent);
      else model?.access(each);
    }
    return this.#findings.splice(0);
  }
}
