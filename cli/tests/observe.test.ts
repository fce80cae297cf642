import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CaseRecord } from '../../reports/record/record.ts';
import { readRecords } from '../../reports/record/record-reader.ts';
import { runDirectory } from '../../reports/record/run-directory.ts';
import { type Ended, emptyDirectory, type Started, start as startProgram, until } from './command-line.ts';

const scratch = emptyDirectory(t);

const start = (words: readonly string[]): Started => startProgram(words, { cwd: scratch });

/** Observes our own front-end while it runs these cases, and ends with Ctrl-C. */
async function observed(name: string, cases: readonly string[], more: readonly string[] = []): Promise<Ended> {
  const socket = join(scratch, `${name}.sock`);
  const out = join(scratch, name);
  const words = ['observe', '--listen', `suite=${socket}`, '--sectors', '2048', '--connections', '100000'];
  const observer = start([...words, '--out', out, ...more]);
  await until(() => existsSync(socket), 'the socket');
  const selected = cases.flatMap((id) => ['--case', id]);
  const run = await start([
    'run',
    `vhost-user:${socket}`,
    ...selected,
    '--negotiation',
    'minimal',
    '--out',
    `${out}-run`,
  ]).ended;
  t.equal(run.code, 0, 'the cases pass', { said: run.stderr });
  observer.child.kill('SIGINT');
  return await observer.ended;
}

const recordsOf = (name: string): readonly CaseRecord[] => readRecords(runDirectory(join(scratch, name)).results).cases;
const verdictOf = (name: string, requirement: string): string | undefined =>
  recordsOf(name).find(({ key }) => key === `observe/${requirement}`)?.verdict;

t.test('our own front-end and driver keep every rule in lawful cases', async (t) => {
  const lawful = ['flush-succeeds', 'queues-serve-beside-each-other'];
  const { code, stdout } = await observed(
    'lawful',
    lawful.map((id) => `virtio/block/${id}`),
  );
  t.equal(code, 0);
  t.match(stdout, /suite: \d+ requirements: \d+ not seen, \d+ pass, 0 fail/);
  t.equal(verdictOf('lawful', 'split/avail-idx-never-decreases'), 'pass');
  t.equal(verdictOf('lawful', 'packed/readable-before-writable'), 'pass');
  t.equal(verdictOf('lawful', 'vu-front-end/owner-set-before-set-up'), 'pass');
  t.equal(verdictOf('lawful', 'vu-front-end/iotlb-needs-access-platform'), 'not-applicable');
  t.equal(verdictOf('lawful', 'reference-serves-what-is-lawful'), 'pass');
  const page = readFileSync(join(scratch, 'lawful', 'report.html'), 'utf8');
  t.match(page, 'as front-end and driver');
  t.match(page, 'No findings on 1 target');
});

t.test('a driver that breaks a rule is found, with the trace around it', async (t) => {
  const { code, stdout } = await observed('unlawful', ['virtio/block/access-past-capacity-fails']);
  t.equal(code, 1);
  t.match(stdout, /blk\/driver-stays-within-capacity \(MUST NOT\): IN/);
  const [failed] = recordsOf('unlawful').filter(({ verdict }) => verdict === 'fail');
  t.equal(failed?.caseId, 'observe/blk/driver-stays-within-capacity');
  t.ok(failed?.findings[0]?.traceEvent !== undefined);
  t.ok(existsSync(join(scratch, 'unlawful', failed?.trace ?? 'none')));
  t.match(readFileSync(join(scratch, 'unlawful', 'report.html'), 'utf8'), 'front-end · under test');
});

t.test('what cannot be observed is said in a line, and leaves nothing', async (t) => {
  const alone = await start(['observe', '--listen', 'a.sock', '--time', '1', '--out', 'alone']).ended;
  t.equal(alone.code, 2);
  t.match(alone.stderr, 'no front-end connected');
  t.notOk(existsSync(join(scratch, 'alone')));
  t.notOk(existsSync(join(scratch, 'a.sock')));
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [['--listen', 'x=a.sock', '--listen', 'x=b.sock'], /x is there twice/],
    [['--listen', '.'], /exists already/],
    [['--listen', 'no/such/directory/a.sock'], /--listen: /],
    [['--listen', 'a.sock', '--wire', 'a=b', '--device', 'net'], /names two sockets/],
    [['--listen', 'a.sock', '--wire', 'a=b'], /for network devices/],
    [['--listen', 'a.sock', '--queues', '0'], /Not a number from 1 to 64/],
  ];
  for (const [words, expected] of refusals) {
    const { code, stderr } = await start(['observe', ...words]).ended;
    t.equal(code, 2, words.join(' '));
    t.match(stderr, expected);
  }
});
