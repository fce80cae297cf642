import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { referenceServer } from './bundled-programs.ts';
import { emptyDirectory, eventsOf, run } from './command-line.ts';
import { refuses } from './refusal.ts';
import { sharedRun } from './shared-run.ts';

/** What a directory that comes from a stranger can make us do: nothing outside it. */

const oneCase = ['--case', 'vhost-user/owner/messages-before-set-owner-are-survived', '--reporter', 'json'];

t.test('a recorded command is executed only if it is said again', async (t) => {
  const cwd = emptyDirectory(t);
  const exec = `${process.execPath} ${referenceServer} --socket {socket} --device block`;
  const first = await run(
    ['run', '--exec', exec, '--case', 'vhost-user/owner/*', '--reporter', 'json', '--out', 'out'],
    { cwd },
  );
  t.equal(first.code, 0, first.stderr);
  const path = join(cwd, 'out/results.jsonl');
  // As a run that was killed after its first result, and with another command.
  const lines = readFileSync(path, 'utf8').split('\n');
  const kept = lines.slice(0, lines.findIndex((line) => line.includes('"event":"case"')) + 1).join('\n');
  writeFileSync(path, `${kept.replaceAll(referenceServer, join(cwd, 'stranger.sh'))}\n`);
  writeFileSync(join(cwd, 'stranger.sh'), `require('node:fs').writeFileSync('${join(cwd, 'executed')}', '');`);
  await refuses(t, ['run', '--resume', 'out'], /would execute or reach what its records name .* add: --exec /, cwd);
  t.notOk(existsSync(join(cwd, 'executed')));
  const again = await sharedRun(['run', '--resume', 'out', '--exec', exec], { cwd });
  t.equal(again.code, 0, again.stderr);
  t.notOk(existsSync(join(cwd, 'executed')), 'what was typed takes the place of what was recorded');
});

