import { canonicalJson } from '../reference-impl/catalogue/content-hash.ts';
import { type MergedRun, mergeRuns } from '../reports/merge-runs.ts';
import { htmlReport } from '../reports/reporters/html.ts';
import { type Attempt, attemptFile } from './attempts.ts';
import { type OpenBundle, textIn } from './bundle.ts';
import { CertificateError } from './certificate-error.ts';
import { parsedJson } from './checked-file.ts';
import { type Claim, claimOf } from './claim.ts';
import { type Decision, decide, isCertified, refusals, type Scope } from './decision.ts';
import { type Environment, environment } from './environment.ts';
import { dateProblems } from './issue-date.ts';
import { type JudgedAgain, judgedAgain } from './judged-again.ts';
import { type Profile, profileOf, profileText } from './profile.ts';
import type { SuitePlan } from './run-problems.ts';
import { sha256Of } from './statement.ts';
import { validUntil } from './validity.ts';

/** The suite that verifies: a bundle of another one is not judged by it. */
export interface SuiteFacts {
  readonly name: string;
  readonly version: string;
  readonly catalogueHash: string;
  /** As runs of this suite record it. */
  readonly catalogue: unknown;
  readonly plan: SuitePlan;
}

/** All that a bundle says, and what keeps it from being a certificate. */
export interface Verification {
  readonly bundle: OpenBundle;
  readonly claim: Claim;
  readonly profiles: readonly Profile[];
  readonly environment: Environment;
  readonly attempts: readonly Attempt[];
  readonly run: MergedRun;
  readonly decision: Decision;
  /** Undefined where something else is wrong already: traces and the report are judged last. */
  readonly again: JudgedAgain | undefined;
  /** Empty for a certificate that stands. */
  readonly problems: readonly string[];
}

/**
 * Judges a bundle whose signature holds: nothing that it says of itself counts but its records and traces.
 * @param root the directory of its run, as it was unpacked. @param today by which a certificate expires.
 * @throws CertificateError where a part of it cannot be read.
 */
export function verified(bundle: OpenBundle, root: string, suite: SuiteFacts, today: string): Verification {
  const { files, statement } = bundle;
  const { predicate } = statement;
  const claim = claimOf('claim.json', textIn(files, 'claim.json'));
  const profiles = claim.profiles.map(profileOf);
  const found = parsedJson('environment.json', textIn(files, 'environment.json'), environment);
  const { attempts } = parsedJson('attempts.json', textIn(files, 'attempts.json'), attemptFile);
  const run = mergeRuns([root]);
  const issued = predicate.issuedAt.slice(0, 10);
  const decision = decide(run, claim, profiles, issued, suite.plan);
  const until = validUntil(issued, profiles, claim);
  const others = [
    ...suiteProblems(bundle, run, suite),
    ...profiles.flatMap((profile) => profileProblems(bundle, profile, issued)),
    ...environmentProblems(found, run, claim),
    ...attemptProblems(bundle, attempts),
    ...dateProblems(predicate, run.facts, today),
    ...(isCertified(decision) ? [] : refusalLines(decision)),
    ...(predicate.validUntil === until
      ? []
      : [`says that it is valid until ${predicate.validUntil}, and is until ${until}`]),
    ...(today <= until ? [] : [`was valid until ${until}`]),
  ];
  const again = others.length === 0 ? judgedAgain(run, files, suite.plan) : undefined;
  const problems = again === undefined ? others : [...reportProblems(bundle, run), ...again.problems];
  return { bundle, claim, profiles, environment: found, attempts, run, decision, again, problems };
}

/** Why a decision is no certificate, a line each. */
export const refusalLines = ({ scopes, problems }: Decision): string[] => [
  ...problems,
  ...scopes.flatMap((scope) =>
    refusals(scope).map(({ requirement, state, why }) => `${scopeText(scope)}: ${requirement}: ${state}: ${why ?? ''}`),
  ),
  ...scopes.filter(({ passed }) => passed === 0).map((scope) => `${scopeText(scope)}: no requirement passed`),
];

export const scopeText = ({ profile, target }: Scope): string => `profile ${profile}, ${target}`;

function suiteProblems({ statement, files }: OpenBundle, run: MergedRun, suite: SuiteFacts): string[] {
  const { name, version, catalogueHash } = statement.predicate.suite;
  if (name !== suite.name || version !== suite.version || catalogueHash !== suite.catalogueHash) {
    const made = `${name} ${version} with catalogue ${catalogueHash.slice(0, 12)}`;
    throw new CertificateError(`the bundle was made by ${made}: that one can verify it, or submit the claim anew`);
  }
  const { suite: ran, catalogueHash: ranWith } = run.facts;
  return [
    ...(ran.name === name && ran.version === version && ranWith === catalogueHash
      ? []
      : ['the run is one of another suite than the statement names']),
    ...(canonicalJson(JSON.parse(textIn(files, 'run/catalogue.json'))) === canonicalJson(suite.catalogue)
      ? []
      : ['run/catalogue.json is not the catalogue of the suite']),
  ];
}

function profileProblems({ files }: OpenBundle, profile: Profile, issued: string): string[] {
  const name = `profiles/${profile.id}.json`;
  const { issuedFrom, issuedUntil } = profile;
  return [
    ...(canonicalJson(JSON.parse(textIn(files, name))) === canonicalJson(profile)
      ? []
      : [`${name} is not the profile ${profileText(profile)} of the suite`]),
    ...(issued >= issuedFrom && issued <= issuedUntil
      ? []
      : [`profile ${profileText(profile)} is issued from ${issuedFrom} to ${issuedUntil}, and not on ${issued}`]),
  ];
}

/** What the environment says against the run, or against the claim. */
export function environmentProblems(found: Environment, { facts }: MergedRun, { device }: Claim): string[] {
  const ids = new Set(found.pci.map(({ vendor, device: id }) => `${vendor}:${id}`));
  const isSame =
    found.catalogueHash === facts.catalogueHash &&
    found.seed === facts.seed &&
    found.suite.version === facts.suite.version;
  return [
    ...(isSame ? [] : ['environment.json is that of another run']),
    ...device.pciIds.filter((id) => !ids.has(id)).map((id) => `no PCI function ${id} was found, which is claimed`),
  ];
}

function attemptProblems({ files, statement }: OpenBundle, attempts: readonly Attempt[]): string[] {
  const last = attempts.at(-1);
  const isThis =
    last?.result === 'certified' &&
    last.at === statement.predicate.issuedAt &&
    last.claim === sha256Of(textIn(files, 'claim.json')) &&
    statement.predicate.attempt === attempts.length;
  return isThis ? [] : ['attempts.json does not end with this submission'];
}

/** The report is made from the records and traces of the bundle, and of nothing else. */
const reportProblems = ({ files }: OpenBundle, run: MergedRun): string[] =>
  textIn(files, 'run/report.html') === htmlReport(run, [])
    ? []
    : ['run/report.html is not the report of the records and traces of the bundle'];
