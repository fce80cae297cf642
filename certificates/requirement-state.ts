import type { MergedRun } from '../reports/merge-runs.ts';
import type { SnapshotRequirement } from '../reports/record/catalogue-snapshot.ts';
import type { CaseRecord, RequirementOutcome } from '../reports/record/record.ts';
import { isApart } from '../reports/result-explanation.ts';
import { type Claim, type ClaimedTransport, isAbout } from './claim.ts';

/**
 * Of a requirement of a must-pass list. `not-shown`: no case about it applied, for another reason than bits that are not
 * offered. `unclaimed`: it hangs on a bit that is not claimed, or its cases need one that is not offered.
 */
export const requirementStates = [
  'passed',
  'failed',
  'undecided',
  'not-shown',
  'unclaimed',
  'excluded',
  'waived',
] as const;
export type RequirementState = (typeof requirementStates)[number];

export interface StatedRequirement {
  readonly requirement: string;
  readonly state: RequirementState;
  /** Where it did not pass. */
  readonly why?: string;
}

/** What one result says of a requirement. */
interface Evidence {
  readonly record: CaseRecord;
  readonly outcome: RequirementOutcome;
}

/** Decides requirement by requirement what a claim may say of one target. */
export class TargetEvidence {
  readonly #claim: Claim;
  readonly #claimed: ClaimedTransport;
  readonly #today: string;
  readonly #requirements: ReadonlyMap<string, SnapshotRequirement>;
  readonly #offered: readonly string[];
  readonly #evidence = new Map<string, Evidence[]>();

  /** @param today by which waivers expire. */
  constructor(run: MergedRun, claim: Claim, claimed: ClaimedTransport, today: string) {
    this.#claim = claim;
    this.#claimed = claimed;
    this.#today = today;
    this.#requirements = new Map(run.catalogue.requirements.map((one) => [one.id, one]));
    this.#offered = run.targets.find(({ target }) => target === claimed.target)?.offered ?? [];
    for (const { record } of run.results) if (record.target === claimed.target) this.#take(record);
  }

  /** Requirements that failed, of any list and of none. */
  get failed(): readonly string[] {
    return [...this.#evidence].filter(([, all]) => all.some(hasFailed)).map(([requirement]) => requirement);
  }

  stateOf(requirement: string): StatedRequirement {
    const all = this.#evidence.get(requirement) ?? [];
    const unclaimed = this.#unclaimedBits(requirement);
    if (unclaimed.length === 0) return { requirement, ...this.#stateBy(requirement, all) };
    // It may be about the absence of the bit: then what ran without it counts.
    const without = all.filter((one) => one.outcome.outcome !== 'not-applicable' && this.#ranWithout(one, unclaimed));
    if (without.length > 0) return { requirement, ...this.#stateBy(requirement, without) };
    return { requirement, state: 'unclaimed', why: this.#whyUnclaimed(unclaimed[0] ?? '') };
  }

  #stateBy(requirement: string, evidence: readonly Evidence[]): Pick<StatedRequirement, 'state' | 'why'> {
    const failure = evidence.find(hasFailed);
    if (failure !== undefined) {
      const waiver = this.#waiverOf(requirement);
      if (waiver !== undefined) return { state: 'waived', why: waiver };
      return { state: 'failed', why: failureText(failure, requirement) };
    }
    const undecided = evidence.find(({ outcome: { outcome } }) => outcome !== 'pass' && outcome !== 'not-applicable');
    if (undecided !== undefined) {
      const { record, outcome } = undecided;
      const why = `${outcome.outcome} in ${placeOf(record)}${outcome.why === undefined ? '' : `: ${outcome.why}`}`;
      return { state: 'undecided', why };
    }
    const exclusion = this.#claim.exclusions.find((one) => one.requirement === requirement && this.#isHere(one));
    if (exclusion !== undefined) return { state: 'excluded', why: exclusion.reason };
    if (evidence.some(({ outcome: { outcome } }) => outcome === 'pass')) return { state: 'passed' };
    return whyNotShown(evidence.map(({ outcome }) => outcome));
  }

  #take(record: CaseRecord): void {
    for (const outcome of record.outcomes) this.#add(outcome.requirement, { record, outcome });
    const found = record.findings.filter((finding) => !isApart(finding)).map(({ requirement }) => requirement);
    for (const requirement of new Set(found)) {
      this.#add(requirement, { record, outcome: { requirement, outcome: 'fail', checks: 0 } });
    }
  }

  #add(requirement: string, evidence: Evidence): void {
    const list = this.#evidence.get(requirement);
    if (list === undefined) this.#evidence.set(requirement, [evidence]);
    else list.push(evidence);
  }

  #unclaimedBits(requirement: string): string[] {
    const bits = this.#requirements.get(requirement)?.features ?? [];
    return bits.filter((name) => !this.#claimed.features.some((claimed) => claimed === name));
  }

  /** Whether sessions of the case ran without these bits; of bits that are offered only where it tells what they took. */
  #ranWithout({ record: { accepted = [] } }: Evidence, bits: readonly string[]): boolean {
    if (bits.some((bit) => accepted.includes(bit))) return false;
    return accepted.length > 0 || bits.every((bit) => !this.#offered.includes(bit));
  }

  #whyUnclaimed(bit: string): string {
    const exclusion = this.#claim.exclusions.find((one) => one.feature === bit && this.#isHere(one));
    return exclusion === undefined ? `hangs on ${bit}, which is not claimed` : `${bit}: ${exclusion.reason}`;
  }

  /** What a waiver that counts today says. */
  #waiverOf(requirement: string): string | undefined {
    const waiver = this.#claim.waivers.find(
      (one) => one.requirement === requirement && this.#isHere(one) && one.expires >= this.#today,
    );
    if (waiver === undefined) return undefined;
    const { reason, approvedBy, expires, link } = waiver;
    return `${reason}; approved by ${approvedBy} until ${expires}, ${link}`;
  }

  #isHere(one: { readonly transport?: string | undefined }): boolean {
    return isAbout(one, this.#claimed.transport);
  }
}

const hasFailed = ({ outcome }: Evidence): boolean => outcome.outcome === 'fail';

function failureText({ record }: Evidence, requirement: string): string {
  const finding = record.findings.find((one) => one.requirement === requirement);
  const what = finding === undefined ? 'fails' : finding.how;
  return `${what} in ${placeOf(record)}${finding === undefined ? '' : `: ${finding.what}`}`;
}

const placeOf = ({ key, repetition }: CaseRecord): string => `${key} (repetition ${repetition + 1})`;

/** A case that needs a bit which is not offered, or the absence of one that is. */
const isAboutOffer = ({ why, absentAxis }: RequirementOutcome): boolean =>
  absentAxis !== undefined || /\b[A-Z][A-Z0-9_]+ (not )?offered\b/.test(why ?? '');

function whyNotShown(outcomes: readonly RequirementOutcome[]): Pick<StatedRequirement, 'state' | 'why'> {
  const here = outcomes.filter(({ elsewhere }) => elsewhere === undefined);
  const [other] = here.filter((outcome) => !isAboutOffer(outcome));
  if (other !== undefined) return { state: 'not-shown', why: other.why ?? 'its cases do not apply' };
  const [first] = here;
  if (first === undefined) return { state: 'not-shown', why: 'no case about it is in the plan' };
  return { state: 'unclaimed', why: first.why ?? 'its cases need a bit that is not offered' };
}
