import { Campaign } from '../../fuzz/campaign/campaign.ts';
import { findingText } from '../../fuzz/executor/finding.ts';
import { parseProgram } from '../../fuzz/program/parse-program.ts';
import type { ServedTarget } from '../host-cases.ts';
import { HostOrders } from '../host-orders.ts';
import type { CampaignWork, HostJob, HostMessage } from '../host-protocol.ts';
import { examinerOf } from './host-replay.ts';
import { replayLineOn } from './replay-line.ts';
import { shownInC } from './shown-in-c.ts';

/** Runs a campaign on a target, and tells how it goes. */
export function campaignWork(
  job: HostJob,
  work: CampaignWork,
  tell: (message: HostMessage) => void,
): (target: ServedTarget) => void {
  return (target) => runCampaign(job, work, target, tell);
}

function runCampaign(
  job: HostJob,
  work: CampaignWork,
  target: ServedTarget,
  tell: (message: HostMessage) => void,
): void {
  if (new HostOrders().next() === undefined) return;
  const { port } = target;
  const { directory, instance, corpus, seeds, seed, timeMs, runs, endsAt, targetWords } = work;
  const campaign = new Campaign(
    examinerOf(job, target),
    {
      directory,
      instance,
      ...(corpus === undefined ? {} : { corpus }),
      seeds: seeds.map(parseProgram),
      seed,
      ...(timeMs === undefined ? {} : { timeMs }),
      ...(runs === undefined ? {} : { runs }),
      ...(endsAt === undefined ? {} : { untilMs: port.nowMs() + endsAt - Date.now() }),
      replayWords: replayLineOn(targetWords),
      ...(work.isWithoutC ? {} : { inC: (bucket) => shownInC(job, port, bucket) }),
      nowMs: () => port.nowMs(),
    },
    {
      progress: (progress) => tell({ kind: 'fuzzing', progress }),
      found: ({ name, finding, shown, runs }) =>
        tell({ kind: 'bucket', name, what: findingText(finding), shown, runs }),
      note: (line) => tell({ kind: 'said', line }),
      step: () => tell({ kind: 'step' }),
    },
  );
  const ended = campaign.run();
  tell(ended === undefined ? { kind: 'completed' } : { kind: 'not-served', why: ended });
}
