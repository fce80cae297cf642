import type { InflightModel, RingAtRest } from '../../reference-impl/oracle/model/inflight-model.ts';
import { mostRegionBytes } from '../../reference-impl/oracle/model/inflight-model.ts';
import type { Model } from '../../reference-impl/oracle/model/model.ts';
import type { CallOf } from '../program/program.ts';
import type { JudgedRun } from './judged-run.ts';

/** Feeds the model of requests in flight with the buffers that sessions were told. */
export class InflightJudge {
  readonly #run: JudgedRun;
  readonly #model: InflightModel;
  /** By session: the file of its buffer. */
  readonly #files = new Map<number, number>();

  constructor(run: JudgedRun, model: Model) {
    this.#run = run;
    this.#model = model.inflight();
  }

  /** SET_INFLIGHT_FD was taken: rings that start from now on are recorded there. */
  told({ id, session }: CallOf<'message'>): void {
    const [file] = this.#run.made.files.get(id) ?? [];
    if (file !== undefined && file >= 0) this.#files.set(session, file);
  }

  /** The buffer of a ring that is about to start. The first ring's region alone begins where every text has it. */
  fileOf(session: number, index: number): number | undefined {
    return index === 0 ? this.#files.get(session) : undefined;
  }

  forget(session: number): void {
    this.#files.delete(session);
  }

  /** False where the record is not as it may be. */
  check(file: number, ring: RingAtRest): boolean {
    return this.#model.check(this.#run.port.descriptors.load(file, 0, mostRegionBytes(ring.size)), ring);
  }
}
