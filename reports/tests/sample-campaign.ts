import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const states = ['not negotiated, untainted', 'not negotiated, tainted', 'negotiated, untainted', 'negotiated, tainted'];

export interface SampleBucket {
  readonly name: string;
  readonly what: string;
  readonly log?: string;
}

/** Writes the directory of a campaign of two instances, as `fuzz` leaves it. */
export function writeSampleCampaign(root: string, buckets: readonly SampleBucket[]): void {
  const json = (path: string, value: unknown): void => writeFileSync(join(root, path), JSON.stringify(value));
  mkdirSync(join(root, 'corpus'), { recursive: true });
  for (const entry of ['a', 'b', 'c']) writeFileSync(join(root, 'corpus', `${entry}.pb`), '');
  json('target.json', {
    schema: 1,
    target: 'my-back-end',
    identity: 'a back-end of ours',
    device: 'block',
    transport: 'vhost-user',
    calls: ['VHOST_USER_SET_OWNER', null, 'kick', 'stop'],
    states,
  });
  for (const [number, instance] of ['here-0', 'here-1'].entries()) {
    mkdirSync(join(root, 'instances', instance, 'untriaged'), { recursive: true });
    json(join('instances', instance, 'campaign.json'), {
      schema: 2,
      starts: 1,
      runs: 1000,
      elapsedMs: 60_000,
      calls: 100,
      judgedCalls: 60,
      repeated: 3,
      unconfirmed: number,
      restarts: 4,
      signals: 90 + number,
      seen: { [buckets[0]?.name ?? '']: 2 + number },
      reached: [0, 8 + number],
      history: [0, 20_000, 60_000].map((elapsedMs) => ({ elapsedMs, runs: elapsedMs / 50, signals: 90, corpus: 3 })),
    });
  }
  writeFileSync(join(root, 'instances', 'here-1', 'untriaged', 'hang-wait.pb'), '');
  for (const [number, { name, what, log }] of buckets.entries()) {
    const place = join('buckets', name);
    mkdirSync(join(root, place), { recursive: true });
    json(join(place, 'finding.json'), {
      bucket: name,
      kind: 'crash',
      what,
      exit: { signal: 'SIGSEGV', ...(log === undefined ? {} : { stderr: log, report: { text: 'a stack' } }) },
      shown: 3 + number * 4,
      runs: number === 0 ? 3 : 20,
      isMinimal: number === 0,
      afterRuns: 40,
      afterMs: 50_000 - number * 20_000,
      replay: `npx vhost-conformance replay ${name}/program.pb my-back-end`,
    });
    writeFileSync(join(root, place, 'program.pb'), '');
    writeFileSync(join(root, place, 'program.txt'), 'r1 = kick\n');
    writeFileSync(join(root, place, 'program.c'), 'int main(void) { return "<b>" == 0; }\n');
  }
}
