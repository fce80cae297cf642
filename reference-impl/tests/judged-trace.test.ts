import t from 'tap';
import type { ObservedEvent } from '../observations/event.ts';
import { chainsUntraced } from '../observations/trace-notes.ts';
import { judgedTrace, type TracedCase } from '../oracle/traced/judged-trace.ts';

type What = Extract<ObservedEvent, { kind: 'ring-write' }>['what'];

const ringWrite = (seq: number, what: What, bytes: Uint8Array): ObservedEvent => ({
  kind: 'ring-write',
  seq,
  timeUs: seq,
  what,
  index: 0,
  address: 0n,
  bytes,
});

function bytesOf(
  size: number,
  ...words: readonly (readonly [offset: number, size: 2 | 4 | 8, value: number])[]
): Uint8Array {
  const view = new DataView(new ArrayBuffer(size));
  for (const [offset, width, value] of words) {
    if (width === 2) view.setUint16(offset, value, true);
    else if (width === 4) view.setUint32(offset, value, true);
    else view.setBigUint64(offset, BigInt(value), true);
  }
  return new Uint8Array(view.buffer);
}

const write = 2;
const indirect = 4;
const splitDescriptor = (length: number, flags: number) => bytesOf(16, [8, 4, length], [12, 2, flags]);
const packedDescriptor = (length: number, id: number, flags: number) =>
  bytesOf(16, [8, 4, length], [12, 2, id], [14, 2, flags]);
const splitChain = (head: number, length: number, flags = write): ObservedEvent[] => [
  ringWrite(0, 'descriptor', splitDescriptor(length, flags)),
  ringWrite(1, 'available', bytesOf(2, [0, 2, head])),
];
const splitUsed = (id: number, len: number): ObservedEvent =>
  ringWrite(2, 'used-seen', bytesOf(8, [0, 4, id], [4, 4, len]));

const watched = { judgesRings: true };
const brokenIn = (events: readonly ObservedEvent[], known: TracedCase = watched): string[] => {
  const found = judgedTrace(events, known);
  return found.requirements.filter((requirement) => (found.of(requirement)?.broken ?? 0) > 0);
};

t.test('a used element is that of a chain, once, and no longer than its writable part', async (t) => {
  const chain = splitChain(3, 512);
  t.same(brokenIn([...chain, splitUsed(3, 512)]), []);
  t.same(brokenIn([...chain, splitUsed(4, 0)]), ['split/used-id-is-chain-head']);
  t.same(brokenIn([...chain, splitUsed(3, 1), splitUsed(3, 1)]), ['split/chain-used-once']);
  t.same(brokenIn([...chain, splitUsed(3, 513)]), ['split/used-len-bytes-written']);
  t.equal(judgedTrace([...chain, splitUsed(3, 512)], watched).of('split/chain-used-once')?.kept, 1);
});

t.test('packed rings are judged by the requirements of their own text', async (t) => {
  const chain = ringWrite(0, 'descriptor', packedDescriptor(512, 7, write));
  const used = (id: number, length: number) => ringWrite(1, 'used-seen', packedDescriptor(length, id, write));
  t.same(brokenIn([chain, used(7, 512)]), []);
  t.same(brokenIn([chain, used(6, 0)]), ['packed/used-id-is-buffer-id']);
  t.same(brokenIn([chain, used(7, 1), used(7, 1)]), ['packed/buffer-used-once']);
  t.same(brokenIn([chain, used(7, 513)]), ['packed/used-len-bytes-written']);
});

t.test('nothing is claimed of what a trace does not tell', async (t) => {
  const note: ObservedEvent = { kind: 'note', seq: 0, timeUs: 0, text: chainsUntraced };
  t.same(brokenIn([...splitChain(3, 512), note, splitUsed(4, 0)]), []);
  t.same(brokenIn([...splitChain(3, 512), splitUsed(4, 0)], { judgesRings: false }), []);
  t.same(brokenIn([...splitChain(3, 16, indirect), splitUsed(3, 4096)]), [], 'a table of descriptors');
  t.same(brokenIn([...splitChain(3, 8), ...splitChain(3, 512), splitUsed(3, 512)]), [], 'the ring was placed anew');
});

const doorbell = (there: number, result: number): ObservedEvent => ({
  ...{ kind: 'region-access', seq: 0, timeUs: 0, access: 'write', session: 0, layout: 'mdev-l2' },
  ...{ region: 1, offset: 0, length: 4, bytes: new Uint8Array(there), result },
});

t.test('a write that fails is judged where the trace has its whole buffer: else that may be no memory', async (t) => {
  const known = { judgesRings: false, device: { device: 'block', offered: 0n, rings: 1 } };
  const invalid = -22;
  t.same(brokenIn([doorbell(4, 4)], known), []);
  t.same(brokenIn([doorbell(4, invalid)], known), ['vm-notify/stopped-device-takes-doorbell']);
  for (const there of [0, 1, 3]) t.same(brokenIn([doorbell(there, invalid)], known), [], `${there} bytes of 4`);
  t.same(brokenIn([doorbell(1, 4), doorbell(4, invalid)], known), [], 'behind one that was taken as a whole');
});

const message = (
  direction: 'to-iut' | 'from-iut',
  request: number,
  flags: number,
  payload: Uint8Array,
): ObservedEvent => {
  const bytes = new Uint8Array([...bytesOf(12, [0, 4, request], [4, 4, flags], [8, 4, payload.length]), ...payload]);
  const told = { seq: 0, timeUs: 0, session: 0, descriptors: 0 };
  return { kind: 'message', channel: 'front-end', direction, bytes, length: bytes.length, ...told };
};
const getFeatures = 1;
const asked = message('to-iut', getFeatures, 1, new Uint8Array(0));
const word = (value: number, flags = 5) => message('from-iut', getFeatures, flags, bytesOf(8, [0, 8, value]));

t.test('each answer of a back-end is judged by its header, its size, and what it said before', async (t) => {
  t.same(brokenIn([asked, word(9), asked, word(9)]), []);
  t.same(brokenIn([asked, word(9), asked, word(8)]), ['vu-features/get-features-repeatable']);
  t.same(brokenIn([asked, word(9, 1)]), ['vu-header/reply-carries-reply-flag']);
  t.same(brokenIn([asked, word(9, 6)]), ['vu-header/reply-carries-version-1']);
  t.same(brokenIn([asked, word(9, 13)]), ['vu-header/reply-has-no-other-flags']);
  t.same(brokenIn([asked, word(9), word(9)]), ['vu-header/reply-repeats-request-number']);
  const short = message('from-iut', getFeatures, 5, new Uint8Array(4));
  t.same(brokenIn([asked, short]), ['vu-header/reply-size-equals-payload']);
  const count = (value: number) => message('from-iut', 17, 5, bytesOf(8, [0, 8, value]));
  const askedCount = message('to-iut', 17, 1, new Uint8Array(0));
  t.same(brokenIn([askedCount, count(2)]), []);
  t.same(brokenIn([askedCount, count(0)]), ['vu-mq/get-queue-num-returns-maximum']);
});
