import type { DevicePart } from './session-device.ts';
import type { TargetFacts } from './target-facts.ts';

/** Facts that a target is known to have, in its workload, or else a part of its device tells. */
const tellers = {
  'disk.size': { fact: 'disk', part: 'device.config' },
} as const satisfies Record<string, { readonly fact: string; readonly part: DevicePart }>;
export type ToldFact = keyof typeof tellers;

const isToldFact = (need: string): need is ToldFact => Object.hasOwn(tellers, need);

/** What is needed of this target: for a fact that is not known of it, the part that tells. */
export const neededOf = <Need extends string>(
  needs: readonly (Need | ToldFact)[],
  { workload }: Pick<TargetFacts, 'workload'>,
): readonly (Exclude<Need, ToldFact> | DevicePart)[] =>
  needs.flatMap<Exclude<Need, ToldFact> | DevicePart>((need) => {
    if (!isToldFact(need)) return [need as Exclude<Need, ToldFact>];
    const { fact, part } = tellers[need];
    return workload[fact] === undefined ? [part] : [];
  });
