import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { emptyDirectory, eventsOf, livingProcesses, run, scratchOf, shortCases, start, until } from './command-line.ts';
import { nightly } from './nightly.ts';
import { sharedRun } from './shared-run.ts';

/** So many short results that a signal meets the run in the middle. */
const words = ['run', 'reference', ...shortCases, '--repeat', '60', '--out', 'out'];
const enough = 20;

interface Interrupted {
  readonly cwd: string;
  readonly root: string;
  readonly started: ReturnType<typeof start>;
  /** What the host process and the back-end have in their command lines. */
  readonly mark: string;
  readonly host: number;
}

/** Starts a run and comes back in the middle of it. */
async function inTheMiddle(t: Test, reporter = 'json'): Promise<Interrupted> {
  const cwd = emptyDirectory(t);
  const root = join(cwd, 'out');
  const started = start([...words, '--reporter', reporter], { cwd });
  t.teardown(() => started.child.kill('SIGKILL'));
  await until(() => finished(root) >= enough, 'the first results', 120_000);
  const mark = `vhost-conformance-run-${started.child.pid}-`;
  const [host] = livingProcesses(mark).filter((pid) => commandOf(pid).includes('host-main.js'));
  if (host === undefined) throw new Error('there is no host process');
  return { cwd, root, started, mark, host };
}

function finished(root: string): number {
  return eventsOf(root).filter(({ event }) => event === 'case').length;
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}

/** Every result that was begun is there, but for at most the one that ran. */
function losesNothing(t: Test, root: string): void {
  const begun = eventsOf(root).filter(({ event }) => event === 'begin').length;
  const done = finished(root);
  t.ok(done >= enough && begun - done <= 1, `${done} of ${begun} results that were begun are there`);
}

for (const [signal, code, tried] of [
  ['SIGINT', 130, {}],
  ['SIGTERM', 143, nightly],
  ['SIGHUP', 129, nightly],
] as const) {
  t.test(`${signal} ends a run cleanly`, tried, async (t) => {
    const { root, started, mark } = await inTheMiddle(t, 'html');
    started.child.kill(signal);
    const ended = await started.ended;
    t.equal(ended.code, code);
    losesNothing(t, root);
    const end = eventsOf(root).at(-1);
    t.match(end, { event: 'end', reason: 'interrupted' });
    t.ok(existsSync(join(root, 'report.html')), 'a report of what is there');
    t.match(ended.stdout, /results are missing: vhost-conformance run --resume/);
    await until(() => livingProcesses(mark).length === 0, 'no process is left');
    t.same(scratchOf(started.child.pid), [], 'no temporary file is left');
  });
}

t.test('SIGKILL of the runner leaves no process and loses no finished result; the run can go on', async (t) => {
  const { cwd, root, started, mark } = await inTheMiddle(t);
  started.child.kill('SIGKILL');
  await started.ended;
  await until(() => livingProcesses(mark).length === 0, 'no process is left');
  losesNothing(t, root);
  const before = finished(root);
  const planned = eventsOf(root)[0]?.['planned'];

  const resumed = await run(['run', '--resume', 'out'], { cwd });
  t.equal(resumed.code, 0, resumed.stderr);
  t.equal(finished(root), planned, 'each planned result is there once');
  const runs = eventsOf(root).filter(({ event }) => event === 'run');
  t.equal(runs.length, 2);
  t.equal(runs[0]?.['planHash'], runs[1]?.['planHash']);
  t.ok(before < Number(planned));
  t.match(eventsOf(root).at(-1), { event: 'end', reason: 'completed' });
  t.same(scratchOf(started.child.pid), [], 'what the killed run left in the temporary directory is removed');

  const again = await sharedRun(['run', '--resume', 'out'], { cwd });
  t.equal(again.code, 0, 'nothing is missing any more');
  t.equal(finished(root), planned);
});

t.test('SIGKILL of a host makes the running case an error, and another host does the rest', async (t) => {
  const { cwd, root, started, mark, host } = await inTheMiddle(t);
  process.kill(host, 'SIGKILL');
  const ended = await started.ended;
  const results = eventsOf(root).filter(({ event }) => event === 'case');
  t.equal(results.length, eventsOf(root)[0]?.['planned'], 'no result is lost');
  const errors = results.filter(({ verdict }) => verdict === 'error');
  t.ok(errors.length <= 1, 'at most the one that ran');
  t.equal(ended.code, errors.length === 0 ? 0 : 2, 'an error is ours; between two cases there is none');
  for (const { error } of errors) t.match(error, /the host process ended by signal SIGKILL/);
  await until(() => livingProcesses(mark).length === 0, 'no process is left');

  const resumed = await sharedRun(['run', '--resume', 'out'], { cwd });
  t.equal(resumed.code, 0, 'what was an error of ours runs again');
  t.equal(finished(root), results.length + errors.length, 'and nothing else does');
});

t.test('SIGKILL of the back-end during a case is not held against the next ones', async (t) => {
  const { root, started, mark } = await inTheMiddle(t);
  const [server] = livingProcesses(mark).filter((pid) => commandOf(pid).includes('serve.js'));
  if (server !== undefined) process.kill(server, 'SIGKILL');
  await started.ended;
  const results = eventsOf(root).filter(({ event }) => event === 'case');
  t.equal(results.length, eventsOf(root)[0]?.['planned'], 'the rest has run on a fresh process');
  const others = results.filter(({ verdict }) => verdict !== 'pass');
  t.ok(others.length <= 1, `${others.length} did not pass`);
  for (const { verdict } of others) t.equal(verdict, 'inconclusive', 'it does not repeat alone');
});
