import { type OpenTarget, openerOf } from '../drivers/open-target.ts';
import type { DriverPort } from '../drivers/port/port.ts';
import { deadlineFor } from '../judging/deadline.ts';
import { firstContacts } from '../judging/first-contact.ts';
import type { FeatureSet } from '../reference-impl/catalogue/catalogue.ts';
import { VhostConformanceError } from '../reference-impl/errors.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { RecordWriter } from '../reports/record/record-writer.ts';
import { runDirectory } from '../reports/record/run-directory.ts';
import { TraceError } from '../reports/trace/trace-error.ts';
import { TraceWriter } from '../reports/trace/trace-file.ts';
import { casesOfFiles } from '../suites/load-cases.ts';
import { type PlannedCase, selectCases } from '../suites/runner/plan.ts';
import { runSlice } from '../suites/runner/run-slice.ts';
import type { PartSource, SecondIutSource, SliceDeath } from '../suites/runner/slice.ts';
import { requirementFacts } from './catalogue-facts.ts';
import { HostOrders } from './host-orders.ts';
import type { CasesWork, HostDeath, HostJob, HostMessage, HostOrder } from './host-protocol.ts';
import { instanceOf } from './instances.ts';
import { referenceMeetsDeadline } from './reference-deadline.ts';
import { rerunLine } from './rerun-line.ts';

/** What misses every deadline or dies in every case would take hours; what does so now and then stays far below. */
const patience = { silences: 12, deaths: 12 };
/** A target that starts within this time is started afresh as often as it takes. */
const cheapStartMs = 1500;

/** A target that serves, and what it offers. */
export interface ServedTarget {
  readonly port: DriverPort;
  readonly offer: FeatureSet;
  /** Milliseconds from its start to its first answers. */
  readonly startMs: number;
}

/** Loads the cases of a job. What is returned judges them on a target. */
export async function loadCasesWork(
  job: HostJob,
  work: CasesWork,
  tell: (message: HostMessage) => void,
): Promise<(target: ServedTarget) => void> {
  const filed = await casesOfFiles(work.files);
  const cases = filed.map(({ definition }) => definition);
  const planned = selectCases(cases, { cases: [], features: [], level: 'all' }, requirementFacts);
  const openPair = work.pair === undefined ? undefined : await openerOf(work.pair);
  return (target) => judgeCases(job, work, planned, openPair, target, new HostOrders(), tell);
}

/** Judges cases on a target, and its pair where a case needs two; tells how that ended. */
function judgeCases(
  job: HostJob,
  work: CasesWork,
  planned: readonly PlannedCase[],
  openPair: OpenTarget | undefined,
  target: ServedTarget,
  orders: HostOrders,
  tell: (message: HostMessage) => void,
): void {
  const first = orders.next();
  // The run's directory is there with the first order.
  if (first === undefined) return;
  const second = openPair === undefined ? undefined : new StartedPair(openPair, job.scratch, target.port);
  const { port, offer, startMs } = target;
  const records = new RecordWriter(runDirectory(job.root).results);
  const traces = new TraceWriter(job.root);
  try {
    const end = runSlice(
      port,
      partsOf(work, planned, orders, first, tell),
      {
        append(record) {
          records.append({ ...record, ...instanceOf(job) });
          if (record.event === 'begin') tell({ kind: 'begin', key: record.key, repetition: record.repetition });
          if (record.event === 'case') {
            tell({ kind: 'case', key: record.key, repetition: record.repetition, verdict: record.verdict });
          }
        },
        steps: () => tell({ kind: 'step' }),
        died: (death) => tell({ kind: 'death', death }),
        writeTrace: (trace, findings) => traces.write(trace, findings),
      },
      {
        seed: work.seed,
        ...(work.point === undefined ? {} : { point: work.point }),
        offer,
        ...(second === undefined ? {} : { second }),
        rules: work.rules,
        keepsAllTraces: work.keepsAllTraces,
        patience: { ...patience, deaths: startMs < cheapStartMs ? undefined : patience.deaths },
        requirementFacts,
        rerunCommand: (planned, point) => rerunLine(work.rerun, planned, work.seed, point),
        referenceMeetsDeadline: () => referenceMeetsDeadline(port.deadlineMs, job.scratch),
      },
    );
    tell(end);
  } catch (error) {
    if (!(error instanceof RecordError) && !(error instanceof TraceError)) throw error;
    tell({ kind: 'unwritable', why: error.message });
  } finally {
    records.close();
    second?.close();
  }
}

/** The parts that the parent orders, the first of which has come. */
function partsOf(
  work: CasesWork,
  planned: readonly PlannedCase[],
  orders: HostOrders,
  first: HostOrder,
  tell: (message: HostMessage) => void,
): PartSource {
  const byKey = new Map(planned.map((one) => [one.key, one]));
  let order: HostOrder | undefined = first;
  return {
    next(gaveUp) {
      if (order === undefined) {
        tell({ kind: 'more', gaveUp });
        order = orders.next();
      }
      const present = order;
      order = undefined;
      if (present === undefined || present.kind === 'end') return undefined;
      const results = present.results.flatMap((place) => {
        const result = work.results[place];
        const one = byKey.get(result?.key ?? '');
        return result === undefined || one === undefined ? [] : [{ planned: one, result }];
      });
      return { results, deathsElsewhere: present.deathsElsewhere.map(deathOf) };
    },
  };
}

function deathOf({ key, caseId, exit: { signal, code } }: HostDeath): SliceDeath {
  const exit = { ...(signal === undefined ? {} : { signal }), ...(code === undefined ? {} : { code }) };
  return { key, caseId, exit };
}

/** A pair that is started while cases need it. It writes to the log of the first: what both saw has one order. */
class StartedPair implements SecondIutSource {
  readonly #openTarget: OpenTarget;
  readonly #runDirectory: string;
  readonly #first: DriverPort;
  #port: DriverPort | undefined;

  constructor(openTarget: OpenTarget, runDirectory: string, first: DriverPort) {
    this.#openTarget = openTarget;
    this.#runDirectory = runDirectory;
    this.#first = first;
  }

  open(): ReturnType<SecondIutSource['open']> {
    try {
      const port = this.#openTarget({ runDirectory: this.#runDirectory, log: this.#first.log });
      this.#port = port;
      const contact = firstContacts(port);
      if (contact.kind === 'not-served') return { why: contact.why };
      port.setDeadline(Math.max(this.#first.deadlineMs, deadlineFor(contact.latencyUs, port.facts.deadlineScale)));
      return { port, offer: contact.offer };
    } catch (error) {
      if (!(error instanceof VhostConformanceError)) throw error;
      return { why: error.message };
    }
  }

  close(): void {
    this.#port?.close();
    this.#port = undefined;
  }
}
