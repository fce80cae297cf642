import { readdirSync } from 'node:fs';
import type { Test } from 'tap';
import { scratchOf, start } from './command-line.ts';

/** The program refuses: exit 2, one line that matches, nothing on standard output, nothing left behind. */
export async function refuses(
  t: Test,
  words: readonly string[],
  line: RegExp,
  cwd: string,
  uid?: number,
): Promise<void> {
  const before = readdirSync(cwd);
  const started = start(words, { cwd, ...(uid === undefined ? {} : { uid }) });
  const { code, signal, stdout, stderr } = await started.ended;
  const name = words.join(' ').replaceAll(cwd, '.');
  t.same({ code, signal, stdout }, { code: 2, signal: null, stdout: '' }, `${name}: exit 2`);
  t.equal(stderr.split('\n').length, 2, `${name}: one line`);
  t.match(stderr, line, name);
  t.same(readdirSync(cwd), before, `${name}: nothing is left`);
  t.same(scratchOf(started.child.pid), [], `${name}: no temporary file is left`);
}
