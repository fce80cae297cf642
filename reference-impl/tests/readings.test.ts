import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { allRequirements, isRequirementSlug, requirementOf } from '../catalogue/catalogue.ts';
import {
  differences,
  type Reading,
  readingOf,
  readTwiceFrom,
  resolved,
  wantsSecondReader,
} from '../catalogue/readings.ts';
import { CatalogueError } from '../errors.ts';

const folder = new URL('../../../reference-impl/catalogue/readings/', import.meta.url);
const awaiting = 'awaiting.json';
const fileOf = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const entries = readdirSync(folder)
  .filter((name) => name !== awaiting)
  .flatMap((name) => Object.entries(fileOf(name) as Readonly<Record<string, unknown>>));

t.test('the catalogue says what two readings agree on, or what resolves them', async (t) => {
  t.ok(entries.length > 800);
  for (const [slug, value] of entries) {
    if (!isRequirementSlug(slug)) {
      t.fail(`${slug}: no such requirement`);
      continue;
    }
    const said = resolved(slug, readTwiceFrom(slug, value));
    t.same(differences(readingOf(requirementOf(slug)), said), [], slug);
  }
  t.equal(new Set(entries.map(([slug]) => slug)).size, entries.length, 'each is read twice once');
});

t.test('what the text demands and a case judges is read twice, or awaits its second reader by name', async (t) => {
  const read = new Set(entries.map(([slug]) => slug));
  const unread = allRequirements().filter((one) => wantsSecondReader(one) && !read.has(one.slug));
  t.same(
    fileOf(awaiting),
    unread.map(({ slug }) => slug),
    'node scripts/readings.mjs open lists them',
  );
});

t.test('readings that differ want a resolution with a reason', async (t) => {
  const first: Reading = { level: 'MUST', basis: 'fact', since: 'virtio-1.0', binds: 'device' };
  const second: Reading = { level: 'SHOULD', basis: 'keyword', since: 'virtio-1.1', binds: 'driver' };
  const beyond: Reading = { level: null, basis: 'choice', since: null, binds: 'device' };
  t.same(differences(first, second), ['level', 'basis', 'since', 'binds']);
  t.same(differences(first, beyond), ['basis']);
  t.same(differences(beyond, { ...beyond, basis: 'robustness', since: 'virtio-1.0' }), [], 'neither finds a text');
  const told = { ...second, features: [], observable: 'yes', note: 'a note' };
  t.throws(() => resolved('x', readTwiceFrom('x', { first, second: told })), CatalogueError);
  t.throws(() => readTwiceFrom('x', { first, second: told, resolution: first }), /x: resolution: reason/);
  const resolution = { ...first, reason: 'the text' };
  t.same(resolved('x', readTwiceFrom('x', { first, second: told, resolution })).level, 'MUST');
  t.throws(() => readTwiceFrom('x', { first: { ...first, level: 'ought' }, second: told }), CatalogueError);
});
