import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { dpdkTestpmd } from '../../fixtures/targets/dpdk-testpmd.ts';
import { kernelVhostMdevNet } from '../../fixtures/targets/kernel-vhost-mdev.ts';
import { reference } from '../../fixtures/targets/reference.ts';
import { vhostMdevL1 } from '../../fixtures/targets/vhost-mdev.ts';
import { externalTarget } from '../external-target.ts';
import { checkJobs, instancesOf } from '../instances.ts';
import { emptyDirectory, eventsOf, livingProcesses, run, scratchOf, shortCases, start, until } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

const words = ['run', 'reference', ...shortCases, '--case', 'vhost-user/vring-limits'];
/** So many short results that a signal meets the run in the middle. */
const many = ['run', 'reference', ...shortCases, '--repeat', '80', '--jobs', '2', '--reporter', 'json', '--out', 'out'];
const enough = 20;

const verdictsOf = (root: string): Map<string, unknown> =>
  new Map(
    eventsOf(root)
      .filter(({ event }) => event === 'case')
      .map(({ key, verdict }) => [String(key), verdict]),
  );

t.test('two instances give the keys and verdicts that one gives, and say which of them it was', async (t) => {
  if (availableParallelism() < 2) {
    t.comment('this machine has one core');
    return;
  }
  const cwd = emptyDirectory(t);
  const one = await sharedRun([...words, '--out', 'one', '--reporter', 'json'], { cwd });
  const two = await run([...words, '--jobs', '2', '--out', 'two', '--reporter', 'html,junit,json'], { cwd });
  t.equal(one.code, 0, one.stderr);
  t.equal(two.code, 0, two.stderr);
  t.same(verdictsOf(join(cwd, 'two')), verdictsOf(join(cwd, 'one')));

  const events = eventsOf(join(cwd, 'two'));
  const instancesIn = (event: string): unknown[] => [
    ...new Set(events.filter((one) => one.event === event).map(({ instance }) => instance)),
  ];
  t.same(instancesIn('target').sort(), [0, 1]);
  // One may have run all before the other served.
  for (const event of ['begin', 'case']) {
    for (const instance of instancesIn(event)) t.ok(instance === 0 || instance === 1, `${event} of ${instance}`);
  }
  t.equal(events.filter(({ event }) => event === 'case').length, events[0]?.['planned'], 'each result is there once');
  t.match(events[0]?.['command'], ['vhost-conformance', ...words, '--jobs', '2']);
  t.match(two.stderr, /instance 0 serves[\s\S]*instance 1 serves|instance 1 serves[\s\S]*instance 0 serves/);

  const resultsIn = (root: string): unknown[] =>
    JSON.parse(readFileSync(join(cwd, root, 'report.json'), 'utf8')).results.map(({ key }: { key: string }) => key);
  t.same(resultsIn('two'), resultsIn('one'), 'reports keep the order of the plan');
  t.match(readFileSync(join(cwd, 'two', 'report.html'), 'utf8'), '2 instances at once');
  t.match(readFileSync(join(cwd, 'two', 'report.junit.xml'), 'utf8'), '<property name="instances" value="2"/>');
});

t.test('Ctrl-C ends all instances, loses no finished result, and the run can go on', async (t) => {
  const cwd = emptyDirectory(t);
  const root = join(cwd, 'out');
  const started = start(many, { cwd });
  t.teardown(() => started.child.kill('SIGKILL'));
  const done = (): number => eventsOf(root).filter(({ event }) => event === 'case').length;
  await until(() => done() >= enough, 'the first results', 120_000);
  started.child.kill('SIGINT');
  const ended = await started.ended;
  t.equal(ended.code, 130);
  t.match(eventsOf(root).at(-1), { event: 'end', reason: 'interrupted' });
  const begun = eventsOf(root).filter(({ event }) => event === 'begin').length;
  t.ok(begun - done() <= 2, `${begun - done()} results that were begun are not there`);
  await until(() => livingProcesses(`vhost-conformance-run-${started.child.pid}-`).length === 0, 'no process is left');
  t.same(scratchOf(started.child.pid), []);

  const resumed = await sharedRun(['run', '--resume', 'out'], { cwd });
  t.equal(resumed.code, 0, resumed.stderr);
  t.equal(done(), eventsOf(root)[0]?.['planned'], 'each result is there once');
});

t.test('SIGKILL of one host costs one result; the other goes on', async (t) => {
  const cwd = emptyDirectory(t);
  const root = join(cwd, 'out');
  const started = start(many, { cwd });
  t.teardown(() => started.child.kill('SIGKILL'));
  const results = (): ReturnType<typeof eventsOf> => eventsOf(root).filter(({ event }) => event === 'case');
  await until(() => results().length >= enough, 'the first results', 120_000);
  const [host] = livingProcesses(`vhost-conformance-run-${started.child.pid}-`).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('host-main.js'),
  );
  if (host === undefined) throw new Error('there is no host process');
  process.kill(host, 'SIGKILL');
  await started.ended;
  t.equal(results().length, eventsOf(root)[0]?.['planned'], 'no result is lost');
  const errors = results().filter(({ verdict }) => verdict === 'error');
  t.ok(errors.length <= 1, 'at most the one that ran');
  t.same(
    results().filter(({ verdict }) => verdict !== 'error' && verdict !== 'pass' && verdict !== 'not-applicable'),
    [],
  );
});

t.test('targets of which there is one are refused', async (t) => {
  const served = externalTarget('/run/a.sock', 'vhost-user:/run/a.sock', 'block');
  t.throws(() => checkJobs(served, 2, 'run'), { message: /^--jobs 2: vhost-user:\/run\/a\.sock is served already, / });
  t.throws(() => checkJobs(kernelVhostMdevNet, 3, 'guest'), {
    message: /^--jobs 3: kernel-vhost-mdev-net is a device of a kernel, /,
  });
  t.throws(() => checkJobs(reference, 2, 'guest'), { message: /^--jobs 2: reference would share the kernel / });
  for (const target of [served, kernelVhostMdevNet, reference]) {
    t.doesNotThrow(() => checkJobs(target, 1, 'guest'), 'one is what there is');
  }
  t.doesNotThrow(() => checkJobs(vhostMdevL1, 2, 'run'));
});

t.test('there are no more instances than the cores can carry', async (t) => {
  t.same(instancesOf(reference, { jobs: 4 }, 8), { count: 4 });
  t.same(instancesOf(reference, { jobs: 4, point: 'a' }, 8), { count: 1 }, 'a point runs alone');
  t.same(instancesOf(reference, { jobs: 4 }, 2), {
    count: 2,
    note: 'reference: 2 instances at once, not 4: there are 2 cores',
  });
  t.same(instancesOf(dpdkTestpmd, { jobs: 2 }, 2), {
    count: 1,
    note: 'dpdk-testpmd: one instance at once, not 2: there are 2 cores, and an instance keeps one of them busy',
  });
  t.same(instancesOf(dpdkTestpmd, { jobs: 2 }, 4), { count: 2 });
});
