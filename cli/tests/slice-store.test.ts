import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { freshState } from '../../fuzz/campaign/campaign-state.ts';
import { type QueueSettings, SliceStore } from '../fuzz/queue/slice-store.ts';
import { UsageError } from '../usage-error.ts';
import { emptyDirectory } from './command-line.ts';

const settings: QueueSettings = { suite: 'suite', target: 'target', seed: 1, sliceRuns: 10, hasSeeds: true };

function result(campaign: string, number: number, runs: number): object {
  const { schema: _, starts: __, history: ___, ...state } = freshState();
  return {
    ...{ schema: 1, campaign, number, served: { identity: 'target', version: '1' }, state: { ...state, runs } },
    ...{ corpus: [], buckets: [], untriaged: [], deaths: [] },
  };
}

t.test('the first result of a slice counts, also for a command that goes on', (t) => {
  const root = emptyDirectory(t);
  const store = new SliceStore(root, settings);
  t.equal(store.keep(3, result(store.campaign, 3, 10)), undefined);
  t.equal(store.keep(3, result(store.campaign, 3, 11)), undefined, 'delivered twice');
  t.equal(store.get(3)?.state.runs, 10);
  t.strictSame(readdirSync(join(root, 'queue')).sort(), ['campaign.json', 'slice-3.json']);
  const again = new SliceStore(root, settings);
  t.equal(again.campaign, store.campaign);
  t.equal(again.get(3)?.state.runs, 10);
  t.strictSame(again.numbers, [3]);
  t.end();
});

t.test('what is no result of the slice is not kept', (t) => {
  const root = emptyDirectory(t);
  const store = new SliceStore(root, settings);
  t.match(store.keep(0, result(store.campaign, 1, 10)), /of another slice/);
  t.match(store.keep(0, result('f'.repeat(32), 0, 10)), /of another slice/);
  t.match(store.keep(0, undefined), /is no result/);
  const bucket = { name: '../../../stranger', program: '', before: [], told: {} };
  t.match(
    store.keep(0, { ...result(store.campaign, 0, 10), buckets: [bucket] }),
    /buckets\.0\.name: no name of a bucket/,
  );
  t.match(
    store.keep(0, { ...result(store.campaign, 0, 10), inC: 'int main() {}' }),
    /it has a field that nobody knows: "inC"/,
  );
  t.strictSame(readdirSync(join(root, 'queue')), ['campaign.json']);
  t.end();
});

t.test('a directory has one campaign', (t) => {
  const root = emptyDirectory(t);
  new SliceStore(root, settings);
  t.throws(() => new SliceStore(root, { ...settings, seed: 2 }), UsageError);
  t.throws(() => new SliceStore(root, { ...settings, suite: 'another' }), /suite suite, not another/);
  const other = emptyDirectory(t);
  mkdirSync(join(other, 'instances', 'machine-0'), { recursive: true });
  t.throws(() => new SliceStore(other, settings), /ran without a queue/);
  t.end();
});
