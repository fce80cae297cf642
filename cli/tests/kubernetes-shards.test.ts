import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Job } from 'kubernetes-models/batch/v1';
import t from 'tap';
import { mergeRuns } from '../../reports/merge-runs.ts';
import { main, referenceServer } from './bundled-programs.ts';
import { emptyDirectory, shortCases } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

const manifestPath = new URL('../../../fixtures/kubernetes/shards.job.json', import.meta.url);
const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'));
const [container] = manifest.spec.template.spec.containers;

t.test('the job is one that Kubernetes takes, and its shards are its indexes', async (t) => {
  t.doesNotThrow(() => new Job(manifest).validate());
  t.throws(() => new Job({ ...manifest, spec: { ...manifest.spec, completions: 'four' } }).validate());
  t.equal(manifest.spec.completionMode, 'Indexed');
  const shards = container.env.find(({ name }: { name: string }) => name === 'SHARDS');
  t.equal(shards.value, String(manifest.spec.completions));
});

interface Pod {
  readonly directory: string;
  readonly index: number;
  readonly shards: number;
  readonly words: readonly string[];
}

/** Runs the command of the container as a pod of that index would; answers its exit code. */
function pod({ directory, index, shards, words }: Pod): Promise<number> {
  const [program, ...before] = container.command;
  const environment = {
    PATH: `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: directory,
    JOB_COMPLETION_INDEX: String(index),
    SHARDS: String(shards),
    RESULTS: join(directory, 'results'),
  };
  return new Promise((resolve) => {
    execFile(program, [...before, ...words], { cwd: directory, env: environment }, (error) => {
      resolve(error === null ? 0 : Number(error.code ?? -1));
    });
  });
}

/** A directory with the program on its path, as an image has it. */
function podDirectory(t: Parameters<typeof emptyDirectory>[0]): string {
  const directory = emptyDirectory(t);
  mkdirSync(join(directory, 'bin'));
  mkdirSync(join(directory, 'results'));
  const program = join(directory, 'bin', 'vhost-conformance');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(program, 0o755);
  return directory;
}

t.test('each index runs its shard, findings end a pod with 0, and the merge decides', async (t) => {
  const directory = podDirectory(t);
  const faulty = `'${process.execPath}' '${referenceServer}' --socket {socket} --device block --fault unknown-flag-bits-crash`;
  const words = ['--exec', faulty, ...shortCases, '--layout', 'split', '--reporter', 'json'];
  const shards = 2;
  for (let index = 0; index < shards; index++) {
    t.equal(await pod({ directory, index, shards, words }), 0, `index ${index}`);
    t.ok(existsSync(join(directory, 'results', `shard-${index}`, 'results.jsonl')));
  }
  const parts = [0, 1].map((index) => join(directory, 'results', `shard-${index}`));
  const merged = mergeRuns(parts);
  t.equal(merged.missing.length, 0, 'no result is missing');
  t.ok(merged.results.some(({ record }) => record.verdict === 'fail'));
  const report = (out: string, from: readonly string[]) =>
    sharedRun(['report', ...from, '--out', join(directory, out), '--check'], { cwd: directory });
  t.equal((await report('whole', parts)).code, 1, 'findings');
  const some = await report('some', parts.slice(1));
  t.equal(some.code, 2, 'a shard is missing');
  t.match(some.stdout, /results? (is|are) missing/);
});

t.test('a pod that comes again goes on with what is there, and an error of usage ends it with its code', async (t) => {
  const directory = podDirectory(t);
  const words = ['vhost-mdev-l2-entropy', '--case', 'virtio/split-ring/used-id-*', '--reporter', 'json'];
  const first = { directory, index: 0, shards: 1, words };
  t.equal(await pod(first), 0);
  const results = join(directory, 'results', 'shard-0', 'results.jsonl');
  const lines = readFileSync(results, 'utf8').split('\n');
  // As a pod that was killed leaves it.
  writeFileSync(results, lines.slice(0, 4).join('\n'));
  t.equal(await pod(first), 0);
  t.equal(mergeRuns([join(directory, 'results', 'shard-0')]).missing.length, 0);
  t.equal(await pod({ ...first, index: 1, shards: 2, words: ['no-such-target'] }), 2);
});
