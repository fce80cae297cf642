import t from 'tap';
import { unstablePoints } from '../runner/unstable-points.ts';

const ran = [
  { point: { key: 'always' }, ending: 'a/b crash' },
  { point: { key: 'once' }, ending: 'a/b crash' },
  { point: { key: 'never' }, ending: '' },
  { point: { key: 'later' }, ending: '' },
];

t.test('points that do not end alike each time are unstable, with the runs in which they failed', async (t) => {
  const runs = new Map<string, number>();
  const again = ({ key }: { readonly key: string }): string => {
    const time = (runs.get(key) ?? 0) + 1;
    runs.set(key, time);
    return key === 'always' || (key === 'later' && time === 2) ? 'a/b crash' : '';
  };
  t.same(unstablePoints(ran, again), [
    { key: 'once', failed: 1, of: 2 },
    { key: 'later', failed: 1, of: 9 },
  ]);
});

t.test('a point that fails in another way each time is unstable', async (t) => {
  let time = 0;
  const again = (): string => (time++ % 2 === 0 ? 'a/b wrong' : 'a/b crash');
  t.same(unstablePoints([{ point: { key: 'x' }, ending: 'a/b wrong' }], again), [{ key: 'x', failed: 9, of: 9 }]);
});

t.test('the more points there are, the fewer repetitions has each', async (t) => {
  const runs = new Map<string, number>();
  const again = ({ key }: { readonly key: string }): string => {
    runs.set(key, (runs.get(key) ?? 0) + 1);
    return '';
  };
  const many = Array.from({ length: 10 }, (_, n) => ({ point: { key: `${n}` }, ending: '' }));
  unstablePoints([...many, { point: { key: 'crash' }, ending: 'a/b crash' }], again);
  t.same([...new Set(runs.values())], [1, 4]);
});

t.test('where no more can be run, nothing is said of what is left', async (t) => {
  t.same(
    unstablePoints(ran, () => undefined),
    [],
  );
});

t.test('a point that waited for a deadline is not repeated, and one that crashes once', async (t) => {
  const never = (): string => (t.fail('it is repeated') ? 'x' : 'y');
  t.same(unstablePoints([{ point: { key: 'x' }, ending: 'a/b crash,a/b hang' }], never), []);
  const alike = ['x', 'y'].map((key) => ({ point: { key }, ending: 'a/b crash' }));
  const repeated: string[] = [];
  const once = ({ key }: { readonly key: string }): string => {
    repeated.push(key);
    return 'a/b crash';
  };
  t.same(unstablePoints(alike, once), []);
  t.same(repeated, ['x', 'y']);
});

t.test('three points or more that all crashed alike have repeated one another', async (t) => {
  const alike = ['x', 'y', 'z'].map((key) => ({ point: { key }, ending: 'a/b crash' }));
  const repeated: string[] = [];
  const again = ({ key }: { readonly key: string }): string => {
    repeated.push(key);
    return 'a/b crash';
  };
  t.same(unstablePoints(alike, again), []);
  t.same(repeated, []);
  unstablePoints([...alike, { point: { key: 'w' }, ending: 'c/d crash' }], again);
  t.same(repeated, ['x', 'y', 'z', 'w'], 'one that ended in another way has each repeated');
});
