import type { MergedRun } from '../reports/merge-runs.ts';
import type { Claim, ClaimedTransport } from './claim.ts';
import { mustPassOf, type Profile, profileText } from './profile.ts';
import { type StatedRequirement, TargetEvidence } from './requirement-state.ts';
import { runProblems, type SuitePlan, targetProblems } from './run-problems.ts';

/** A profile for the device over one of its transports. */
export interface Scope {
  /** Id and version. */
  readonly profile: string;
  readonly transport: string;
  readonly target: string;
  /** Requirements of the must-pass list, and how many of them passed. */
  readonly of: number;
  readonly passed: number;
  /** Those that did not pass. */
  readonly others: readonly StatedRequirement[];
}

/** What a run allows a certificate to say of a claim. */
export interface Decision {
  readonly scopes: readonly Scope[];
  /** What keeps the run, whatever its verdicts, from a certificate. */
  readonly problems: readonly string[];
  /** Requirements with findings that no must-pass list of the claim has, or that hang on what is not claimed. */
  readonly foundOutside: readonly string[];
}

/** States in which a requirement does not keep a certificate from being issued. */
const harmless: readonly StatedRequirement['state'][] = ['passed', 'unclaimed', 'excluded', 'waived'];

/** Requirements that keep a certificate from being issued. */
export const refusals = ({ others }: Scope): readonly StatedRequirement[] =>
  others.filter(({ state }) => !harmless.includes(state));

export const isCertified = ({ scopes, problems }: Decision): boolean =>
  problems.length === 0 &&
  scopes.length > 0 &&
  scopes.every((scope) => scope.passed > 0 && refusals(scope).length === 0);

/** @param today by which waivers expire: the day of issue. @param plan what the suite plans. */
export function decide(
  run: MergedRun,
  claim: Claim,
  profiles: readonly Profile[],
  today: string,
  plan: SuitePlan,
): Decision {
  const judged = claim.transports.map((claimed) => ({
    claimed,
    evidence: new TargetEvidence(run, claim, claimed, today),
  }));
  const scopes = profiles.flatMap((profile) =>
    judged.flatMap(({ claimed, evidence }) => scopeOf(profile, claim, claimed, evidence) ?? []),
  );
  const concerned = new Set(
    scopes
      .flatMap(({ others }) => others.filter(({ state }) => state === 'failed' || state === 'waived'))
      .map(({ requirement }) => requirement),
  );
  return {
    scopes,
    problems: [
      ...runProblems(run, profiles, plan),
      ...judged.flatMap(({ claimed }) => targetProblems(run, claim, claimed, profiles)),
      ...profilesWithoutScope(claim, profiles),
      ...expiredWaivers(claim, today),
    ],
    foundOutside: [...new Set(judged.flatMap(({ evidence }) => evidence.failed))]
      .filter((requirement) => !concerned.has(requirement))
      .sort(),
  };
}

function scopeOf(
  profile: Profile,
  claim: Claim,
  { transport, target }: ClaimedTransport,
  evidence: TargetEvidence,
): Scope | undefined {
  const list = mustPassOf(profile, claim.device.type, transport);
  if (list === undefined) return undefined;
  const stated = list.requirements.map((requirement) => evidence.stateOf(requirement));
  const others = stated.filter(({ state }) => state !== 'passed');
  const of = stated.length;
  return { profile: profileText(profile), transport, target, of, passed: of - others.length, others };
}

function profilesWithoutScope({ device, transports }: Claim, profiles: readonly Profile[]): string[] {
  const bare = profiles.filter((profile) =>
    transports.every(({ transport }) => mustPassOf(profile, device.type, transport) === undefined),
  );
  return bare.map(
    (profile) => `profile ${profileText(profile)} has no list for a ${device.type} device as it is claimed`,
  );
}

/** Printed, and no use: the requirement fails again. */
function expiredWaivers({ waivers }: Claim, today: string): string[] {
  return waivers
    .filter(({ expires }) => expires < today)
    .map(({ requirement, expires }) => `the waiver of ${requirement} expired on ${expires}`);
}
