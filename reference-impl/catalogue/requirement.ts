import { CatalogueError } from '../errors.ts';
import { type RequirementSlug, requirementsByArea } from './areas.ts';
import { everyOneOf, namesOf, numberOf, objectOf, oneOf, onlyKeys, stringOf } from './checked-json.ts';
import { type FeatureName, featureNamesOf } from './features.ts';
import { type SourceName, sourceNameOf } from './sources.ts';
import { type Transport, transports } from './transport.ts';

export const levels = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT', 'MAY'] as const;
export type Level = (typeof levels)[number];

export const bases = ['keyword', 'fact', 'choice', 'robustness'] as const;
/**
 * What rules the level: `keyword`, the text says must, should or may; `fact`, the text (or the kernel) states it and the
 * level is our reading. The text is silent, and there is no level: `choice`, of several lawful behaviours the one that we
 * chose, such as a refusal; `robustness`, we expect of any implementation that it does not crash, hang, leak, corrupt or
 * harm others.
 */
export type Basis = (typeof bases)[number];

/** Bases of what no text says. Of a record, which may be older, any text. */
export function isBeyondText(basis: string): boolean {
  return basis === 'choice' || basis === 'robustness';
}

const bindings = ['device', 'driver', 'back-end', 'front-end', 'kernel'] as const;
export type Binding = (typeof bindings)[number];

const servers = ['vhost-core', 'parent-driver'] as const;
/** A part of the kernel: the one that every vhost device shares, or the driver of one vDPA device. */
export type KernelServer = (typeof servers)[number];

const observabilities = ['yes', 'partly', 'no'] as const;
export type Observability = (typeof observabilities)[number];

const untestedReasons = ['not-observable', 'implied-by', 'out-of-scope', 'not-yet'] as const;
export type UntestedReason = (typeof untestedReasons)[number];

/** Why no case cites a requirement. */
export type Untested =
  | { readonly reason: 'implied-by'; readonly by: RequirementSlug; readonly detail?: string }
  | { readonly reason: Exclude<UntestedReason, 'implied-by'>; readonly detail?: string };

/** How older versions of the text say it: another level, or a fact without a keyword. */
export interface Formerly {
  /** The oldest of them; the last is the one ahead of the requirement's own `since`. */
  readonly since: SourceName;
  readonly level: Level;
  readonly basis: 'keyword' | 'fact';
}

/** What says the same of the other ring layout, or why nothing does. */
export type Counterpart = { readonly slug: RequirementSlug } | { readonly none: string };

export interface Requirement {
  readonly slug: RequirementSlug;
  /** For instance `basic/split-ring`, `device/block`, `vhost-user/header`, `vhost-kernel`. */
  readonly area: string;
  /** Ids of origins.json that say this; empty where we read it in the text beside those lists. */
  readonly origin: readonly string[];
  /** The oldest text that we know to hold it, and the last one that does (null: it still stands). */
  readonly since: SourceName;
  readonly until: SourceName | null;
  readonly formerly: Formerly | undefined;
  /** Number and headings, or headings alone where the text has no numbers. */
  readonly clause: string;
  readonly binds: Binding;
  /** Of what the kernel serves: which part answers for it, by transport. A vendor answers for the parent driver alone. */
  readonly server: Readonly<Partial<Record<Transport, KernelServer>>>;
  /** Null where no text says it. */
  readonly level: Level | null;
  readonly basis: Basis;
  /** Whether one who plays the driver or front-end can see a violation. */
  readonly observable: Observability;
  readonly features: readonly FeatureName[];
  /** Transports over which a violation can be seen. */
  readonly via: readonly Transport[];
  /** For rules that bind the driver: transports over which it can be broken on purpose. */
  readonly brokenVia: readonly Transport[];
  /** How many sub-items the clause lists; 0 for a plain sentence. */
  readonly items: number;
  readonly text: string;
  /** Of a requirement of one ring layout; undefined where it holds for both, or where the other layout does not ask. */
  readonly counterpart: Counterpart | undefined;
  readonly untested: Untested | undefined;
  /** No independent implementation has passed its cases yet: the requirement itself may be wrong. */
  readonly unwitnessed: boolean;
}

const slugs: ReadonlySet<string> = new Set([...requirementsByArea.values()].flatMap((area) => Object.keys(area)));

export function isRequirementSlug(name: string): name is RequirementSlug {
  return slugs.has(name);
}

function slugOf(name: string, where: string): RequirementSlug {
  if (!isRequirementSlug(name)) throw new CatalogueError(`${where}: no requirement is called ${name}`);
  return name;
}

