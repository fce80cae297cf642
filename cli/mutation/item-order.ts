import type { Neighbours } from './mutants.ts';
import type { RanItem } from './worker-messages.ts';

/** Items tried on one mutant, and the milliseconds that they may take together without it. */
const mostItems = 400;
const mostMs = 6000;

/**
 * Most mutants are reached by thousands of items, and seen by those that come to a place beside it where few others come:
 * the refusal behind a comparison, the end of a loop. Those are tried first, by turns for the line and for what is around
 * it; among equals the first variant of each case, and what costs least.
 */
export function itemsByWorth(
  items: readonly RanItem[],
  { sameLine, around }: Neighbours,
  reaching: ReadonlyMap<string, readonly RanItem[]>,
): string[] {
  const orders = [sameLine, around].map((beside) => {
    const rarity = rarities(beside, reaching);
    return [...items].sort(
      (a, b) =>
        (rarity.get(a) ?? commonest) - (rarity.get(b) ?? commonest) || a.rank - b.rank || a.durationMs - b.durationMs,
    );
  });
  const chosen = new Set<string>();
  let ms = 0;
  for (let n = 0; n < items.length; n++) {
    for (const order of orders) {
      const one = order[n];
      if (one === undefined || chosen.has(one.item)) continue;
      if (chosen.size >= mostItems || ms >= mostMs) return [...chosen];
      chosen.add(one.item);
      ms += one.durationMs;
    }
  }
  return [...chosen];
}

const commonest = 32;

/** Of each item, how rare the rarest of some mutants is that it reaches: the logarithm of the number of items that do. */
function rarities(mutants: readonly string[], reaching: ReadonlyMap<string, readonly RanItem[]>): Map<RanItem, number> {
  const rarity = new Map<RanItem, number>();
  for (const id of mutants) {
    const items = reaching.get(id) ?? [];
    const own = Math.floor(Math.log2(Math.max(1, items.length)));
    for (const one of items) rarity.set(one, Math.min(own, rarity.get(one) ?? commonest));
  }
  return rarity;
}
