import { spawn } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isListening } from '../../drivers/iut-process/listening-sockets.ts';
import { referenceServer } from './bundled-programs.ts';
import { emptyDirectory, eventsOf, until } from './command-line.ts';
import { isNightly } from './nightly.ts';
import { sharedRun } from './shared-run.ts';

interface Result {
  readonly key: string;
  readonly verdict: string;
  readonly outcomes: readonly { readonly why?: string }[];
  readonly findings: readonly { readonly how: string; readonly stderr?: string }[];
}

/** What a run of these cases on a target says. */
async function judged(t: Test, words: readonly string[], cases: readonly string[]): Promise<Result[]> {
  const cwd = emptyDirectory(t);
  const globs = cases.flatMap((glob) => ['--case', glob]);
  const { stderr } = await sharedRun(['run', ...words, ...globs, '--out', 'out', '--reporter', 'json'], { cwd });
  const results = eventsOf(join(cwd, 'out')).filter(({ event }) => event === 'case') as unknown as Result[];
  t.not(results.length, 0, stderr);
  return results;
}

const verdicts = (results: readonly Result[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { verdict } of results) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
};

// A process of node is started for each session.
t.setTimeout(180_000);

const short = ['vhost-user/features/get-features-is-repeatable', 'vhost-user/ring-state/stopped-ring-is-not-processed'];
const layouts = ['--layout', 'split', '--negotiation', 'minimal'];

t.test('a process for each connection passes what the reference passes', async (t) => {
  const results = await judged(t, ['reference-one-connection', ...layouts], short);
  t.same(Object.keys(verdicts(results)), ['pass']);
});

t.test('so does one that binds its socket anew', async (t) => {
  const results = await judged(
    t,
    ['reference-binds-anew', ...layouts],
    [...short, 'vhost-user/header/other-version-is-refused'],
  );
  t.same(Object.keys(verdicts(results)), ['pass']);
});

t.test(
  'a process that ends at each error: what has no errors passes, and each finding has its own last words',
  async (t) => {
    const cases = [
      'vhost-user/header/other-version*',
      'vhost-user/header/unde*',
      'vhost-user/vring-limits/bad-sizes*',
      ...short,
    ];
    const results = await judged(t, ['reference-exits-at-errors', ...layouts], cases);
    const counts = verdicts(results);
    t.equal(counts['error'], undefined);
    t.equal(counts['not-run'], undefined, 'starting it afresh is cheap');
    const crashes = results.flatMap(({ findings }) => findings.filter(({ how }) => how === 'crash'));
    t.ok(crashes.length > 1);
    t.same(new Set(crashes.map(({ stderr }) => stderr)), new Set(['a request was refused\n']));
    const sound = results.filter(({ key }) => short.some((id) => key.startsWith(id)));
    t.same(Object.keys(verdicts(sound)), ['pass']);
  },
);

/** Of the rules of split rings and of network devices; nightly all of them. */
const splitRing = isNightly
  ? ['virtio/split-ring']
  : ['any-framing*', 'broken-ring*', 'buffers-lie-*', 'each-chain-used-once', 'nothing-written-*'].map(
      (name) => `virtio/split-ring/${name}`,
    );
const net = isNightly ? ['virtio/net'] : ['received-*', 'transmit-*', 'mtu-*'].map((name) => `virtio/net/${name}`);

t.test(
  'a network device of which nothing comes back is judged by what it transmits, one with a station by all',
  async (t) => {
    const silent = await judged(t, ['reference-net-silent', ...layouts], [...splitRing, ...net]);
    t.same(Object.keys(verdicts(silent)).sort(), ['not-applicable', 'pass']);
    const reasons = new Set(silent.flatMap(({ outcomes }) => outcomes.flatMap(({ why }) => why ?? [])));
    t.ok(reasons.has('missing: frames that come back to the port'));

    const station = await judged(t, ['reference-net-station', ...layouts], splitRing);
    t.same(Object.keys(verdicts(station)).sort(), ['not-applicable', 'pass']);
    const ofRings = silent.filter(({ key }) => key.startsWith('virtio/split-ring/'));
    t.equal(ofRings.length, station.length);
    t.ok((verdicts(station)['pass'] ?? 0) > (verdicts(ofRings)['pass'] ?? 0), 'data that goes out and comes in');
  },
);

t.test('a served target that ends is said to have crashed, and what is left is not run', async (t) => {
  const cwd = emptyDirectory(t);
  const socket = join(cwd, 's.sock');
  const backEnd = spawn(
    process.execPath,
    [referenceServer, '--socket', socket, '--device', 'block', '--exit-at-errors'],
    {
      stdio: 'ignore',
    },
  );
  t.teardown(() => backEnd.kill());
  await until(() => isListening(socket), 'the back-end listens');
  const results = await judged(
    t,
    [`vhost-user:${socket}`, ...layouts],
    ['vhost-user/header', 'vhost-user/vring-limits'],
  );
  const counts = verdicts(results);
  t.equal(counts['fail'], 1, 'the one that ended it');
  t.same(
    results.flatMap(({ findings }) => findings.map(({ how }) => how)),
    ['crash'],
  );
  t.ok((counts['not-run'] ?? 0) > 0);
  t.match(results.at(-1)?.outcomes[0]?.why, /no longer answers/);
});
