import type { RequirementSlug } from '../../catalogue/catalogue.ts';

/** How a requirement was broken. */
export interface Breach {
  /** What was looked at. */
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** `kept`: the situation was there, and the rule held. Undefined where the rule was not concerned. */
export type Judgement = 'kept' | Breach | undefined;

export const breach = (what: string, expected: string, actual: string): Breach => ({ what, expected, actual });

/** Kept where the condition holds, else what `otherwise` says. */
export function keptIf(holds: boolean, otherwise: () => Breach): Judgement {
  return holds ? 'kept' : otherwise();
}

/** Where what was seen of a front-end and its driver is told, requirement by requirement. */
export type Tell = (requirement: RequirementSlug, judgement: Judgement) => void;
