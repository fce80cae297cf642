import { Triage } from '../../fuzz/campaign/triage.ts';
import { findingText } from '../../fuzz/executor/finding.ts';
import { decodeProgram, encodeProgram } from '../../fuzz/program/program-encoding.ts';
import type { ServedTarget } from '../host-cases.ts';
import { HostOrders } from '../host-orders.ts';
import type { HostJob, HostMessage, MinimizeWork } from '../host-protocol.ts';
import { examinerOf } from './host-replay.ts';

/** Time decides before this does. */
const mostTries = 100_000;

/** Makes the program of a job as small as it can be on a target, and tells what is left. */
export function minimizeWork(
  job: HostJob,
  work: MinimizeWork,
  tell: (message: HostMessage) => void,
): (target: ServedTarget) => void {
  return (target) => minimizeOn(job, work, target, tell);
}

function minimizeOn(
  job: HostJob,
  { program, timeMs }: MinimizeWork,
  target: ServedTarget,
  tell: (message: HostMessage) => void,
): void {
  if (new HostOrders().next() === undefined) return;
  const { port } = target;
  const whole = decodeProgram(Buffer.from(program, 'base64'));
  const triage = new Triage(examinerOf(job, target), {
    before: [],
    afterRuns: 0,
    mostTries,
    untilMs: port.nowMs() + timeMs,
    nowMs: () => port.nowMs(),
    step: () => tell({ kind: 'step' }),
  });
  const bucket = triage.bucketOf(whole, false) ?? triage.bucketOf(whole, true);
  if (bucket !== undefined) {
    const { name, finding, shown, runs, isMinimal } = bucket;
    const bytes = Buffer.from(encodeProgram(bucket.program)).toString('base64');
    tell({ kind: 'minimized', program: bytes, bucket: name, what: findingText(finding), shown, runs, isMinimal });
  }
  tell({ kind: 'completed' });
}
