import t from 'tap';
import { InflightModel, type RingAtRest } from '../oracle/model/inflight-model.ts';

const size = 4;
const rest = { size, used: 3, lastId: 2, usedIdx: 3, usedWrap: 1 } as const;

/** A record as a back-end leaves it behind three requests. */
function recordOf(layout: 'split' | 'packed'): DataView {
  const view = new DataView(new ArrayBuffer(512));
  view.setUint16(8, 1, true);
  view.setUint16(10, size, true);
  if (layout === 'split') {
    view.setUint16(12, rest.lastId, true);
    view.setUint16(14, rest.usedIdx, true);
    for (let n = 0; n < 3; n++) view.setBigUint64(16 + 16 * n + 8, BigInt(n + 1), true);
  } else {
    view.setUint16(16, rest.usedIdx, true);
    view.setUint8(20, rest.usedWrap);
    for (let n = 0; n < 3; n++) {
      view.setBigUint64(32 + 32 * n + 8, BigInt(n + 1), true);
      view.setUint32(32 + 32 * n + 20, 16, true);
    }
  }
  return view;
}

function found(layout: 'split' | 'packed', change: (view: DataView) => void, ring: Partial<RingAtRest> = {}): string[] {
  const all: string[] = [];
  const view = recordOf(layout);
  change(view);
  const model = new InflightModel(
    ({ requirement }) => all.push(requirement),
    () => undefined,
  );
  t.equal(model.check(new Uint8Array(view.buffer), { ...rest, layout, ...ring }), all.length === 0);
  return all;
}

t.test('a record at rest is as the text has it', (t) => {
  for (const layout of ['split', 'packed'] as const)
    t.same(
      found(layout, () => undefined),
      [],
    );
  t.same(
    found('split', (view) => view.setUint16(8, 0, true), { used: 0 }),
    [],
    'a ring that used nothing',
  );
  const uncounted = (view: DataView): void => {
    for (let n = 0; n < 3; n++) view.setBigUint64(16 + 16 * n + 8, 0n, true);
  };
  t.same(found('split', uncounted, { used: 1 }), [], 'the first request may be counted as 0');
  const wrong = [
    ['split', 'vu-inflight/fetched-head-marked-with-rising-counter', uncounted],
    ['split', 'vu-inflight/region-version-tells-initialisation', (view: DataView) => view.setUint16(8, 2, true)],
    ['split', 'vu-inflight/desc-num-equals-queue-size', (view: DataView) => view.setUint16(10, 3, true)],
    ['split', 'vu-inflight/used-head-unmarked-after-used-index', (view: DataView) => view.setUint8(16, 1)],
    ['split', 'vu-inflight/used-idx-field-follows-used-ring', (view: DataView) => view.setUint16(14, 2, true)],
    ['split', 'vu-inflight/used-heads-linked-from-last-batch-head', (view: DataView) => view.setUint16(12, 0, true)],
    ['packed', 'vu-inflight/packed-used-list-unmarked-after-flags', (view: DataView) => view.setUint8(64, 1)],
    ['packed', 'vu-inflight/packed-free-list-and-wrap-counter-kept', (view: DataView) => view.setUint8(20, 0)],
    ['packed', 'vu-inflight/packed-descriptor-list-copied', (view: DataView) => view.setUint32(52, 0, true)],
  ] as const;
  for (const [layout, requirement, change] of wrong) t.same(found(layout, change), [requirement]);
  t.end();
});
