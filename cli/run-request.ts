import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { didYouMean } from '../drivers/near-matches.ts';
import type { FunctionUse } from '../drivers/pci/function-uses.ts';
import { isReachedBy, type Target } from '../drivers/target.ts';
import {
  allFeatures,
  allRequirements,
  allSources,
  currentSlug,
  isRequirementSlug,
} from '../reference-impl/catalogue/catalogue.ts';
import { isAbandonedName } from '../reports/record/run-directory.ts';
import type { AnyCase } from '../suites/case.ts';
import { successorsOf } from '../suites/retired-ids.ts';
import { type Expectation, readExpectations } from '../suites/runner/expectations.ts';
import type { LevelFilter } from '../suites/runner/level-filter.ts';
import {
  type PlannedCase,
  patternsWithoutCase,
  type Selection,
  type Shard,
  selectCases,
} from '../suites/runner/plan.ts';
import { allFeatureNames, requirementFacts } from './catalogue-facts.ts';
import { checkJobs } from './instances.ts';
import type { ReporterName } from './reporter-names.ts';
import { pairsOf, type RunCommand, type TargetArgument, targetsOf } from './target-argument.ts';
import { textsOf } from './text-option.ts';
import { UsageError } from './usage-error.ts';

/** Of which results traces are kept. */
export const traceChoices = ['failing', 'all'] as const;

/** The options of `run` as they were typed, each in its own form. */
export interface RunOptions {
  readonly targetFile: readonly string[];
  readonly exec?: string;
  readonly pair: readonly string[];
  readonly execDirectory?: string;
  readonly execEnv: readonly string[];
  readonly execFile: readonly string[];
  readonly device: string;
  readonly case: readonly string[];
  readonly feature: readonly string[];
  readonly point?: string;
  readonly level: LevelFilter;
  /** As typed: versions of texts, or `newest`. */
  readonly text: readonly string[];
  readonly layout?: Selection['layout'];
  readonly negotiation?: Selection['negotiation'];
  readonly expect: readonly string[];
  readonly updateExpectations: boolean;
  readonly out?: string;
  readonly reporter: readonly ReporterName[];
  readonly shard?: Shard;
  readonly traces: (typeof traceChoices)[number];
  readonly repeat: number;
  /** Instances of a target that are judged at once. */
  readonly jobs: number;
  readonly seed: number;
  readonly resume?: string;
  readonly dryRun: boolean;
  /** Functions that may be taken from their drivers, and uses in spite of which they may. */
  readonly yes: readonly string[];
  readonly despite: readonly FunctionUse[];
  /** On hardware, also cases that no text asks for. */
  readonly hostile: boolean;
}

/** A run that can be made: everything named exists. */
export interface RunRequest {
  readonly targets: readonly TargetArgument[];
  /** By the name of a target: the second IUT of its cases that need two. */
  readonly pairs: ReadonlyMap<string, TargetArgument>;
  readonly cases: readonly PlannedCase[];
  readonly expectations: readonly Expectation[];
  /** Versions of texts that were chosen; of every other text the default counts. */
  readonly texts: readonly string[];
  readonly options: RunOptions;
  /** What was understood otherwise than it was typed, a line each. */
  readonly remarks: readonly string[];
}

/** @throws UsageError with one line for the first thing that does not exist or cannot be. */
export function runRequest(
  names: readonly string[],
  options: RunOptions,
  all: readonly AnyCase[],
  place: RunCommand,
): RunRequest {
  const remarks: string[] = [];
  const current = (pattern: string, where: string): readonly string[] => {
    const successors = successorsOf(pattern);
    if (successors === undefined) return [pattern];
    remarks.push(`${where} ${pattern}: is retired; ${successors.join(', ')} took its place`);
    return successors;
  };
  const named = options.case.flatMap((pattern) => current(pattern, '--case'));
  checkCases(all, named);
  checkFeatures(options.feature);
  const texts = textsOf(options.text, allSources());
  const { feature: features, level, layout, negotiation } = options;
  const selection: Selection = { cases: named, features, level, layout, negotiation };
  const selected = selectCases(all, selection, requirementFacts);
  if (selected.length === 0) {
    throw new UsageError('no case is left by --case, --feature, --level, --layout and --negotiation together');
  }
  if (options.point !== undefined && new Set(selected.map(({ definition }) => definition.id)).size !== 1) {
    throw new UsageError('--point wants exactly one case: say which with --case');
  }
  if (options.updateExpectations && options.expect.length !== 1) {
    throw new UsageError('--update-expectations wants --expect FILE once: the file to write');
  }
  const expectations = options.expect.flatMap((file) => {
    if (options.updateExpectations && !existsSync(file)) return [];
    const entries = readExpectations(file).flatMap((entry) =>
      current(entry.case, `${file}:`).map((id) => withCurrentRequirement({ ...entry, case: id })),
    );
    for (const entry of entries) checkExpectation(entry, all, file);
    return entries;
  });
  // Last, because it asks those that serve a socket already.
  const targets = targetsOf(names, options, place);
  const pairs = pairsOf(
    options.pair,
    targets,
    { yes: options.yes, despite: options.despite, dryRun: options.dryRun },
    place,
  );
  for (const { target } of [...targets, ...pairs.values()]) checkJobs(target, options.jobs, place);
  const isGentle = level === 'all' && !options.hostile && targets.some(({ target }) => isHardwareHere(target, place));
  if (isGentle) remarks.push('cases that no text asks for are left out on hardware, which they may hang: --hostile');
  const cases = isGentle ? selectCases(all, { ...selection, level: 'should' }, requirementFacts) : selected;
  if (cases.length === 0) throw new UsageError('no case is left that a text asks for; --hostile has the others run');
  return { targets, pairs, cases, expectations, texts, options, remarks };
}

