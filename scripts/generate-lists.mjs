// Writes the lists that follow the tree: the files of cases, the files of faults and the areas of the catalogue. They are checked in, so
// that `tsc -b` alone builds a clone; the tests compare them with the tree.
//   node scripts/generate-lists.mjs            writes what is stale
//   node scripts/generate-lists.mjs --check    exits with 1 if a list is stale
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const command = 'node scripts/generate-lists.mjs';

/** Paths below `folder` that end in `suffix`, without it, in the order of their code units. */
function found(folder, suffix) {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(suffix))
    .map((path) => path.slice(0, -suffix.length))
    .sort((a, b) => (a < b ? -1 : 1));
}

const lists = [
  {
    path: 'suites/case-files.ts',
    comment: `/** Every file of cases, by its path, to load when it is needed. Written by \`${command}\`. */`,
    lines: [
      'export const caseFiles = {',
      ...found('suites/', '.cases.ts').map((name) => `  '${name}': () => import('./${name}.cases.ts'),`),
      '};',
    ],
  },
  {
    path: 'reference-impl/faults/fault-files.ts',
    comment: `/** Every file of faults, by its path. Written by \`${command}\`. */`,
    lines: found('reference-impl/faults/', '-faults.ts').map(
      (name) => `export * as '${name}' from './${name}-faults.ts';`,
    ),
  },
  {
    path: 'reference-impl/catalogue/area-files.ts',
    comment: `/** Every area of the catalogue, by its name. Written by \`${command}\`. */`,
    lines: found('reference-impl/catalogue/areas/', '.json').map(
      (name) => `export { default as '${name}' } from './areas/${name}.json' with { type: 'json' };`,
    ),
  },
];

const stale = lists.filter(({ path, comment, lines }) => {
  const text = `${[comment, ...lines].join('\n')}\n`;
  const file = fileURLToPath(new URL(path, root));
  let current;
  try {
    current = readFileSync(file, 'utf8');
  } catch {
    current = undefined;
  }
  if (current === text) return false;
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  return true;
});
for (const { path } of stale) console.error(`${path} ${process.argv.includes('--check') ? 'is stale' : 'written'}`);
if (process.argv.includes('--check') && stale.length > 0) {
  console.error(`run: ${command}`);
  process.exitCode = 1;
}
