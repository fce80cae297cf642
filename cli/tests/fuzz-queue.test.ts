import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import t, { type Test } from 'tap';
import { type Slice, sliceResult } from '../../fuzz/campaign/slice.ts';
import { suiteIdentity } from '../fuzz/suite-identity.ts';
import { emptyDirectory, livingProcesses, type Started, start, until } from './command-line.ts';
import { noRedis, OwnRedis } from './own-redis.ts';
import { refuses } from './refusal.ts';

const sliceRuns = 12;
/** More are run where it is told, and a worker and Redis killed for each four of them. */
const slices = Number(process.env['VHOST_CONFORMANCE_SLICES'] ?? 3);
const mostMs = 120_000 + slices * 10_000;

/** Seconds behind which a slice is lost: for workers that are killed, and for others. */
const hurried = 4;
const unhurried = 60;

/** A device in the host process: the same programs do the same, whoever runs them. */
const faulty = {
  like: 'reference-vdpa-blk',
  reach: { via: 'in-process', vdpa: 'eventfd', faults: ['used-id-is-last-descriptor'] },
};

interface Arena {
  readonly cwd: string;
  readonly redis: OwnRedis;
}

async function arena(t: Test): Promise<Arena> {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'faulty.json'), JSON.stringify(faulty));
  return { cwd, redis: await OwnRedis.start(t, join(cwd, 'redis')) };
}

/** A worker of a test, and what it has said so far. */
class WorkerOfTest {
  readonly started: Started;
  said = '';

  /** @param lostAfter seconds: a machine that is busy for longer runs slices twice. */
  constructor(t: Test, { cwd, redis }: Arena, lostAfter: number) {
    const words = ['fuzz-worker', '--target-file', 'faulty.json', '--queue', redis.url];
    this.started = start([...words, '--lost-after', String(lostAfter)], { cwd });
    const { child } = this.started;
    child.stdout?.on('data', (text: string) => {
      this.said += text;
    });
    child.stderr?.on('data', (text: string) => {
      this.said += text;
    });
    t.teardown(() => child.kill('SIGKILL'));
  }

  /** Numbers of the slices that it began. */
  get began(): number[] {
    return [...this.said.matchAll(/slice (\d+) of campaign \w+: begins/g)].map(([, number]) => Number(number));
  }

  get ended(): number {
    return [...this.said.matchAll(/slice \d+ of campaign \w+: \d+ programs? in/g)].length;
  }

  /** The slice that it runs now. */
  get current(): number | undefined {
    return this.began.length > this.ended ? this.began.at(-1) : undefined;
  }

  signal(signal: NodeJS.Signals): void {
    this.started.child.kill(signal);
  }
}

function campaign(t: Test, { cwd, redis }: Arena, out: string): Started {
  const started = start(
    [
      ...['fuzz', '--target-file', 'faulty.json', '--queue', redis.url, '--no-seeds', '--seed', '3', '--out', out],
      ...['--slice-runs', String(sliceRuns), '--runs', String(sliceRuns * slices)],
    ],
    { cwd },
  );
  t.teardown(() => started.child.kill('SIGKILL'));
  return started;
}

/** All that a campaign found, without times. */
function foundIn(root: string): object {
  const {
    elapsedMs: _,
    history: __,
    ...counts
  } = JSON.parse(readFileSync(join(root, 'instances', 'queue', 'campaign.json'), 'utf8'));
  const buckets = readdirSync(join(root, 'buckets')).sort();
  return {
    buckets: buckets.map((name) => [name, readFileSync(join(root, 'buckets', name, 'program.txt'), 'utf8')]),
    corpus: readdirSync(join(root, 'corpus')).sort(),
    counts,
    slices: readdirSync(join(root, 'queue')).sort(),
  };
}

t.test('three workers find what one finds, whatever is killed or comes twice', { skip: noRedis }, async (t) => {
  const place = await arena(t);
  const alone = new WorkerOfTest(t, place, unhurried);
  const one = await campaign(t, place, 'one').ended;
  // An id that is not that of its chain may be one that was used already.
  const bucket = /^bucket (invariant|model)-split-(used-id-is-chain-head|chain-used-once): /m;
  t.match(one, { code: 1, stdout: bucket }, one.stderr);
  alone.signal('SIGTERM');
  t.match(await alone.started.ended, { code: 143, signal: null }, 'a worker ends by a signal');
  t.strictSame(new Set(alone.began), new Set(Array(slices).keys()), 'it ran each slice');

  const three = campaign(t, place, 'three');
  let workers = [new WorkerOfTest(t, place, hurried)];
  for (let killed = 0; killed < Math.max(1, Math.floor(slices / 4)); killed++) {
    const { lost, left } = await killedInSlice(workers);
    workers = [...left, ...Array.from({ length: 3 - left.length }, () => new WorkerOfTest(t, place, hurried))];
    const isTaken = (): boolean => workers.some(({ began }) => began.includes(lost));
    await until(isTaken, 'another worker has its slice', mostMs);
    await place.redis.kill();
    await place.redis.serve();
  }
  await three.ended.then((ended) => t.equal(ended.code, 1, ended.stderr));
  t.strictSame(
    foundIn(join(place.cwd, 'three')),
    foundIn(join(place.cwd, 'one')),
    'nothing is lost, nothing is doubled',
  );
  for (const worker of workers) worker.signal('SIGTERM');
  for (const worker of workers) t.match(await worker.started.ended, { code: 143, signal: null });
  t.strictSame(livingProcesses(place.cwd).length, 1, 'Redis alone is left');
});

