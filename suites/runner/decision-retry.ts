import { presupposedWrongly } from '../check.ts';
import type { Judgement } from './judge.ts';
import { isUndecided } from './judgement-facts.ts';

const triesToDecide = 3;
/** So many results that all their tries left undecided by one premise show that it is not so on this target. */
const resultsThatShow = 2;

/**
 * Runs a result again where what it presupposes is not so, or the machine is too slow, which may be chance. A premise that
 * was not so in each try of several results is tried once in the results behind them: it would cost each three times the
 * deadline to say the same.
 */
export class DecisionRetry {
  /** By a premise that left results undecided: how many. None that another try has met. */
  readonly #standing = new Map<string, number>();

  /** @param place where on the axes it runs: a premise may hold on one layout alone. */
  decide(place: string, run: () => Judgement): Judgement {
    const missed = new Set<string>();
    for (let tries = triesToDecide; ; tries--) {
      const judged = run();
      const premises = premisesOf(judged).map((why) => `${place} ${why}`);
      if (!isUndecided(judged)) {
        for (const premise of missed) this.#standing.delete(premise);
        return judged;
      }
      for (const premise of premises) missed.add(premise);
      const isStanding = premises.length > 0 && premises.every((premise) => this.#isStanding(premise));
      if (tries <= 1 || isStanding) {
        if (!isStanding) for (const premise of premises) this.#standing.set(premise, this.#count(premise) + 1);
        return judged;
      }
    }
  }

  #isStanding(premise: string): boolean {
    return this.#count(premise) >= resultsThatShow;
  }

  #count(premise: string): number {
    return this.#standing.get(premise) ?? 0;
  }
}

/** What it presupposed and was not so; empty where the machine was too slow as well, which is chance. */
function premisesOf({ outcomes }: Judgement): string[] {
  const whys = outcomes.filter(({ outcome }) => outcome === 'inconclusive').map(({ why = '' }) => why);
  if (!whys.every((why) => why.startsWith(presupposedWrongly))) return [];
  return [...new Set(whys.map((why) => why.replace(/\d+/g, '#')))];
}
