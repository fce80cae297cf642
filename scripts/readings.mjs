// Second readings of requirements, as they enter the catalogue (docs/CATALOGUE.md, "Read twice").
//   node scripts/readings.mjs add GROUP FILE   enters the readings in FILE into reference-impl/catalogue/readings/GROUP.json
//   node scripts/readings.mjs open             lists differences that nothing resolves, and what awaits a second reader
// FILE is an array of { id, level, basis, since, binds, features, observable, note }, with "since" a name of sources.json
// or null. The first reading is the entry of the catalogue at the time. "open" also writes awaiting.json, and exits with
// 1 while a difference is unresolved.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const built = (path) => import(new URL(`../dist/reference-impl/catalogue/${path}`, import.meta.url));
const { allRequirements, currentSlug, isRequirementSlug, requirementOf } = await built('catalogue.js');
const { differences, readingOf, readTwiceFrom, resolved, wantsSecondReader } = await built('readings.js');
const folder = new URL('../reference-impl/catalogue/readings/', import.meta.url).pathname;
const awaiting = 'awaiting.json';

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const write = (path, value) => writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
const say = (line) => process.stdout.write(`${line}\n`);

function add(group, file) {
  const path = `${folder}${group}.json`;
  const entries = existsSync(path) ? read(path) : {};
  for (const { id, level, basis, since, binds, features, observable, note } of read(file)) {
    const slug = currentSlug(id);
    if (!isRequirementSlug(slug)) throw new Error(`no requirement is called ${id}`);
    // Of two that were merged, the reading of the one that stays counts.
    if (slug !== id && entries[slug] !== undefined) continue;
    const second = { level, basis, since, binds, features, observable, note };
    const entry = { first: entries[slug]?.first ?? readingOf(requirementOf(slug)), second };
    const resolution = entries[slug]?.resolution;
    entries[slug] = resolution === undefined ? entry : { ...entry, resolution };
    readTwiceFrom(slug, entries[slug]);
  }
  write(path, Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function open() {
  const entries = readdirSync(folder)
    .filter((name) => name !== awaiting)
    .flatMap((name) => Object.entries(read(folder + name)));
  const slugs = new Set(entries.map(([slug]) => slug));
  let unresolved = 0;
  for (const [slug, value] of entries) {
    const twice = readTwiceFrom(slug, value);
    const fields = differences(twice.first, twice.second);
    const isOpen = twice.resolution === undefined && fields.length > 0;
    const drifted = isOpen ? [] : differences(readingOf(requirementOf(slug)), resolved(slug, twice));
    if (!isOpen && drifted.length === 0) continue;
    unresolved++;
    const what = isOpen ? `differ in ${fields.join(', ')}` : `say another ${drifted.join(', ')} than the catalogue`;
    say(`${slug}: the readings ${what}`);
    say(`  ${requirementOf(slug).text}\n  1: ${JSON.stringify(value.first)}\n  2: ${JSON.stringify(value.second)}`);
  }
  const unread = allRequirements()
    .filter((requirement) => wantsSecondReader(requirement) && !slugs.has(requirement.slug))
    .map(({ slug }) => slug);
  write(folder + awaiting, unread);
  for (const slug of unread) say(`${slug}: awaits a second reader`);
  say(`${entries.length} read twice, ${unresolved} to resolve, ${unread.length} await a second reader`);
  process.exitCode = unresolved === 0 ? 0 : 1;
}

const [action, group, file] = process.argv.slice(2);
if (action === 'add' && file !== undefined) add(group, file);
else if (action === 'open') open();
else {
  process.stderr.write('usage: node scripts/readings.mjs add GROUP FILE | open\n');
  process.exitCode = 2;
}