/** Kills a worker while it runs a slice: what it says comes before its slice is done. */
async function killedInSlice(
  workers: readonly WorkerOfTest[],
): Promise<{ readonly lost: number; readonly left: WorkerOfTest[] }> {
  for (;;) {
    await until(() => workers.some(({ current }) => current !== undefined), 'a worker has a slice', mostMs);
    const worker = workers.find(({ current }) => current !== undefined);
    worker?.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const lost = worker?.current;
    worker?.signal(lost === undefined ? 'SIGCONT' : 'SIGKILL');
    if (lost !== undefined) return { lost, left: workers.filter((other) => other !== worker) };
  }
}

const campaignName = '0123456789abcdef0123456789abcdef';

const sliceOfTest = (more: object = {}): object => ({
  ...{
    schema: 1,
    campaign: campaignName,
    number: 7,
    suite: suiteIdentity(),
    target: 'faulty',
    seed: 5,
    runs: sliceRuns,
  },
  ...{ seeds: [], corpus: [], buckets: [] },
  ...more,
});

/** Jobs of a stranger, and what the worker says of each. */
const strange: readonly (readonly [string, unknown, RegExp])[] = [
  ['slice', 'touch stranger', /it is text, not an object/],
  [
    'slice',
    sliceOfTest({ start: { command: 'touch', arguments: ['stranger'] } }),
    /it has a field that nobody knows: "start"/,
  ],
  ['slice', sliceOfTest({ target: 'reference' }), /it is of the target reference, and this worker has faulty/],
  ['slice', sliceOfTest({ suite: '0.0.1' }), /it was made by suite 0\.0\.1/],
  ['slice', sliceOfTest({ runs: 1e9 }), /runs: /],
  ['slice', sliceOfTest({ corpus: ['../../../etc/passwd'] }), /corpus\.0: /],
  ['slice', sliceOfTest({ corpus: [Buffer.from('\x08\x63stranger').toString('base64')] }), /corpus\.0: no program: /],
  [
    'slice',
    sliceOfTest({ buckets: [{ name: '../../stranger', program: '', isFinished: true }] }),
    /buckets\.0\.name: /,
  ],
  ['touch', sliceOfTest(), /a job called touch/],
];

t.test(
  'a slice does the same each time, and what strangers put into a queue is refused',
  { skip: noRedis },
  async (t) => {
    const place = await arena(t);
    const redis = place.redis.client();
    t.teardown(() => redis.disconnect());
    const queue = new Queue('slices-faulty', { connection: redis, prefix: 'vhost-conformance' });
    for (const [at, [name, data]] of strange.entries()) await queue.add(name, data, { jobId: `strange-${at}` });
    for (const jobId of ['first', 'second']) await queue.add('slice', sliceOfTest() as Slice, { jobId });
    const worker = new WorkerOfTest(t, place, unhurried);
    for (const id of ['first', 'second']) await ended(queue, id);
    for (const at of strange.keys()) await ended(queue, `strange-${at}`);
    for (const [at, [name, , why]] of strange.entries()) {
      t.match((await queue.getJob(`strange-${at}`))?.failedReason, why, `${name} ${at}`);
    }
    const results = await Promise.all(['first', 'second'].map(async (id) => resultOf(await queue.getJob(id))));
    t.strictSame(results[0], results[1]);
    t.ok((results[0]?.buckets.length ?? 0) > 0, 'it found something');
    t.strictSame(readdirSync(place.cwd).sort(), ['faulty.json', 'redis'], 'no file is written');
    worker.signal('SIGTERM');
    await worker.started.ended;
  },
);

async function ended(queue: Queue, id: string): Promise<void> {
  const until = performance.now() + mostMs;
  while (!['completed', 'failed'].includes(await queue.getJobState(id))) {
    if (performance.now() > until) throw new Error(`in vain: job ${id} ends`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The result of a job without times. */
function resultOf(job: { readonly returnvalue: unknown } | undefined) {
  const { state, buckets, ...rest } = sliceResult.parse(job?.returnvalue);
  return {
    ...rest,
    state: { ...state, elapsedMs: 0 },
    buckets: buckets.map((bucket) => ({ ...bucket, told: { ...bucket.told, afterMs: 0 } })),
  };
}

t.test('a queue that is none is refused before anything is made', async (t) => {
  const cwd = emptyDirectory(t);
  const fuzz = (queue: string, ...more: string[]): string[] => ['fuzz', 'reference', '--queue', queue, ...more];
  await refuses(t, fuzz('unix:nowhere.sock'), /no Redis is to be had there \(.*ENOENT.*redis-server/, cwd);
  await refuses(t, ['fuzz-worker', 'reference', '--queue', 'unix:nowhere.sock'], /no Redis is to be had there/, cwd);
  await refuses(t, fuzz('redis://192.0.2.1:6379'), /is another machine.*--allow-remote-queue/, cwd);
  await refuses(t, fuzz('http://localhost'), /say redis:\/\/HOST:PORT/, cwd);
  await refuses(t, fuzz('redis://:secret%zz@localhost'), /hexadecimal digits/, cwd);
  await refuses(t, fuzz('redis://localhost/name'), /number of a database/, cwd);
  await refuses(t, fuzz('unix:nowhere.sock', '--jobs', '2'), /leave --smoke, --corpus, --jobs/, cwd);
  await refuses(t, ['fuzz-worker', 'reference'], /--queue/, cwd);
});
