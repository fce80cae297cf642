// Verdicts of a run, kept or compared with those that were kept.
//   node scripts/verdicts.mjs keep DIR       writes fixtures/verdicts/TARGET.txt for each target of the run in DIR
//   node scripts/verdicts.mjs compare DIR    lists each key whose verdict, or whose findings, differ; exit 1 if any does
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// A kept key of a retired case is compared with its successors: built code names them.
const { successorsOf } = await import(new URL('../dist/suites/retired-ids.js', import.meta.url));
const folder = new URL('../fixtures/verdicts/', import.meta.url).pathname;
const [action, directory] = process.argv.slice(2);
if (!['keep', 'compare'].includes(action) || directory === undefined) {
  process.stderr.write('usage: node scripts/verdicts.mjs keep|compare DIR\n');
  process.exit(2);
}

/** key to "verdict requirement:how ...", by target. */
const found = new Map();
for (const line of readFileSync(join(directory, 'results.jsonl'), 'utf8').split('\n')) {
  if (line === '') continue;
  const record = JSON.parse(line);
  if (record.event !== 'case') continue;
  const findings = [...new Set(record.findings.map(({ requirement, how }) => `${requirement}:${how}`))].sort();
  const verdicts = found.get(record.target) ?? new Map();
  found.set(record.target, verdicts);
  const verdict = [record.verdict, ...findings].join(' ');
  const known = verdicts.get(record.key);
  verdicts.set(record.key, known === undefined || known === verdict ? verdict : `${known} OR ${verdict}`);
}

let differences = 0;
const differs = (text) => {
  differences++;
  process.stdout.write(`${text}\n`);
};
for (const [target, verdicts] of [...found].sort()) {
  const file = join(folder, `${target}.txt`);
  if (action === 'keep') {
    const lines = [...verdicts].sort().map(([key, verdict]) => `${key}\t${verdict}\n`);
    writeFileSync(file, lines.join(''));
    continue;
  }
  if (!existsSync(file)) {
    process.stdout.write(`${target}: no verdicts were kept\n`);
    continue;
  }
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const kept = new Map(
    lines.flatMap((line) => {
      const [key, verdict] = line.split('\t');
      const successors = successorsOf(key);
      if (successors !== undefined) process.stdout.write(`${target}: ${key} is retired: ${successors.join(', ')}\n`);
      return (successors ?? [key]).map((current) => [current, verdict]);
    }),
  );
  for (const [key, was] of kept) {
    const is = verdicts.get(key);
    if (is === undefined) differs(`${target}  ${key}\n  was ${was}\n  is missing`);
    else if (is !== was) differs(`${target}  ${key}\n  was ${was}\n  is  ${is}`);
  }
  const added = [...verdicts.keys()].filter((key) => !kept.has(key));
  process.stdout.write(`${target}: ${kept.size} kept, ${added.length} new\n`);
}
process.stdout.write(action === 'keep' ? `${found.size} targets kept\n` : `${differences} differences\n`);
process.exitCode = differences > 0 ? 1 : 0;
