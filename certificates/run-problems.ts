import type { MergedRun } from '../reports/merge-runs.ts';
import { type Claim, type ClaimedTransport, isAbout } from './claim.ts';
import type { Profile } from './profile.ts';

/** A result that the suite plans for every target. */
export interface SuiteResult {
  readonly key: string;
  readonly caseId: string;
  /** It stands at the first value of each axis: other places are planned only where the case applies. */
  readonly isFirstPlace: boolean;
  /** A text asks for it. On hardware, the others are run where that is asked for. */
  readonly isOfText: boolean;
  /** The oracle watches the rings of its case. */
  readonly isWatched: boolean;
}
export type SuitePlan = readonly SuiteResult[];

/** Options of `run` that leave something of the plan out, or judge by other texts. */
const narrowing = ['--case', '--feature', '--point', '--level', '--layout', '--negotiation', '--expect'];

/** What keeps a run from a certificate, whatever its verdicts. */
export function runProblems(run: MergedRun, profiles: readonly Profile[], plan: SuitePlan): string[] {
  const { facts, missing, remarks } = run;
  const narrowed = narrowing.filter((word) => facts.command.includes(word));
  const texts = [...new Set(profiles.flatMap((profile) => profile.texts))].sort();
  return [
    ...(facts.ended === 'completed' ? [] : [`the run was ${facts.ended}`]),
    ...(missing.length === 0
      ? []
      : [`${missing.length} planned results were not run, the first is ${missing[0]?.key}`]),
    ...narrowed.map((word) => `the run was narrowed by ${word}`),
    ...(facts.texts.slice().sort().join() === texts.join()
      ? []
      : [`the run was judged by ${facts.texts.join(', ') || 'no chosen text'}, and not by ${texts.join(', ')}`]),
    ...remarks,
    ...planProblems(run, plan),
  ];
}

/** What the suite plans by the texts, and the run did not. */
function planProblems({ plan: { results }, results: judged, targets }: MergedRun, plan: SuitePlan): string[] {
  return targets.flatMap(({ target }) => {
    const planned = new Set(results.filter((one) => one.target === target).map(({ key }) => key));
    const applied = new Set(
      judged
        .filter(({ record }) => record.target === target && record.verdict !== 'not-applicable')
        .map(({ record }) => record.caseId),
    );
    const left = plan.filter(
      ({ key, caseId, isFirstPlace, isOfText }) =>
        isOfText && !planned.has(key) && (isFirstPlace || applied.has(caseId)),
    );
    if (left.length === 0) return [];
    return [`${target}: ${left.length} results of the suite were not planned, the first is ${left[0]?.key}`];
  });
}

/** What keeps one target of a run from a certificate, whatever its verdicts. */
export function targetProblems(
  run: MergedRun,
  claim: Claim,
  claimed: ClaimedTransport,
  profiles: readonly Profile[],
): string[] {
  const name = claimed.target;
  const record = run.targets.find(({ target }) => target === name);
  if (record === undefined) return [`${name}: is claimed, and was not judged`];
  const told = (what: string, is: string, said: string): string[] =>
    is === said ? [] : [`${name}: its ${what} is ${is || 'not told'}, and ${said} is claimed`];
  return [
    ...told('transport', record.transport, claimed.transport),
    ...told('device', record.device, claim.device.type),
    ...(claimed.version === undefined ? [] : told('version', record.version, claimed.version)),
    ...(claimed.binaryHash === undefined ? [] : told('program', record.binaryHash ?? '', claimed.binaryHash)),
    ...repetitionProblems(run, name, profiles),
    ...bitProblems(run, claim, claimed, profiles),
  ];
}

function repetitionProblems({ plan }: MergedRun, target: string, profiles: readonly Profile[]): string[] {
  const least = Math.max(...profiles.map(({ repetitions }) => repetitions));
  const counts = new Map<string, number>();
  for (const one of plan.results) if (one.target === target) counts.set(one.key, (counts.get(one.key) ?? 0) + 1);
  const fewest = Math.min(...counts.values());
  return fewest >= least ? [] : [`${target}: a result was run ${fewest} times, and ${least} are wanted`];
}

function bitProblems(run: MergedRun, claim: Claim, claimed: ClaimedTransport, profiles: readonly Profile[]): string[] {
  const { target: name, transport } = claimed;
  const features: readonly string[] = claimed.features;
  const record = run.targets.find(({ target }) => target === name);
  const offered = record?.offered ?? [];
  const excluded = claim.exclusions
    .filter((one) => isAbout(one, transport))
    .map(({ feature }): string => feature ?? '');
  const required = new Set(profiles.flatMap(({ requiredFeatures }) => requiredFeatures));
  const known = new Set(run.catalogue.features.map((feature) => feature.name));
  const unsaid = offered.filter(
    (bit) => known.has(bit) && !features.includes(bit) && !excluded.includes(bit) && record?.ownedBy[bit] === undefined,
  );
  return [
    ...features
      .filter((bit) => !offered.includes(bit))
      .map((bit) => `${name}: does not offer ${bit}, which is claimed`),
    ...unsaid.map((bit) => `${name}: offers ${bit}, which is neither claimed nor excluded with a reason`),
    ...[...required].filter((bit) => !features.includes(bit)).map((bit) => `${name}: ${bit} has to be claimed`),
  ];
}
