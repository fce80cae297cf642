import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseProgram } from '../../fuzz/program/parse-program.ts';
import { encodeProgram } from '../../fuzz/program/program-encoding.ts';
import { emptyDirectory, run, start } from './command-line.ts';
import { refuses } from './refusal.ts';

const seed = fileURLToPath(new URL('../../../fixtures/corpus/block-split.txt', import.meta.url));

t.test('replay prints a program, and runs it', async (t) => {
  const cwd = emptyDirectory(t);
  const text = readFileSync(seed, 'utf8');
  const packed = join(cwd, 'program.pb');
  writeFileSync(packed, encodeProgram(parseProgram(text)));
  const shown = await run(['replay', '--show', packed], { cwd });
  t.same(parseProgram(shown.stdout), parseProgram(text));
  const ran = await run(['replay', packed, 'reference'], { cwd });
  t.equal(ran.code, 0, ran.stderr);
  t.match(ran.stdout, /r8 = kick queue=r6\n {4}sent\nr9 = wait queue=r6\n {4}answered, used 0:513, calls [01]\n/);
  t.match(ran.stdout, /nothing found in 1 run\n$/);
});

t.test('a process that ends is a finding, by a name for its cause', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'bad.txt'), 'r1 = message request=99\nr2 = fence\n');
  const { code, stdout } = await run(['replay', 'bad.txt', 'reference-exits-at-errors'], { cwd });
  t.equal(code, 1);
  t.match(stdout, /r1 = message session=r3 request=99\n {4}died\n {4}crash: the process ended by exit code 1\n/);
  t.match(stdout, /\ncrash-exit-1-request-N: 1 of 1 run\n$/);
});

t.test('programs and words that are none', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'wrong.txt'), 'r1 = connect\nr2 = kick queu=r1\n');
  await refuses(t, ['replay', 'wrong.txt', 'reference'], /wrong\.txt: line 2, column \d+: queu is no argument/, cwd);
  await refuses(t, ['fuzz', 'reference', '--smoke', '--time', '5'], /--smoke says how long/, cwd);
});

t.test('a campaign that is killed goes on from its directory and keeps its corpus', async (t) => {
  const cwd = emptyDirectory(t);
  const words = ['fuzz', 'reference', '--seed', '2', '--out', 'found'];
  const { child, ended } = start([...words, '--time', '600'], { cwd });
  const corpus = join(cwd, 'found', 'corpus');
  const entries = (): string[] =>
    existsSync(corpus) ? readdirSync(corpus).filter((name) => name.endsWith('.pb')) : [];
  while (entries().length < 3 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGKILL');
  await ended;
  const before = entries();
  t.ok(before.length >= 3);
  const again = await run([...words, '--runs', '20'], { cwd });
  t.equal(again.code, 0, again.stderr);
  t.match(again.stdout, /0 buckets in .*found\n$/);
  t.strictSame(
    before.filter((name) => !entries().includes(name)),
    [],
  );
});
