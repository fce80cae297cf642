import type { Neighbours } from './mutants.ts';
import type { RanItem } from './worker-messages.ts';

/** Items tried on one mutant, and the milliseconds that they may take together without it. */
const mostItems = 700;
const mostMs = 20_000;

/**
 * Most mutants are reached by thousands of items, and seen by those that come to a place beside it where few others come:
 * the refusal behind a comparison, the end of a loop. Those are tried first, by turns for the line and for what is around
 * it; among equals each case once, by its first variant where it costs least, before any of them again. The third in turn
 * is any item: what everything reaches is seen by most that use a device, and the cheapest do not.
 */
export function itemsByWorth(
  items: readonly RanItem[],
  { sameLine, around }: Neighbours,
  reaching: ReadonlyMap<string, readonly RanItem[]>,
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
  orders.push([...items].sort((a, b) => scatter(a.item) - scatter(b.item)));
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

/** A number that has nothing to do with what an item is, and is the same in each run. */
function scatter(item: string): number {
  let hash = 0;
  for (let at = 0; at < item.length; at++) hash = (Math.imul(hash, 31) + item.charCodeAt(at)) | 0;
  return Math.imul(hash, 0x9e3779b1);
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
