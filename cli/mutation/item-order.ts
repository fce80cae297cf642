import type { Neighbours } from './mutants.ts';
import type { TrialExtent } from './trial-extent.ts';
import type { RanItem } from './worker-messages.ts';

/**
 * Most mutants are reached by thousands of items, and seen by those that come to a place beside it where few others come:
 * the refusal behind a comparison, the end of a loop. Those are tried first, by turns for the line and for what is around
 * it; among equals each case once, by its first variant where it costs least, before any of them again. Half of the turns
 * are those of all cases alike, each once before any of them again: what everything reaches may be seen by a single case.
 * `ofFaults` are cases that prove faults of the same place: they have a turn of their own.
 */
export function itemsByWorth(
  items: readonly RanItem[],
  { sameLine, around }: Neighbours,
  reaching: ReadonlyMap<string, readonly RanItem[]>,
  { mostItems, mostMs }: Pick<TrialExtent, 'mostItems' | 'mostMs'>,
  ofFaults: ReadonlySet<string> = new Set(),
): string[] {
  const orders = [sameLine, around].map((beside) => {
    const rarity = rarities(beside, reaching);
    const rarityOf = (one: RanItem): number => rarity.get(one) ?? commonest;
    const sorted = [...items].sort(
      (a, b) => rarityOf(a) - rarityOf(b) || a.rank - b.rank || a.durationMs - b.durationMs,
    );
    const turns = turnsOf(sorted, (one) => `${rarityOf(one)} ${caseOf(one)}`);
    return sorted.sort((a, b) => rarityOf(a) - rarityOf(b) || (turns.get(a) ?? 0) - (turns.get(b) ?? 0));
  });
  const alike = inTurns(items);
  for (const parity of [0, 1]) orders.push(alike.filter((_, at) => at % 2 === parity));
  orders.unshift(inTurns(items.filter((one) => ofFaults.has(caseOf(one)))));
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

/** Each case once, in the place and variant where it costs least, the cheapest case first; then each once more. */
function inTurns(items: readonly RanItem[]): RanItem[] {
  const sorted = [...items].sort((a, b) => a.rank - b.rank || a.durationMs - b.durationMs);
  const turns = turnsOf(sorted, caseOf);
  return sorted.sort((a, b) => (turns.get(a) ?? 0) - (turns.get(b) ?? 0) || a.durationMs - b.durationMs);
}

/** The case of an item: its key is the place, a blank before the case, and variant and axes in brackets. */
const caseOf = ({ item }: RanItem): string => item.slice(item.lastIndexOf(' ') + 1).replace(/\[.*$/, '');

/** Of each item, how many before it have the same name. */
function turnsOf(items: readonly RanItem[], nameOf: (one: RanItem) => string): Map<RanItem, number> {
  const counts = new Map<string, number>();
  return new Map(
    items.map((one) => {
      const name = nameOf(one);
      const turn = counts.get(name) ?? 0;
      counts.set(name, turn + 1);
      return [one, turn];
    }),
  );
}

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
