import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { DriverPort } from '../drivers/port/port.ts';
import { Campaign } from '../fuzz/campaign/campaign.ts';
import { Examiner } from '../fuzz/executor/examiner.ts';
import { knownTarget } from '../fuzz/judging/known-target.ts';
import { spied } from '../fuzz/recorder/spied.ts';
import { firstContacts } from '../judging/first-contact.ts';

export interface CampaignRate {
  /** Programs that ran, those of triage among them. */
  readonly sessions: number;
  readonly restarts: number;
  /** Of `elapsedMs`. */
  readonly restartMs: number;
  readonly elapsedMs: number;
}

/** A campaign with an empty corpus on a back-end that its programs may end: how many of them run, and what restarts take. */
export function campaignRate(port: DriverPort, directory: string, seconds: number): CampaignRate {
  let [sessions, restarts, restartMs] = [0, 0, 0];
  const ladder = port.ladder.map((rung) => ({
    step: rung.step,
    take: (): void => {
      if (rung.step !== 'restart') {
        rung.take();
        return;
      }
      const began = performance.now();
      try {
        rung.take();
      } finally {
        restarts++;
        restartMs += performance.now() - began;
      }
    },
  }));
  const oracle = spied(port.oracle, {
    begin: (isWatched) => {
      sessions++;
      port.oracle.begin(isWatched);
    },
  });
  const watched = spied(port, { ladder, oracle });
  const contact = firstContacts(watched);
  if (contact.kind !== 'served') throw new Error(contact.why);
  const examiner = new Examiner(watched, {
    target: knownTarget(watched, contact.offer),
    referenceMeetsDeadline: () => true,
  });
  const began = performance.now();
  new Campaign(
    examiner,
    {
      directory: join(directory, 'campaign'),
      seeds: [],
      seed: 1,
      timeMs: seconds * 1000,
      replayWords: (path) => path,
      nowMs: () => performance.now(),
    },
    { progress: () => undefined, found: () => undefined, note: () => undefined, step: () => undefined },
  ).run();
  return { sessions, restarts, restartMs, elapsedMs: performance.now() - began };
}
