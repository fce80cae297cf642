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

/** What the results of one target say of a requirement. */
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
  readonly #outcomes = new Map<string, Evidence[]>();
  /** What failed, by the first result that says so. */
  readonly #failures = new Map<string, string>();

  /** @param today by which waivers expire. */
  constructor(run: MergedRun, claim: Claim, claimed: ClaimedTransport, today: string) {
    this.#claim = claim;
    this.#claimed = claimed;
    this.#today = today;
    this.#requirements = new Map(run.catalogue.requirements.map((one) => [one.id, one]));
    for (const { record } of run.results) if (record.target === claimed.target) this.#take(record);
  }

  /** Requirements that failed, of any list and of none. */
  get failed(): readonly string[] {
    return [...this.#failures.keys()];
  }

  stateOf(requirement: string): StatedRequirement {
    const unclaimed = this.#unclaimedBit(requirement);
    if (unclaimed !== undefined) return { requirement, state: 'unclaimed', why: unclaimed };
    const failure = this.#failures.get(requirement);
    if (failure !== undefined) {
      const waiver = this.#waiverOf(requirement);
      return waiver === undefined
        ? { requirement, state: 'failed', why: failure }
        : { requirement, state: 'waived', why: waiver };
    }
    const evidence = this.#outcomes.get(requirement) ?? [];
    const undecided = evidence.find(({ outcome: { outcome } }) => outcome !== 'pass' && outcome !== 'not-applicable');
    if (undecided !== undefined) {
      const { record, outcome } = undecided;
      const why = `${outcome.outcome} in ${placeOf(record)}${outcome.why === undefined ? '' : `: ${outcome.why}`}`;
      return { requirement, state: 'undecided', why };
    }
    const exclusion = this.#claim.exclusions.find((one) => one.requirement === requirement && this.#isHere(one));
    if (exclusion !== undefined) return { requirement, state: 'excluded', why: exclusion.reason };
    if (evidence.some(({ outcome: { outcome } }) => outcome === 'pass')) return { requirement, state: 'passed' };
    return { requirement, ...whyNotShown(evidence.map(({ outcome }) => outcome)) };
  }

  #take(record: CaseRecord): void {
    for (const outcome of record.outcomes) {
      const list = this.#outcomes.get(outcome.requirement);
      if (list === undefined) this.#outcomes.set(outcome.requirement, [{ record, outcome }]);
      else list.push({ record, outcome });
      if (outcome.outcome === 'fail') this.#fail(outcome.requirement, `fails in ${placeOf(record)}`);
    }
    for (const finding of record.findings) {
      if (!isApart(finding)) this.#fail(finding.requirement, `${finding.how} in ${placeOf(record)}: ${finding.what}`);
    }
  }

  #fail(requirement: string, why: string): void {
    if (!this.#failures.has(requirement)) this.#failures.set(requirement, why);
  }

  #unclaimedBit(requirement: string): string | undefined {
    const bits = this.#requirements.get(requirement)?.features ?? [];
    const bit = bits.find((name) => !this.#claimed.features.some((claimed) => claimed === name));
    if (bit === undefined) return undefined;
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
