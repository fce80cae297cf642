import { Corpus } from '../../fuzz/campaign/corpus.ts';
import { distilled } from '../../fuzz/campaign/distill.ts';
import type { ServedTarget } from '../host-cases.ts';
import { HostOrders } from '../host-orders.ts';
import type { DistillWork, HostJob, HostMessage } from '../host-protocol.ts';
import { examinerOf } from './host-replay.ts';

/** Writes the entries of a corpus that are enough to another directory, and tells how many these are. */
export function distillWork(
  job: HostJob,
  work: DistillWork,
  tell: (message: HostMessage) => void,
): (target: ServedTarget) => void {
  return (target) => distillOn(job, work, target, tell);
}

function distillOn(
  job: HostJob,
  { corpus, into }: DistillWork,
  target: ServedTarget,
  tell: (message: HostMessage) => void,
): void {
  if (new HostOrders().next() === undefined) return;
  const programs = new Corpus(corpus).load();
  const { kept, signals, buckets, isLost } = distilled(examinerOf(job, target), programs, () => tell({ kind: 'step' }));
  if (isLost) {
    tell({ kind: 'not-served', why: `it does not serve again behind ${buckets.at(-1)}` });
    return;
  }
  const smaller = new Corpus(into);
  for (const program of kept) smaller.add(program);
  tell({ kind: 'distilled', of: programs.length, kept: kept.length, signals, buckets: [...buckets] });
  tell({ kind: 'completed' });
}
