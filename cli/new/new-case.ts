import { isRequirementSlug, type Requirement, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import { isFaultName } from '../../reference-impl/faults/faults.ts';
import { UsageError } from '../usage-error.ts';
import type { SourceTree } from './source-tree.ts';

export interface CaseOptions {
  readonly requirement?: string;
  readonly fault?: string;
  readonly title?: string;
}

/** Types of devices as cases have them, by the prefix of their rules. */
const devices: Readonly<Record<string, string>> = {
  'device/block': 'block',
  'device/net': 'net',
  'device/entropy': 'entropy',
};

/** Makes a file with a case that fails until its run is written. Returns what to do next. @throws UsageError */
export function newCase(tree: SourceTree, id: string, options: CaseOptions): string[] {
  const { requirement, fault, title } = options;
  if (!/^virtio\/[a-z-]+\/[a-z0-9]+(-[a-z0-9]+)+$/.test(id)) {
    throw new UsageError(
      `${id}: new case makes cases for every transport, as virtio/block/what-holds; docs/WRITING-CASES.md has the others`,
    );
  }
  if (requirement === undefined || !isRequirementSlug(requirement)) {
    throw new UsageError('new case wants --requirement, a slug of the catalogue (list requirements)');
  }
  if (fault === undefined || !isFaultName(fault)) {
    throw new UsageError(
      `new case wants --fault, one that breaks ${requirement}: docs/WRITING-CASES.md says how to add it`,
    );
  }
  const path = `suites/${id}.cases.ts`;
  tree.create(path, fileOf(id, requirementOf(requirement), fault, title ?? 'fill in: what holds, in one line'));
  const entry = citedEntry(tree, requirementOf(requirement));
  return [
    `made: ${path}`,
    ...(entry === undefined
      ? []
      : [`changed: ${entry}: the rule has a case, which no independent implementation passed yet`]),
    `fill in: ${title === undefined ? 'the title, and ' : ''}the run: it checks nothing yet and fails`,
    `next: npm run build; vhost-conformance run reference --case ${id}; npm run faults -- ${fault}`,
  ];
}

/** A rule with a case is not untested, and unwitnessed until another implementation passes it. */
function citedEntry(tree: SourceTree, { area, slug, untested }: Requirement): string | undefined {
  if (untested === undefined) return undefined;
  const path = `reference-impl/catalogue/areas/${area}.json`;
  const text = tree.read(path);
  const begins = text.indexOf(`\n  ${JSON.stringify(slug)}: {`);
  const ends = text.indexOf('\n  }', begins);
  const entry = text.slice(begins, ends).replace(/"untested": \{[^{}]*\}/, '"unwitnessed": true');
  tree.change(path, text.slice(0, begins) + entry + text.slice(ends));
  return path;
}

function fileOf(id: string, { slug, area, features }: Requirement, fault: string, title: string): string {
  const name = (id.split('/').at(-1) ?? '').replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const device = devices[area];
  const applies = [
    "start: 'negotiated'",
    ...(device === undefined ? [] : [`devices: ['${device}']`]),
    ...(features.length === 0 ? [] : [`negotiate: [${features.map((feature) => `'${feature}'`).join(', ')}]`]),
  ];
  return [
    "import { defineCase } from '../../case.ts';",
    '',
    `export const ${name} = defineCase({`,
    `  id: '${id}',`,
    `  title: '${title.replaceAll("'", "\\'")}',`,
    `  proves: { '${slug}': '${fault}' },`,
    `  applies: { ${applies.join(', ')} },`,
    '  run({ driver, ring, requirement }) {',
    '    const queue = driver.attach(ring({ size: 16 }));',
    '    queue.makeAvailable([driver.request({ seed: 1 }).segments]);',
    '    const used = queue.kickAndWaitForUsed(1);',
    `    requirement('${slug}').equal(used.length, 0, 'fill in: what the rule says of it');`,
    '  },',
    '});',
    '',
  ].join('\n');
}
