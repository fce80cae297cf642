import t from 'tap';
import type { PlannedResult } from '../../reports/record/run-plan.ts';
import type { HostOrder } from '../host-protocol.ts';
import { WorkQueue } from '../work-queue.ts';
import { WorkSharing } from '../work-sharing.ts';

/** `aab`: two variants of case a and one of case b. */
function resultsOf(cases: string): PlannedResult[] {
  return [...cases].map((caseId, place) => ({ target: 'one', key: `${caseId}[n=${place}]`, repetition: 0 }));
}

const caseOf = ({ key }: PlannedResult): string => key.slice(0, 1);

function sharingOf(cases: string, instances: number): { sharing: WorkSharing; queue: WorkQueue } {
  const queue = new WorkQueue(resultsOf(cases), () => true, caseOf, instances);
  const sharing = new WorkSharing(queue, instances);
  for (let instance = 0; instance < instances; instance++) sharing.began(instance);
  return { sharing, queue };
}

/** An instance that asks, and what it was given so far. */
function asking(sharing: WorkSharing, instance: number): { ask(gaveUp?: boolean): void; readonly given: HostOrder[] } {
  const given: HostOrder[] = [];
  return { given, ask: (gaveUp = false) => sharing.ask({ instance, give: (order) => given.push(order) }, gaveUp) };
}

const places = (orders: readonly HostOrder[]): unknown[] =>
  orders.map((order) => (order.kind === 'run' ? order.results : order.kind));

t.test('one instance is given all at once', async (t) => {
  const { sharing } = sharingOf('aabbcd', 1);
  const only = asking(sharing, 0);
  only.ask();
  only.ask();
  t.same(places(only.given), [[0, 1, 2, 3, 4, 5], 'end']);
});

t.test('several instances share all results, each of which is given once', async (t) => {
  const { sharing, queue } = sharingOf('aaaabbcdeffghijklmnopqrstuvwxyz', 2);
  const [first, second] = [asking(sharing, 0), asking(sharing, 1)];
  for (let turn = 0; queue.waiting > 0; turn++) (turn % 3 === 0 ? second : first).ask();
  const given = [...places(first.given), ...places(second.given)] as number[][];
  t.same(
    given.flat().sort((a, b) => a - b),
    [...queue.results.keys()],
  );
  for (const part of given) {
    const cases = new Set(part.map((place) => caseOf(queue.results[place] ?? { target: '', key: '', repetition: 0 })));
    for (const other of given.filter((one) => one !== part)) {
      const split = other.filter((place) => cases.has((queue.results[place]?.key ?? '').slice(0, 1)));
      t.same(split, [], 'results of one case stay together');
    }
  }
  t.ok(given.at(-1)?.length === 1, 'the last parts are small');
});

t.test('what a host held when it ended waits again, but for what it settled', async (t) => {
  const { sharing, queue } = sharingOf('abcdefgh', 2);
  const [first, second] = [asking(sharing, 0), asking(sharing, 1)];
  first.ask();
  t.same(places(first.given), [[0, 1]]);
  const [settled] = queue.results;
  if (settled !== undefined) queue.settle(settled, 0);
  sharing.ended(0);
  t.equal(queue.settledBy(0), 1);
  second.ask();
  t.same(places(second.given), [[1]]);
});

t.test('an instance that gave up gets nothing while another judges, and the rest when none does', async (t) => {
  const { sharing } = sharingOf('abcdefgh', 2);
  const [first, second] = [asking(sharing, 0), asking(sharing, 1)];
  first.ask();
  first.ask(true);
  t.same(places(first.given), [[0, 1]], 'it waits');
  second.ask();
  t.same(places(second.given), [[2]]);
  second.ask(true);
  t.same(
    places(first.given),
    [
      [0, 1],
      [3, 4, 5, 6, 7],
    ],
    'both gave up: the first says so of the rest',
  );
  t.same(places(second.given), [[2], 'end']);
  first.ask(true);
  t.same(places(first.given).at(-1), 'end');
});

t.test('an instance that gave up ends with the last part of the others', async (t) => {
  const { sharing } = sharingOf('ab', 2);
  const [first, second] = [asking(sharing, 0), asking(sharing, 1)];
  first.ask();
  first.ask(true);
  second.ask();
  t.same(places(first.given), [[0], 'end']);
});

t.test('deaths are told to the instances that did not see them, and once', async (t) => {
  const { sharing } = sharingOf('abcdefgh', 2);
  const [first, second] = [asking(sharing, 0), asking(sharing, 1)];
  const deathsOf = (orders: readonly HostOrder[]): unknown =>
    orders.map((order) => (order.kind === 'run' ? order.deathsElsewhere.map(({ caseId }) => caseId) : []));
  first.ask();
  sharing.died(0, { key: 'a', caseId: 'a', exit: { signal: 'SIGSEGV' } });
  first.ask();
  second.ask();
  sharing.died(1, { key: 'c', caseId: 'c', exit: { code: 1 } });
  second.ask();
  first.ask();
  t.same(deathsOf(first.given), [[], [], ['c']]);
  t.same(deathsOf(second.given), [['a'], []]);
  sharing.ended(0);
  sharing.began(0);
  const again = asking(sharing, 0);
  again.ask();
  t.same(deathsOf(again.given), [['a', 'c']], 'another host of the instance knows nothing');
});
