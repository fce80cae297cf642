// Where each clause of the catalogue stands in the versions of its text (docs/CATALOGUE.md, "Clauses").
//   node scripts/clauses.mjs check TEXT=WHERE...   compares reference-impl/catalogue/clauses.json with the texts
//   node scripts/clauses.mjs write TEXT=WHERE...   writes it, and the day on which each text was read
// TEXT is a name of sources.json. WHERE is, for virtio, the git directory of oasis-tcs/virtio-spec and a revision, as
// DIR:REVISION; for vhost-user the file vhost-user.rst; for linux-6.1, linux-newer and vfio-uapi a tree of Linux. What the catalogue cites of a text that is not given stays as it is.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { citedAnchors } from './clauses/cited-anchors.mjs';
import { earlierNames, earlierNumbers } from './clauses/earlier-names.mjs';
import { kernelPlaces } from './clauses/kernel-places.mjs';
import { latexHeadings } from './clauses/latex-headings.mjs';
import { rstHeadings } from './clauses/rst-headings.mjs';

const catalogue = new URL('../reference-impl/catalogue/', import.meta.url).pathname;
const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const say = (line) => process.stdout.write(`${line}\n`);

/** The versions of the text of a requirement that hold it. */
function versionsOf({ since, until }, sources) {
  const names = Object.keys(sources).filter((name) => sources[name].family === sources[since]?.family);
  const last = until === null ? names.length : names.indexOf(until) + 1;
  return names.slice(names.indexOf(since), last);
}

/** Clause to the versions in which a requirement cites it. */
function citedClauses(sources) {
  const cited = new Map();
  const areas = readdirSync(`${catalogue}areas`, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
  for (const area of areas.sort()) {
    for (const requirement of Object.values(json(`${catalogue}areas/${area}`))) {
      const versions = cited.get(requirement.clause) ?? new Set();
      for (const version of versionsOf(requirement, sources)) versions.add(version);
      cited.set(requirement.clause, versions);
    }
  }
  return cited;
}

function headingsOf(text, where) {
  if (text.startsWith('linux-') || text.startsWith('vfio-')) return kernelPlaces(text, where);
  if (!text.startsWith('virtio-')) return rstHeadings(readFileSync(where, 'utf8'));
  const colon = where.lastIndexOf(':');
  return latexHeadings(where.slice(0, colon), where.slice(colon + 1));
}

/** The one heading that a clause names in a version; undefined where none does, or several. */
function headingOf(clause, version, headings) {
  const [, number, path] = /^(\d[\d.]*) (.+)$/.exec(clause) ?? [undefined, undefined, clause];
  const there = number === undefined ? undefined : earlierNumbers[version]?.[number];
  const named = Object.entries(earlierNames[version] ?? {}).find(([today]) => path.endsWith(today));
  const sought = named === undefined ? path : path.slice(0, -named[0].length) + named[1];
  const found = headings.filter((heading) => {
    if (there !== undefined) return heading.number === there;
    const whole = heading.path.join(' / ');
    return heading.number === undefined ? ` / ${whole}`.endsWith(` / ${sought}`) : whole === sought;
  });
  return found.length === 1 ? found[0] : undefined;
}

/** `[number, anchor, place, title]`, the title where it is not the last part of the clause. */
function entryOf(clause, { number, anchor, at, title }) {
  const entry = [number ?? '', anchor ?? '', at];
  return clause.endsWith(` / ${title}`) || clause === title ? entry : [...entry, title];
}

/** One line for each version, so that a change of a text shows as one. */
function printed(clauses) {
  const blocks = Object.entries(clauses).map(([clause, places]) => {
    const lines = Object.entries(places).map(
      ([version, entry]) => `    ${JSON.stringify(version)}: ${JSON.stringify(entry)}`,
    );
    return `  ${JSON.stringify(clause)}: {\n${lines.join(',\n')}\n  }`;
  });
  return `{\n${blocks.join(',\n')}\n}\n`;
}

const [command, ...texts] = process.argv.slice(2);
const given = texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]);
if (
  !['check', 'write'].includes(command) ||
  given.length === 0 ||
  given.some(([name, where]) => name === '' || where === '')
) {
  process.stderr.write('usage: node scripts/clauses.mjs check|write TEXT=WHERE...\n');
  process.exit(2);
}
const sources = json(`${catalogue}sources.json`);
const before = json(`${catalogue}clauses.json`);
const headings = new Map(given.map(([text, where]) => [text, headingsOf(text, where)]));
const missing = [];
const after = {};
for (const [clause, versions] of citedClauses(sources)) {
  const places = {};
  for (const version of versions) {
    const read = headings.get(version);
    const heading = read === undefined ? undefined : headingOf(clause, version, read);
    const entry = read === undefined ? before[clause]?.[version] : heading && entryOf(clause, heading);
    if (entry !== undefined) places[version] = entry;
    else if (read !== undefined) missing.push(`${version} has no such clause: ${clause}`);
    if (
      read !== undefined &&
      version === 'virtio-1.4' &&
      heading !== undefined &&
      !clause.startsWith(`${heading.number} `)
    ) {
      missing.push(`${version} has ${heading.number}: ${clause}`);
    }
  }
  if (Object.keys(places).length > 0) after[clause] = places;
}
for (const [text, read] of headings) {
  for (const [number, anchor] of Object.entries(citedAnchors[text] ?? {})) {
    const worked = read.find((heading) => heading.number === number)?.anchor;
    if (worked !== anchor) missing.push(`${text}: ${number} is cited as ${anchor}, worked out as ${worked}`);
  }
}
for (const line of missing) say(line);
if (command === 'write') {
  writeFileSync(`${catalogue}clauses.json`, printed(after));
  const today = new Date().toISOString().slice(0, 10);
  for (const [text] of given) sources[text].read = today;
  writeFileSync(`${catalogue}sources.json`, `${JSON.stringify(sources, undefined, 2)}\n`);
} else if (printed(after) !== readFileSync(`${catalogue}clauses.json`, 'utf8')) {
  missing.push('clauses.json');
  say('clauses.json says otherwise: node scripts/clauses.mjs write …');
}
say(`${Object.keys(after).length} clauses, ${given.length} texts read, ${missing.length} differences`);
process.exitCode = missing.length > 0 ? 1 : 0;
