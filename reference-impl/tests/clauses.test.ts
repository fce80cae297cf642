import t from 'tap';
import { allClauses, allRequirements, allSources, holdsIn, isBeyondText } from '../catalogue/catalogue.ts';

const sources = allSources();
const clauses = allClauses();
const read = sources.filter((source) => source.read !== null);

t.test('the clause of each requirement stands in every version that holds it and that was read', async (t) => {
  const missing = allRequirements().flatMap((requirement) =>
    read
      .filter(({ name }) => holdsIn(requirement, name, sources))
      .filter(({ name }) => clauses[requirement.clause]?.[name] === undefined)
      .map(({ name }) => `${requirement.slug}: ${name} has no "${requirement.clause}"`),
  );
  t.same(missing, [], 'scripts/clauses.mjs enters what the text has; the catalogue is wrong about the rest');
});

t.test('no clause is listed that no requirement cites, in no version that was not read', async (t) => {
  const cited = new Set(allRequirements().map(({ clause }) => clause));
  t.same(
    Object.keys(clauses).filter((clause) => !cited.has(clause)),
    [],
  );
  const names = new Set<string>(read.map(({ name }) => name));
  const unread = Object.entries(clauses).flatMap(([clause, places]) =>
    Object.keys(places)
      .filter((version) => !names.has(version))
      .map((version) => `${version}: ${clause}`),
  );
  t.same(unread, []);
});

/** LaTeX, reStructuredText, and a file of Linux at a release. */
const lines = [/^[a-z/-]+\.tex#L[1-9]\d*$/, /^#L[1-9]\d*$/, /^[a-z/]+\.[ch]\?h=v[\d.]+#n[1-9]\d*$/];

/** What is wrong with a place; undefined where nothing is. */
function wrongIn(clause: string, version: string, [number = '', anchor = '', at = '', title]: readonly string[]) {
  const isNumbered = version.startsWith('virtio-');
  const last = number.slice(number.lastIndexOf('.') + 1);
  if (!(isNumbered ? /^\d+(\.\d+)*$/ : /^$/).test(number)) return 'number';
  if (!(isNumbered ? new RegExp(`^x1-[1-9]\\d*000${last}$`) : /^$/).test(anchor)) return 'anchor';
  if (!lines.some((form) => form.test(at))) return 'line';
  if (title !== undefined && clause.endsWith(` / ${title}`)) return 'title, which the clause says';
  return version === 'virtio-1.4' && !clause.startsWith(`${number} `)
    ? 'number, which is not that of the clause'
    : undefined;
}

t.test('places have the form of their text', async (t) => {
  const wrong = Object.entries(clauses).flatMap(([clause, places]) =>
    Object.entries(places).flatMap(([version, place]) => {
      const what = wrongIn(clause, version, place);
      return what === undefined ? [] : [`${version}: ${clause}: ${what}`];
    }),
  );
  t.same(wrong, []);
});

t.test('what was read says what and when', async (t) => {
  t.ok(read.length > 0);
  for (const { name, read, source, sourceAddress, opened } of sources) {
    t.equal(read === null, source === null, name);
    t.equal(read === null, sourceAddress === null, name);
    for (const day of [read, opened]) if (day !== null) t.match(day, /^20\d\d-\d\d-\d\d$/);
  }
});

t.test('a choice of ours stands in a document of ours', async (t) => {
  for (const { slug, since, clause } of allRequirements()) {
    if (since === 'vhost-mdev-choices') t.match(clause, /^docs\/VHOST-MDEV\.md \/ /, slug);
  }
});

t.test('what older versions said was another level or no keyword, in versions ahead of its own', async (t) => {
  const names: readonly string[] = sources.map(({ name }) => name);
  for (const { slug, since, level, basis, formerly } of allRequirements()) {
    if (formerly === undefined) continue;
    t.notOk(isBeyondText(basis), slug);
    t.not(`${formerly.level} ${formerly.basis}`, `${level} ${basis}`, slug);
    t.ok(names.indexOf(formerly.since) < names.indexOf(since), slug);
    t.ok(holdsIn({ since: formerly.since, until: null }, since, sources), `${slug}: versions of one text`);
  }
});
