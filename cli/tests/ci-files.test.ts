import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { z } from 'zod';
import { main } from './bundled-programs.ts';
import { emptyDirectory } from './command-line.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const one = 'vhost-user/header/reply-carries-version-1';

const read = (path: string): unknown => parse(readFileSync(join(root, path), 'utf8'));
const scripts = readdirSync(join(root, 'ci')).filter((name) => name.endsWith('.sh'));

/** A directory with programs of these names that run this suite; `npx` drops its own words. */
function programs(cwd: string): string {
  const bin = join(cwd, 'bin');
  mkdirSync(bin);
  const program = (name: string, shift: string): void => {
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\n${shift}exec env -u NODE_OPTIONS '${process.execPath}' '${main}' "$@"\n`,
    );
    chmodSync(join(bin, name), 0o755);
  };
  program('vhost-conformance', '');
  program('npx', 'shift 2\n');
  return bin;
}

function run(cwd: string, words: readonly [string, ...string[]], environment: Readonly<Record<string, string>>) {
  const [program, ...others] = words;
  const env = { ...process.env, PATH: `${programs(cwd)}:${process.env['PATH']}`, CI: '1', ...environment };
  return spawnSync(program, others, { cwd, env, encoding: 'utf8' });
}

t.test('the shell scripts are whole', async (t) => {
  t.ok(scripts.length >= 2);
  const hasChecker = spawnSync('shellcheck', ['--version']).status === 0;
  for (const name of scripts) {
    const path = join(root, 'ci', name);
    t.match(spawnSync('bash', ['-n', path], { encoding: 'utf8' }), { status: 0, stderr: '' }, name);
    if (hasChecker) t.match(spawnSync('shellcheck', [path], { encoding: 'utf8' }), { status: 0, stdout: '' }, name);
  }
});

const action = z.object({
  inputs: z.record(
    z.string(),
    z.object({ description: z.string(), required: z.boolean(), default: z.string().optional() }),
  ),
  runs: z.object({
    using: z.literal('composite'),
    steps: z.array(z.object({ shell: z.literal('bash'), run: z.string(), env: z.record(z.string(), z.string()) })),
  }),
});

t.test('action.yml judges, annotates, and says where the page is', async (t) => {
  const { inputs, runs } = action.parse(read('action.yml'));
  const [step] = runs.steps;
  const used = Object.values(step?.env ?? {}).flatMap((text) =>
    [...text.matchAll(/inputs\.([a-z]+)/g)].map(([, name]) => name),
  );
  t.same(new Set(used), new Set(Object.keys(inputs)), 'each input is used, and no other');
  t.match(step?.run, 'ci/github-action.sh');

  const cwd = emptyDirectory(t);
  const environment = {
    ARGUMENTS: `reference --case '${one}' --negotiation minimal`,
    BASELINE: '',
    OUT: 'out',
    GITHUB_ACTIONS: 'true',
    GITHUB_OUTPUT: join(cwd, 'outputs'),
    GITHUB_STEP_SUMMARY: join(cwd, 'summary.md'),
  };
  const judged = run(cwd, ['bash', join(root, 'ci/github-action.sh')], environment);
  t.equal(judged.status, 0, judged.stderr);
  t.equal(readFileSync(join(cwd, 'outputs'), 'utf8'), 'report=out/report.html\n');
  t.ok(existsSync(join(cwd, 'out/report.html')));
  t.match(readFileSync(join(cwd, 'summary.md'), 'utf8'), '| reference |');
});

t.test('the GitLab template makes the reports that it names', async (t) => {
  const schema = z.object({
    '.vhost-conformance': z.object({
      script: z.array(z.string()),
      variables: z.record(z.string(), z.string()),
      artifacts: z.object({ paths: z.array(z.string()), reports: z.object({ junit: z.string() }) }),
    }),
  });
  const { script, artifacts } = schema.parse(read('ci/gitlab.yml'))['.vhost-conformance'];
  const cwd = emptyDirectory(t);
  const environment = { VHOST_CONFORMANCE_ARGUMENTS: `reference --case '${one}' --negotiation minimal` };
  const { status, stderr } = run(cwd, ['sh', '-ec', script.join('\n')], environment);
  t.equal(status, 0, stderr);
  for (const path of [...artifacts.paths, artifacts.reports.junit]) t.ok(existsSync(join(cwd, path)), path);
});

t.test('the kselftest prints KTAP, and skips where there is nothing to judge', async (t) => {
  const cwd = emptyDirectory(t);
  const script = join(root, 'ci/kselftest.sh');
  const judged = run(cwd, ['sh', script], { TARGETS: `reference --case ${one} --negotiation minimal` });
  t.match(judged, { status: 0, stdout: /^KTAP version 1\n1\.\.1\n {2}KTAP version 1\n {2}1\.\.1\n {2}ok 1 / });
  const nowhere = { ...process.env, VHOST_CONFORMANCE: 'no-such-program' };
  const skipped = spawnSync('sh', [script], { cwd, env: nowhere, encoding: 'utf8' });
  t.match(skipped, { status: 4, stdout: /^TAP version 13\n1\.\.0 # SKIP no-such-program is not installed\n$/ });
});

t.test('the example of KernelCI and the container name what is there', async (t) => {
  const { jobs } = z
    .object({ jobs: z.record(z.string(), z.looseObject({ kind: z.literal('job') })) })
    .parse(read('ci/kernelci.yaml'));
  t.same(Object.keys(jobs), ['vhost-conformance-vdpa']);
  const container = readFileSync(join(root, 'ci/Containerfile'), 'utf8');
  for (const [, path = ''] of container.matchAll(/(scripts\/\S+\.sh)/g)) t.ok(existsSync(join(root, path)), path);
  const setUp = readFileSync(join(root, 'scripts/setup.sh'), 'utf8');
  for (const name of ['qemu-system-common', 'dpdk-dev']) t.ok(container.includes(name) && setUp.includes(name), name);
});