const isHardwareHere = (target: Target, place: RunCommand): boolean =>
  place === 'run' && isReachedBy(target, 'vfio-pci');

/** @throws UsageError where results could not be written there; makes nothing. */
export function checkOut(out: string): string {
  const root = resolve(out);
  if (existsSync(root)) {
    if (!statSync(root).isDirectory()) throw new UsageError(`--out ${out}: is a file, not a directory`);
    if (existsSync(resolve(root, 'results.jsonl'))) {
      throw new UsageError(`--out ${out}: already holds the results of a run (--resume ${out} continues it)`);
    }
    if (isFilled(root)) throw new UsageError(`--out ${out}: holds other files; name a new or an empty directory`);
  }
  const place = nearestExisting(root);
  if (!statSync(place).isDirectory()) throw new UsageError(`--out ${out}: ${place} is a file, not a directory`);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch {
    throw new UsageError(`--out ${out}: no permission to write in ${place}`);
  }
  return root;
}

/** Whether the directory holds anything; the first write there fails for one that cannot be read. */
function isFilled(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => !isAbandonedName(name));
  } catch {
    return false;
  }
}

/** The path itself or the nearest folder above it that exists. */
export function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

function checkCases(all: readonly AnyCase[], patterns: readonly string[]): void {
  const [unknown] = patternsWithoutCase(all, patterns);
  if (unknown === undefined) return;
  const near = didYouMean(unknown.replace(/[[*].*$/, ''), idsAndFolders(all));
  throw new UsageError(`--case ${unknown}: names no case${near}; "vhost-conformance list cases" lists them`);
}

function idsAndFolders(all: readonly AnyCase[]): string[] {
  const names = new Set<string>();
  for (const { id } of all) {
    const words = id.split('/');
    for (const count of words.keys()) names.add(words.slice(0, count + 1).join('/'));
  }
  return [...names];
}

function checkFeatures(names: readonly string[]): void {
  const known = allFeatureNames();
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const atBit = allFeatures().filter(({ bit }) => /^\d+$/.test(unknown) && bit === Number(unknown));
  if (atBit.length > 0) {
    const names = atBit.map(({ name }) => name).join(', ');
    throw new UsageError(
      `--feature ${unknown}: features have names; at bit ${unknown} ${atBit.length === 1 ? 'is' : 'are'} ${names}`,
    );
  }
  throw new UsageError(
    `--feature ${unknown}: no such feature${didYouMean(unknown, known)}; "vhost-conformance list features" lists them`,
  );
}

/** A retired requirement means the one that stands for it now. */
function withCurrentRequirement(entry: Expectation): Expectation {
  return entry.requirement === undefined ? entry : { ...entry, requirement: currentSlug(entry.requirement) };
}

function checkExpectation(entry: Expectation, all: readonly AnyCase[], path: string): void {
  const { requirement } = entry;
  if (requirement !== undefined && !isRequirementSlug(requirement)) {
    const known = allRequirements().map(({ slug }) => slug);
    throw new UsageError(`${path}: no requirement is called ${requirement}${didYouMean(requirement, known)}`);
  }
  const [unknown] = patternsWithoutCase(all, [entry.case]);
  if (unknown === undefined) return;
  throw new UsageError(
    `${path}: ${unknown} names no case${didYouMean(
      unknown,
      all.map(({ id }) => id),
    )}`,
  );
}
