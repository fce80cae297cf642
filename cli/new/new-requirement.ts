import {
  allRequirements,
  allSources,
  type Basis,
  isBeyondText,
  isRequirementSlug,
  type Level,
  type Requirement,
} from '../../reference-impl/catalogue/catalogue.ts';
import { bases, levels } from '../../reference-impl/catalogue/requirement.ts';
import { UsageError } from '../usage-error.ts';
import { type SourceTree, withEntry } from './source-tree.ts';

export interface RequirementOptions {
  readonly text?: string;
  readonly clause?: string;
  readonly level?: string;
  readonly basis: string;
  readonly binds?: string;
  readonly since?: string;
  readonly feature: readonly string[];
}

const isLevel = (word: string | undefined): word is Level => levels.some((level) => level === word);
const isBasis = (word: string): word is Basis => bases.some((basis) => basis === word);

/** Enters a rule without a case. Returns what to do next. @throws UsageError */
export function newRequirement(tree: SourceTree, slug: string, options: RequirementOptions): string[] {
  if (!/^[a-z]+(-[a-z0-9]+)*\/[a-z0-9]+(-[a-z0-9]+)+$/.test(slug)) {
    throw new UsageError(`${slug}: a slug is a prefix of an area and some words, as blk/read-returns-written-data`);
  }
  if (isRequirementSlug(slug)) throw new UsageError(`${slug}: is a requirement already`);
  const area = areaOf(slug);
  const entry = entryOf(area, options);
  checkFeatures(tree, options.feature);
  const path = `reference-impl/catalogue/areas/${area.name}.json`;
  tree.change(path, withEntry(tree.read(path), slug, entry));
  return [
    `entered: ${slug} in ${path}, since ${entry.since}, without a case ("untested": not-yet)`,
    'fill in: "via", the transports over which a violation can be seen, where the area differs; "observable"',
    'next: scripts/clauses.mjs enters where the clause stands (docs/CATALOGUE.md), a fault of the reference breaks the rule (docs/WRITING-CASES.md)',
    `then: vhost-conformance new case ID --requirement ${slug} --fault NAME`,
  ];
}

interface Area {
  readonly name: string;
  readonly last: Requirement;
}

/** The area of a prefix, with its last rule as a pattern. */
function areaOf(slug: string): Area {
  const prefix = slug.slice(0, slug.indexOf('/') + 1);
  const last = allRequirements().findLast((requirement) => requirement.slug.startsWith(prefix));
  if (last !== undefined) return { name: last.area, last };
  const known = [...new Set(allRequirements().map((requirement) => requirement.slug.split('/')[0]))];
  throw new UsageError(`${slug}: no area has rules that begin with ${prefix} (${known.join(', ')})`);
}

function entryOf({ last }: Area, options: RequirementOptions): { readonly since: string } & Record<string, unknown> {
  const { text, clause, level, basis, binds, feature } = options;
  if (text === undefined) throw new UsageError('new requirement wants --text, the rule in one sentence of our words');
  if (clause === undefined) throw new UsageError('new requirement wants --clause, number and headings of the text');
  if (!isBasis(basis)) throw new UsageError(`--basis ${basis}: is none of ${bases.join(', ')}`);
  if (isBeyondText(basis) ? level !== undefined : !isLevel(level)) {
    throw new UsageError(
      `new requirement wants ${isBeyondText(basis) ? 'no --level' : `--level, one of ${levels.join(', ')}`}`,
    );
  }
  return {
    origin: [],
    since: sinceOf(options, last),
    until: null,
    clause,
    binds: binds ?? last.binds,
    ...(level === undefined ? {} : { level }),
    basis,
    observable: 'yes',
    features: feature,
    via: last.via,
    text,
    untested: { reason: 'not-yet' },
  };
}

/** A bit that was entered just now is known, too. */
function checkFeatures(tree: SourceTree, names: readonly string[]): void {
  const known = new Set(Object.keys(JSON.parse(tree.read('reference-impl/catalogue/feature-bits.json'))));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) throw new UsageError(`--feature ${unknown}: is no feature`);
}

/** The newest version of the text of the area, unless told. */
function sinceOf({ since }: RequirementOptions, last: Requirement): string {
  const sources = allSources();
  const family = sources.find(({ name }) => name === last.since)?.family;
  const named = sources.find(({ name }) => name === (since ?? sources.findLast((one) => one.family === family)?.name));
  if (named === undefined) throw new UsageError(`--since ${since}: no such version of a text (list texts names them)`);
  return named.name;
}