t.test('a report follows no link, waits for no FIFO, and leaves no half', async (t) => {
  const cwd = emptyDirectory(t);
  const made = await sharedRun(['run', 'reference', ...oneCase, '--out', 'out'], { cwd });
  t.equal(made.code, 0, made.stderr);
  writeFileSync(join(cwd, 'secret'), 'secret');
  const strange = async (name: string, change: (root: string) => void, line: RegExp): Promise<void> => {
    const root = join(cwd, name);
    cpSync(join(cwd, 'out'), root, { recursive: true });
    change(root);
    await refuses(t, ['report', name, '--out', `${name}-report`], line, cwd);
    t.equal(readFileSync(join(cwd, 'secret'), 'utf8'), 'secret');
  };
  const replaced = (file: string, by: (path: string) => void) => (root: string) => {
    execFileSync('rm', ['-rf', join(root, file)]);
    by(join(root, file));
  };
  const link = (path: string): void => symlinkSync(join(cwd, 'secret'), path);
  const fifo = (path: string): void => void execFileSync('mkfifo', [path]);
  await strange('linked-results', replaced('results.jsonl', link), /results\.jsonl: cannot be read \(ELOOP/);
  await strange(
    'fifo-results',
    replaced('results.jsonl', fifo),
    /results\.jsonl: cannot be read \(it is not a regular/,
  );
  await strange('linked-plan', replaced('plan.json', link), /plan\.json: cannot be read as a plan \(ELOOP/);
  await strange('fifo-catalogue', replaced('catalogue.json', fifo), /cannot be read as a catalogue \(it is not a/);
  await strange('linked-traces', replaced('traces', link), /traces: is not a directory/);
});

t.test('what records say reaches the terminal by name', async (t) => {
  const cwd = emptyDirectory(t);
  await sharedRun(['run', 'reference', ...oneCase, '--out', 'out'], { cwd });
  const root = join(cwd, 'out');
  const path = join(root, 'results.jsonl');
  const clear = '\\u001b[2J\\u202e';
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/"planHash":"[0-9a-f]/g, `"planHash":"${clear}`));
  mkdirSync(join(cwd, 'none'));
  const { code, stdout, stderr } = await sharedRun(['report', 'out', 'none', '--out', 'merged'], { cwd });
  t.equal(code, 2);
  for (const text of [stdout, stderr]) t.notMatch(text.replaceAll('\n', ''), /[\p{Cf}\p{Cc}]/u);
});

t.test('what a recorded run reaches is reached only if it is said again', async (t) => {
  const cwd = emptyDirectory(t);
  await sharedRun(['run', 'reference', ...oneCase, '--out', 'out'], { cwd });
  const place = join(cwd, 'victim.sock');
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(place, resolve));
  t.teardown(() => server.close());
  const path = join(cwd, 'out/results.jsonl');
  const recorded = readFileSync(path, 'utf8');
  const strange = (from: string, to: string): void => writeFileSync(path, recorded.replace(from, to));
  const resume = ['run', '--resume', 'out'];
  const reached = (words: string): RegExp =>
    new RegExp(`would execute or reach what its records name .* add: .*${words.replaceAll('?', '\\?')}`);
  strange('"run","reference"', `"run","vhost-user:${place}?sectors=9"`);
  await refuses(t, resume, reached(`vhost-user:${place}?sectors=9`), cwd);
  await refuses(t, [...resume, 'reference'], /reference is none to name/, cwd);
  await refuses(t, [...resume, '/other.sock'], /other.sock is none to name/, cwd);
  strange('"run","reference"', `"run","reference","--pair","reference=vhost-user:${place}"`);
  await refuses(t, resume, reached(`--pair reference=vhost-user:${place}`), cwd);
  strange('"run","reference"', '"run","reference","--expect","/proc/self/environ"');
  await refuses(t, resume, reached('--expect /proc/self/environ'), cwd);
  t.equal(connections, 0);
  strange('"run","reference"', `"run","vhost-user:${place}?sectors=9"`);
  await refuses(t, [...resume, `vhost-user:${place}?sectors=9`], /victim\.sock: .*closed the connection/, cwd);
  t.ok(connections > 0, 'what is said again is reached');
});

t.test('a campaign follows no link of its directory, and waits for no FIFO', async (t) => {
  const cwd = emptyDirectory(t);
  const fuzz = ['fuzz', 'reference', '--runs', '8', '--seed', '1', '--out', 'campaign'];
  const made = await sharedRun(fuzz, { cwd });
  t.equal(made.code, 0, made.stderr);
  writeFileSync(join(cwd, 'secret'), 'secret');
  mkdirSync(join(cwd, 'elsewhere'));
  const [instance = ''] = readdirSync(join(cwd, 'campaign/instances'));
  const [program = ''] = readdirSync(join(cwd, 'campaign/corpus'));
  const link = (path: string): void => symlinkSync(join(cwd, 'secret'), path);
  const linkToDirectory = (path: string): void => symlinkSync(join(cwd, 'elsewhere'), path);
  const fifo = (path: string): void => void execFileSync('mkfifo', [path]);
  const changes: [string, (path: string) => void][] = [
    ['target.json', link],
    ['report.html', link],
    ['buckets', linkToDirectory],
    ['instances', linkToDirectory],
    [`instances/${instance}`, linkToDirectory],
    [`instances/${instance}/current.pb`, link],
    [`instances/${instance}/campaign.json`, fifo],
    [`instances/${instance}/owner`, fifo],
    [`instances/${instance}/untriaged`, linkToDirectory],
    [`corpus/${program}`, link],
    [`corpus/${program}`, fifo],
    ['corpus', linkToDirectory],
  ];
  for (const [at, [entry, replaced]] of changes.entries()) {
    const root = join(cwd, `strange-${at}`);
    cpSync(join(cwd, 'campaign'), root, { recursive: true });
    execFileSync('rm', ['-rf', join(root, entry)]);
    replaced(join(root, entry));
    const line = /is neither a file nor a directory/;
    await refuses(t, [...fuzz.slice(0, -1), `strange-${at}`], line, cwd);
    if (at % 4 === 0) await refuses(t, ['report', `strange-${at}`, '--out', `report-${at}`], line, cwd);
    t.equal(readFileSync(join(cwd, 'secret'), 'utf8'), 'secret', entry);
    t.same(readdirSync(join(cwd, 'elsewhere')), [], entry);
  }
  const corpus = join(cwd, 'strange-9/corpus');
  await refuses(t, [...fuzz, '--corpus', corpus], /is neither a file nor a directory/, cwd);
  await refuses(t, ['fuzz', 'reference', '--corpus', corpus, '--distill', 'less'], /is neither a file nor/, cwd);
});

t.test('two runs that start together both finish', async (t) => {
  const cwd = emptyDirectory(t);
  const words = ['run', 'reference', ...oneCase];
  const apart = await Promise.all([run(words, { cwd }), run(words, { cwd })]);
  for (const { code, stderr } of apart) t.equal(code, 0, stderr);
  const [one, other] = await Promise.all([
    run([...words, '--out', 'o'], { cwd }),
    run([...words, '--out', 'o'], { cwd }),
  ]);
  t.same([one.code, other.code].sort(), [0, 2], 'of two for one directory one is refused');
  t.match(`${one.stderr}${other.stderr}`, /already holds the results of a run/);
  t.equal(eventsOf(join(cwd, 'o')).filter(({ event }) => event === 'end').length, 1);
});
