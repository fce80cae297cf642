import { readdirSync } from 'node:fs';
import type { Test } from 'tap';
import { type Ended, scratchOf, start } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

/** Tests of which a command has had a process of its own. */
const shown = new WeakSet<Test>();

interface Asked {
  readonly cwd: string;
  readonly uid?: number;
}

/** The end of a command that starts nothing: the first of a test has a process of its own, and the others share one. */
export async function endOf(
  t: Test,
  words: readonly string[],
  asked: Asked,
): Promise<Ended & { readonly pid: number | undefined }> {
  if (asked.uid === undefined && shown.has(t)) return await sharedRun(words, asked);
  shown.add(t);
  const { child, ended } = start(words, asked);
  return { ...(await ended), pid: child.pid };
}

/** The program refuses: exit 2, one line that matches, nothing on standard output, nothing left behind. */
export async function refuses(
  t: Test,
  words: readonly string[],
  line: RegExp,
  cwd: string,
  uid?: number,
): Promise<void> {
  const before = readdirSync(cwd);
  const { code, signal, stdout, stderr, pid } = await endOf(t, words, { cwd, ...(uid === undefined ? {} : { uid }) });
  const name = words.join(' ').replaceAll(cwd, '.');
  t.same({ code, signal, stdout }, { code: 2, signal: null, stdout: '' }, `${name}: exit 2`);
  t.equal(stderr.split('\n').length, 2, `${name}: one line`);
  t.match(stderr, line, name);
  t.same(readdirSync(cwd), before, `${name}: nothing is left`);
  t.same(scratchOf(pid), [], `${name}: no temporary file is left`);
}
