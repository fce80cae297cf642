import { test } from 'tap';
import { spreadOver } from '../fault-rows.ts';

const items = Array.from({ length: 457 }, (_, n) => n);

test('a few of many items lie evenly apart, and each item is among the chosen for some shift', (t) => {
  const chosen = new Set<number>();
  for (let shift = 0; shift < 30; shift++) {
    const some = spreadOver(items, 40, shift);
    t.equal(new Set(some).size, 40);
    for (const item of some) chosen.add(item);
  }
  t.equal(chosen.size, items.length);
  t.end();
});

test('all items are chosen where they are no more than asked for', (t) => {
  t.same(spreadOver(items, 457, 3), items);
  t.same(spreadOver([], 40, 3), []);
  t.end();
});
