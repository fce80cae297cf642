import { isRequirementSlug, type Requirement, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import { faults, isFaultName, layerText } from '../../reference-impl/faults/faults.ts';
import { UsageError } from '../usage-error.ts';
import { type CaseRoom, caseRooms } from './case-rooms.ts';
import type { SourceTree } from './source-tree.ts';

export interface CaseOptions {
  readonly requirement?: string;
  readonly fault?: string;
  readonly title?: string;
}

/** Types of devices as cases have them, by the area of their rules. */
const devices: Readonly<Record<string, string>> = {
  'device/block': 'block',
  'device/net': 'net',
  'device/entropy': 'entropy',
};

/** Makes a file with a case that fails until its run is written. Returns what to do next. @throws UsageError */
export function newCase(tree: SourceTree, id: string, options: CaseOptions): string[] {
  const { requirement, fault, title } = options;
  const room = roomOf(id);
  if (requirement === undefined || !isRequirementSlug(requirement)) {
    throw new UsageError('new case wants --requirement, a slug of the catalogue (list requirements)');
  }
  const rule = requirementOf(requirement);
  checkFault(fault, rule, room);
  const path = pathOf(id, room);
  tree.create(path, fileOf(id, room, rule, fault, title ?? 'fill in: what holds, in one line'));
  const entry = citedEntry(tree, rule);
  return [
    `made: ${path}`,
    ...(entry === undefined
      ? []
      : [`changed: ${entry}: the rule has a case, which no independent implementation passed yet`]),
    `fill in: ${title === undefined ? 'the title, and ' : ''}the run: it checks nothing yet and fails`,
    `next: npm run build; vhost-conformance run ${room.triedOn} --case ${id}; npm run faults -- ${fault}`,
  ];
}

function roomOf(id: string): CaseRoom {
  const room = caseRooms[id.split('/')[0] ?? ''];
  if (room !== undefined && /^[a-z-]+\/[a-z0-9-]+\/[a-z][a-z0-9]*(-[a-z0-9]+)+$/.test(id)) return room;
  const rooms = Object.keys(caseRooms).join(', ');
  throw new UsageError(
    `${id}: an id is a room of suites/ (${rooms}), a group, and what holds: virtio/block/what-holds`,
  );
}

/** A case is broken by a fault of its own rule, which its transport can show. */
function checkFault(
  fault: string | undefined,
  { slug, counterpart }: Requirement,
  { transports }: CaseRoom,
): asserts fault is string {
  if (fault === undefined || !isFaultName(fault)) {
    throw new UsageError(`new case wants --fault, one that breaks ${slug}: docs/WRITING-CASES.md says how to add it`);
  }
  const breaks = faults[fault];
  const other = counterpart !== undefined && 'slug' in counterpart ? counterpart.slug : undefined;
  if (breaks.requirement !== slug && breaks.requirement !== other) {
    throw new UsageError(`--fault ${fault}: breaks ${breaks.requirement}, and not ${slug}`);
  }
  if (breaks.layer === 'transport' && transports?.includes(breaks.transport) === false) {
    throw new UsageError(
      `--fault ${fault}: is a fault of ${layerText(breaks)}, which a case of ${transports.join(' and ')} cannot see`,
    );
  }
}

/** `virtio/block/x` has a folder for its group; elsewhere the room holds the files of all groups. */
function pathOf(id: string, { hasFolders }: CaseRoom): string {
  const [room, , name] = id.split('/');
  return `suites/${hasFolders ? id : `${room}/${name}`}.cases.ts`;
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

function fileOf(id: string, room: CaseRoom, rule: Requirement, fault: string, title: string): string {
  const name = (id.split('/').at(-1) ?? '').replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const above = '../'.repeat(room.hasFolders ? 2 : 1);
  return [
    `import { defineCase } from '${above}case.ts';`,
    ...room.imports,
    '',
    `export const ${name} = defineCase({`,
    `  id: '${id}',`,
    `  title: '${title.replaceAll("'", "\\'")}',`,
    `  proves: { '${rule.slug}': '${fault}' },`,
    `  applies: { ${appliesOf(room, rule).join(', ')} },`,
    `  run({ ${room.takes.join(', ')} }) {`,
    `    const check = requirement('${rule.slug}');`,
    ...room.looks.map((line) => `    ${line}`),
    '  },',
    '});',
    '',
  ].join('\n');
}

function appliesOf({ transports }: CaseRoom, { slug, area, features, counterpart }: Requirement): string[] {
  const device = devices[area];
  // Of a case for every transport; the doors of a transport are looked at without a ring.
  const layout = slug.startsWith('packed')
    ? 'packed'
    : counterpart !== undefined && 'none' in counterpart
      ? 'split'
      : undefined;
  return [
    "start: 'negotiated'",
    ...(transports === undefined ? [] : [`transports: [${quoted(transports)}]`, "ring: 'none'"]),
    ...(transports === undefined && layout !== undefined ? [`ring: '${layout}'`] : []),
    ...(device === undefined ? [] : [`devices: ['${device}']`]),
    ...(features.length === 0 ? [] : [`negotiate: [${quoted(features)}]`]),
  ];
}

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(', ');