function untestedFrom(value: unknown, where: string): Untested {
  const written = objectOf(value, where);
  onlyKeys(written, ['reason', 'by', 'detail'], where);
  const reason = oneOf(untestedReasons, written['reason'], where);
  const detail = written['detail'] === undefined ? {} : { detail: stringOf(written['detail'], where) };
  if (reason === 'implied-by') return { reason, by: slugOf(stringOf(written['by'], where), where), ...detail };
  if (written['by'] !== undefined) throw new CatalogueError(`${where}: only implied-by has by`);
  return { reason, ...detail };
}

function counterpartFrom(value: unknown, where: string): Counterpart {
  if (typeof value === 'string') return { slug: slugOf(value, where) };
  const written = objectOf(value, where);
  onlyKeys(written, ['none'], where);
  return { none: stringOf(written['none'], where) };
}

/** `reason`, then what it needs or is implied by: one line for lists and records. */
export function untestedText(untested: Untested): string {
  const by = untested.reason === 'implied-by' ? ` ${untested.by}` : '';
  return untested.reason + by + (untested.detail === undefined ? '' : `: ${untested.detail}`);
}

const requirementKeys = [
  ...['origin', 'since', 'until', 'formerly', 'clause', 'binds', 'server', 'level', 'basis', 'observable', 'features'],
  ...['via', 'brokenVia', 'items', 'text', 'counterpart', 'untested', 'unwitnessed'],
];

function formerlyFrom(value: unknown, where: string): Formerly {
  const written = objectOf(value, where);
  onlyKeys(written, ['since', 'level', 'basis'], where);
  return {
    since: sourceNameOf(written['since'], `${where}: since`),
    level: oneOf(levels, written['level'], `${where}: level`),
    basis: oneOf(['keyword', 'fact'], written['basis'], `${where}: basis`),
  };
}

function levelAndBasisFrom(
  written: Readonly<Record<string, unknown>>,
  where: string,
): Pick<Requirement, 'level' | 'basis'> {
  const basis = oneOf(bases, written['basis'], `${where}: basis`);
  if (!isBeyondText(basis)) return { basis, level: oneOf(levels, written['level'], `${where}: level`) };
  if (written['level'] === undefined) return { basis, level: null };
  throw new CatalogueError(`${where}: level: ${basis} has none, because no text says it; leave the key out`);
}

/** One part for every transport of `via`, or a part for each of them. */
function serverFrom(value: unknown, via: readonly Transport[], where: string): Requirement['server'] {
  if (value === undefined) return {};
  if (typeof value === 'string') {
    const server = oneOf(servers, value, where);
    return Object.fromEntries(via.map((transport) => [transport, server]));
  }
  const written = objectOf(value, where);
  onlyKeys(written, via, where);
  return Object.fromEntries(via.map((transport) => [transport, oneOf(servers, written[transport], where)]));
}

/** One entry of an area file, checked. @throws CatalogueError naming slug and field */
export function requirementFrom(area: string, name: string, value: unknown): Requirement {
  const where = `${area}: ${name}`;
  const written = objectOf(value, where);
  onlyKeys(written, requirementKeys, where);
  if (!['undefined', 'true'].includes(String(written['unwitnessed']))) {
    throw new CatalogueError(`${where}: unwitnessed is true or left out`);
  }
  const via = everyOneOf(transports, written['via'], `${where}: via`);
  return {
    slug: slugOf(name, where),
    area,
    origin: namesOf(written['origin'], `${where}: origin`),
    since: sourceNameOf(written['since'], `${where}: since`),
    until: written['until'] === null ? null : sourceNameOf(written['until'], `${where}: until`),
    formerly: written['formerly'] === undefined ? undefined : formerlyFrom(written['formerly'], `${where}: formerly`),
    clause: stringOf(written['clause'], `${where}: clause`),
    binds: oneOf(bindings, written['binds'], `${where}: binds`),
    server: serverFrom(written['server'], via, `${where}: server`),
    ...levelAndBasisFrom(written, where),
    observable: oneOf(observabilities, written['observable'], `${where}: observable`),
    features: featureNamesOf(written['features'], `${where}: features`),
    via,
    brokenVia: everyOneOf(transports, written['brokenVia'] ?? [], `${where}: brokenVia`),
    items: numberOf(written['items'] ?? 0, `${where}: items`),
    text: stringOf(written['text'], `${where}: text`),
    counterpart:
      written['counterpart'] === undefined
        ? undefined
        : counterpartFrom(written['counterpart'], `${where}: counterpart`),
    untested: written['untested'] === undefined ? undefined : untestedFrom(written['untested'], `${where}: untested`),
    unwitnessed: written['unwitnessed'] === true,
  };
}
