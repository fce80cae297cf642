// Runs test files one after another in one process, so that tap and our modules are loaded once: the root of tap is that of
// all of them. Paths come from stdin, a line each; a comment says how long each file took.
//   node scripts/test-together.mjs SECONDS NAME <FILES   how long a file may take; a name, since tap makes directories by it
import { readFileSync } from 'node:fs';
import t from 'tap';

const limitMs = Number(process.argv[2]) * 1000;
const files = readFileSync(0, 'utf8')
  .split('\n')
  .filter((line) => line !== '');

// What a file tears down is torn down at its end: and tap ends the root behind the first that asks for it.
let teardowns = [];
t.teardown = (end) => {
  teardowns.unshift(end);
};

for (const file of files) {
  const began = performance.now();
  const before = t.count;
  // A file that says how long it may take changes it for itself alone.
  t.setTimeout(limitMs);
  await import(new URL(`../${file}`, import.meta.url));
  // Subtests come in turn, so that this one is behind those of the file.
  await t.test(`end of ${file}`, async (t) => {
    for (const end of teardowns) await end();
    teardowns = [];
    t.ok(t.parent.count > before, 'it has tests');
  });
  t.comment(`${file} took ${Math.round((performance.now() - began) / 1000)} s`);
}
