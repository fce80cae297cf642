import t from 'tap';
import { makeDevice } from '../devices/device-rules.ts';
import { putInto, stateOf } from '../vhost-user/device-state-bytes.ts';
import { referenceRules } from '../vhost-user/reference-rules.ts';
import { StateLoading, StateSaving, stateTransferRules } from '../vhost-user/state-transfer.ts';
import { RecordingEdge } from './recording-edge.ts';

type Read = Uint8Array | 'nothing' | 'end' | 'broken';

/** An edge whose descriptor gives these, one after the other, and takes so many bytes at a time. */
class PipeEdge extends RecordingEdge {
  readonly reads: Read[] = [];
  readonly takes: (number | 'broken')[] = [];
  readonly written: number[] = [];

  override read(): Uint8Array | 'end' {
    return (this.reads.shift() ?? 'nothing') as Uint8Array | 'end';
  }

  override write(_token: number, bytes: Uint8Array): number | 'broken' {
    const next = this.takes.shift() ?? 0;
    if (next === 'broken') return next;
    this.written.push(...bytes.subarray(0, next));
    return Math.min(next, bytes.length);
  }
}

t.test('a state is written as the pipe takes it, and then the descriptor is closed', async (t) => {
  const edge = new PipeEdge();
  const token = edge.give();
  const saving = new StateSaving(edge, token, stateTransferRules, Uint8Array.of(1, 2, 3, 4, 5));
  edge.takes.push(2);
  saving.step();
  t.equal(saving.token, token, 'a full pipe is waited for');
  t.ok(edge.open.has(token));
  edge.takes.push(1, 2);
  saving.step();
  t.same([edge.written, saving.hasSucceeded, edge.open.has(token)], [[1, 2, 3, 4, 5], true, false]);
  saving.release();
  t.same(edge.closedTwice, []);
});

t.test('a pipe that nobody reads ends the transfer without success', async (t) => {
  const edge = new PipeEdge();
  edge.takes.push(1, 'broken');
  const saving = new StateSaving(edge, edge.give(), stateTransferRules, Uint8Array.of(1, 2));
  saving.step();
  t.same([saving.token, saving.hasSucceeded], [undefined, false]);
});

t.test('a state is taken over at the end of the file', async (t) => {
  const edge = new PipeEdge();
  const taken: number[][] = [];
  const token = edge.give();
  const loading = new StateLoading(edge, token, stateTransferRules, (state) => taken.push([...state]) === 1);
  edge.reads.push(Uint8Array.of(1), 'nothing');
  loading.step();
  t.same([loading.token, taken], [token, []]);
  edge.reads.push(Uint8Array.of(2, 3), 'end');
  loading.step();
  t.same([loading.hasSucceeded, taken], [true, [[1, 2, 3]]]);
  loading.step();
  t.same(taken.length, 1, 'once');
});

t.test('a state that never ends is given up', async (t) => {
  const edge = new PipeEdge();
  edge.reads.push(new Uint8Array(1 << 20), Uint8Array.of(1), Uint8Array.of(1));
  const loading = new StateLoading(edge, edge.give(), stateTransferRules, () => true);
  loading.step();
  t.same([loading.token, loading.hasSucceeded, edge.reads.length], [undefined, false, 1]);
});

t.test('a device takes over its own kind of state alone', async (t) => {
  const [block, entropy] = (['block', 'entropy'] as const).map((kind) => makeDevice(kind, referenceRules, 1));
  if (block === undefined || entropy === undefined) return;
  const state = stateOf(block);
  t.ok(putInto(block, state));
  t.notOk(putInto(entropy, state));
  t.notOk(putInto(block, state.subarray(0, -1)));
  t.notOk(putInto(block, Uint8Array.of(...state, 0)));
  const changed = Uint8Array.from(state);
  changed[4] = 0x5a;
  t.ok(putInto(block, changed));
  t.equal(block.readConfig(0, 1)?.[0], 0x5a, 'its configuration is the one of the state');
});
