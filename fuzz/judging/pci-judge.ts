import type { Session, VirtioPciSession } from '../../drivers/port/port.ts';
import type { ModelFinding } from '../../reference-impl/oracle/model/observation.ts';
import type { StructurePlace } from '../../reference-impl/oracle/model/pci/pci-facts.ts';
import { PciModel } from '../../reference-impl/oracle/model/pci/pci-model.ts';
import { virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import { isVirtioPci } from '../executor/doors.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import type { Call } from '../program/program.ts';
import type { DeviceJudge } from './device-judge.ts';
import type { JudgedRun } from './judged-run.ts';

/** Virtio 5. */
const deviceIds: Readonly<Record<string, number>> = { net: 1, block: 2, entropy: 4 };

/** Feeds the model of a virtio function with the accesses that the log of one program holds, call by call. */
export class PciJudge implements DeviceJudge {
  readonly #run: JudgedRun;
  readonly #findings: ModelFinding[] = [];
  #session: VirtioPciSession | undefined;
  #model: PciModel | undefined;
  /** Number of the log's next event behind the last call. */
  #end = 0;

  /** Rings, or memory that they may lie in, were written over, perhaps ahead of the session. */
  #isWrittenOver = false;
  /** By queue. */
  readonly #usedOf = new Map<number, number>();

  constructor(run: JudgedRun) {
    this.#run = run;
  }

  connected(session: Session): void {
    const { known, made, target } = this.#run;
    this.#model = undefined;
    // Files of one function have one state.
    if (!isVirtioPci(session) || [...made.sessions.values()].some((other) => other !== session && other.isOpen)) return;
    this.#session = session;
    this.#usedOf.clear();
    const { pci, vfio } = session;
    const placeOf = (type: number): StructurePlace | undefined => pci.structure(type);
    const types = virtioPciCapabilities;
    this.#model = new PciModel(
      {
        deviceId: deviceIds[known.device],
        offered: known.offer.device,
        queues: known.queues,
        vectors: pci.vectors(),
        structures: {
          common: placeOf(types.VIRTIO_PCI_CAP_COMMON_CFG),
          isr: placeOf(types.VIRTIO_PCI_CAP_ISR_CFG),
          device: placeOf(types.VIRTIO_PCI_CAP_DEVICE_CFG),
        },
        regionSize: (index) => {
          const told = vfio.regionInfo(index);
          return typeof told === 'number' ? 0 : Number(told.size);
        },
        used: () => this.#used(),
        judgesChoices: target.judgesChoices === true,
      },
      (finding) => this.#findings.push(finding),
    );
  }

  refusedOpen(): void {}

  lose(): void {
    this.#model?.lose();
  }

  behindCall(call: Call, outcome: OutcomeClass): ModelFinding[] {
    const { log } = this.#run.port;
    if (this.#writesOver(call)) this.#isWrittenOver = true;
    const model = this.#model;
    const session = this.#session;
    if (outcome === 'died' || outcome === 'silent') model?.lose();
    const seen = model === undefined || model.isLost ? [] : log.callsFrom(this.#end);
    this.#end = log.next;
    if (seen === undefined) model?.lose();
    if (model === undefined || session?.isOpen !== true) return this.#findings.splice(0);
    model.mappingBegins();
    this.#used();
    const status = (): number => Math.max(session.pci.read('deviceStatus'), 0);
    for (const each of seen ?? []) {
      if (each.session !== session.id) continue;
      if (each.kind === 'ioctl') model.call(each);
      else model.access(each, status);
    }
    if (this.#isWrittenOver) model.loseUsed();
    model.judgeUsed();
    if (model.isMsix && !model.isLost && session.takeConfigInterrupts() > 0) model.signalled(status());
    return this.#findings.splice(0);
  }

  /** Whether a call may write where a device says what it used. */
  #writesOver(call: Call): boolean {
    switch (call.kind) {
      case 'memory-write':
      case 'change':
        return true;
      case 'ring-write':
        return call.area === 'device' || this.#run.made.rings.get(call.ring)?.ring.layout === 'packed';
      case 'chain':
        return call.segments.some(({ at }) => at !== undefined) || call.table.length > 0;
    }
    return false;
  }

  /** Of all rings that the session ever had: what a ring showed last, before another life of it began. */
  #used(): number {
    for (const [id, { session, queue, made }] of this.#run.made.queues) {
      if (session !== this.#session || made.queue !== queue) continue;
      const used = queue.usedCount();
      // A ring that was laid out once more, for a queue that there is not, lies behind what was taken of it.
      if (used <= made.ring.size) this.#usedOf.set(id, used);
    }
    return [...this.#usedOf.values()].reduce((sum, used) => sum + used, 0);
  }
}
