import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { emptyDirectory, eventsOf, run } from './command-line.ts';
import { refuses } from './refusal.ts';

/** What a directory that comes from a stranger can make us do: nothing outside it. */

const oneCase = ['--case', 'vhost-user/owner/messages-before-set-owner-are-survived'];

t.test('a recorded command is executed only if it is said again', async (t) => {
  const cwd = emptyDirectory(t);
  const server = join(process.cwd(), 'dist/drivers/reference/serve.js');
  const exec = `${process.execPath} ${server} --socket {socket} --device block`;
  const first = await run(['run', '--exec', exec, '--case', 'vhost-user/owner/*', '--out', 'out'], { cwd });
  t.equal(first.code, 0, first.stderr);
  const path = join(cwd, 'out/results.jsonl');
  // As a run that was killed after its first result, and with another command.
  const lines = readFileSync(path, 'utf8').split('\n');
  const kept = lines.slice(0, lines.findIndex((line) => line.includes('"event":"case"')) + 1).join('\n');
  writeFileSync(path, `${kept.replaceAll(server, join(cwd, 'stranger.sh'))}\n`);
  writeFileSync(join(cwd, 'stranger.sh'), `require('node:fs').writeFileSync('${join(cwd, 'executed')}', '');`);
  await refuses(t, ['run', '--resume', 'out'], /would execute what its records name; .* add: --exec /, cwd);
  t.notOk(existsSync(join(cwd, 'executed')));
  const again = await run(['run', '--resume', 'out', '--exec', exec], { cwd });
  t.equal(again.code, 0, again.stderr);
  t.notOk(existsSync(join(cwd, 'executed')), 'what was typed takes the place of what was recorded');
});

t.test('a report follows no link, waits for no FIFO, and leaves no half', async (t) => {
  const cwd = emptyDirectory(t);
  const made = await run(['run', 'reference', ...oneCase, '--out', 'out'], { cwd });
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
  await run(['run', 'reference', ...oneCase, '--out', 'out'], { cwd });
  const root = join(cwd, 'out');
  const path = join(root, 'results.jsonl');
  const clear = '\\u001b[2J\\u202e';
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/"planHash":"[0-9a-f]/g, `"planHash":"${clear}`));
  mkdirSync(join(cwd, 'none'));
  const { code, stdout, stderr } = await run(['report', 'out', 'none', '--out', 'merged'], { cwd });
  t.equal(code, 2);
  for (const text of [stdout, stderr]) t.notMatch(text.replaceAll('\n', ''), /[\p{Cf}\p{Cc}]/u);
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
