import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';

/** What of the IUT is not known any more behind a call, from the least to the most. */
export type Taint = 'ring' | 'session' | 'memory' | 'iut';

/**
 * How a call stands to the text. `taints` without `isLawful: false`: the text allows the call, and what it changes is not
 * followed.
 */
export interface Verdict {
  readonly isLawful: boolean;
  readonly taints: Taint | undefined;
  /** The rule that it breaks, or what is not followed. */
  readonly why: string | undefined;
  /** A message that asks for an acknowledgement is acknowledged by 0. */
  readonly succeeds?: boolean;
  /** Whether it is answered, and how messages behind it are, is not known. */
  readonly leavesAnswersOpen?: boolean;
  /** The requirement by which a back-end refuses it. */
  readonly refusal?: RequirementSlug;
}

export const lawful: Verdict = { taints: undefined, why: undefined, isLawful: true };
export const succeeds: Verdict = { ...lawful, succeeds: true };
export const breaks = (taints: Taint, why: string): Verdict => ({ isLawful: false, taints, why });
export const unfollowed = (taints: Taint, why: string): Verdict => ({ isLawful: true, taints, why });
export const refused = (taints: Taint, why: string, refusal: RequirementSlug): Verdict => ({
  ...breaks(taints, why),
  refusal,
});

/** The verdict on a call that breaks a rule, if it breaks one. */
export const verdictOf = (taint: Taint, problem: string | undefined): Verdict | undefined =>
  problem === undefined ? undefined : breaks(taint, problem);
