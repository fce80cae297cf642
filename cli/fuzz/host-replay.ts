import { Examiner } from '../../fuzz/executor/examiner.ts';
import { knownTarget } from '../../fuzz/judging/known-target.ts';
import type { Program } from '../../fuzz/program/program.ts';
import { decodeProgram } from '../../fuzz/program/program-encoding.ts';
import { resolved } from '../../fuzz/program/references.ts';
import { replay } from '../../fuzz/replay/replay.ts';
import type { ServedTarget } from '../host-cases.ts';
import { HostOrders } from '../host-orders.ts';
import type { HostJob, HostMessage, ReplayWork } from '../host-protocol.ts';
import { referenceMeetsDeadline } from '../reference-deadline.ts';
import { shownInC } from './shown-in-c.ts';

/** One program has time: what it waits for may come late on a busy machine. */
const patience = 20;

/** Runs the program of a job on a target, and tells what came of it. */
export function replayWork(
  job: HostJob,
  work: ReplayWork,
  tell: (message: HostMessage) => void,
): (target: ServedTarget) => void {
  return (target) => replayOn(job, work, target, tell);
}

function replayOn(
  job: HostJob,
  { program, before, repeat, inC }: ReplayWork,
  target: ServedTarget,
  tell: (message: HostMessage) => void,
): void {
  if (new HostOrders().next() === undefined) return;
  const examiner = examinerOf(job, target, patience);
  const { port } = target;
  const read = (bytes: string): Program => resolved(decodeProgram(Buffer.from(bytes, 'base64')));
  const replayed = replay(examiner, read(program), {
    repeat,
    before: before.map(read),
    say: (line) => tell({ kind: 'said', line }),
    step: () => tell({ kind: 'step' }),
  });
  const { runs, buckets, last } = replayed;
  const text =
    inC && !replayed.isLost && examiner.restart()
      ? shownInC(job, port, {
          name: [...buckets.keys()].join(' ') || 'nothing was found',
          ...(last === undefined ? {} : { finding: last }),
          before: before.map(read),
          program: read(program),
        })
      : undefined;
  tell({
    kind: 'replayed',
    runs,
    buckets: Object.fromEntries(buckets),
    ...(text === undefined ? {} : { inC: text }),
  });
  tell(
    replayed.isLost ? { kind: 'not-served', why: 'it does not serve again behind the program' } : { kind: 'completed' },
  );
}

export function examinerOf(job: HostJob, { port, offer }: ServedTarget, patience = 1): Examiner {
  return new Examiner(port, {
    target: knownTarget(port, offer),
    patience,
    referenceMeetsDeadline: () => referenceMeetsDeadline(port.deadlineMs, job.scratch),
  });
}
