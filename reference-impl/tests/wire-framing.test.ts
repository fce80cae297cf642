import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { MessageAssembler } from '../wire/framing.ts';
import { encodeMessage } from '../wire/vhost-user-codec.ts';
import { messageById } from '../wire/vhost-user-messages.ts';

interface Sent {
  readonly request: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly descriptors: readonly number[];
}

interface Received extends Sent {
  readonly descriptorsLate: boolean;
}

const message: fc.Arbitrary<Sent> = fc.record(
  {
    request: fc.nat(50),
    flags: fc.constantFrom(1, 5, 9),
    payload: fc.uint8Array({ maxLength: 60 }),
    descriptors: fc.oneof(fc.constant<readonly number[]>([]), fc.array(fc.nat(1000), { maxLength: 8 })),
  },
  { noNullPrototype: true },
);

function bytesOf({ request, flags, payload }: Sent): Uint8Array {
  const target = new Uint8Array(12 + payload.length);
  encodeMessage(target, { request, flags, payload });
  return target;
}

/** Takes all frames that are whole, as values of their own. */
function drain(assembler: MessageAssembler): Received[] {
  const received: Received[] = [];
  for (let frame = assembler.next(); frame !== undefined; frame = assembler.next()) {
    assert.equal(frame.kind, 'frame');
    if (frame.kind !== 'frame') {
      break;
    }
    const payload = frame.buffer.slice(frame.offset + 12, frame.offset + frame.length);
    const { request, flags, descriptorsLate } = frame;
    received.push({ request, flags, payload, descriptors: [...frame.descriptors], descriptorsLate });
  }
  return received;
}

function withoutDescriptors(messages: readonly Sent[]): object[] {
  return messages.map(({ request, flags, payload }) => ({ request, flags, payload }));
}

t.test('any cutting of any messages gives the same frames', async () => {
  const property = fc.property(
    fc.array(message, { maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 40 }),
    fc.integer({ min: 12, max: 200 }),
    fc.boolean(),
    (sent, cuts, capacity, drainsAtOnce) => {
      const stream = Buffer.concat(sent.map(bytesOf));
      const assembler = new MessageAssembler({ capacity, maximumPayload: 60 });
      const received: Received[] = [];
      for (let at = 0, i = 0; at < stream.length; i += 1) {
        const length = Math.min(cuts[i % cuts.length] ?? 1, stream.length - at);
        assembler.push(stream, at, length);
        at += length;
        if (!drainsAtOnce || at === stream.length) {
          received.push(...drain(assembler));
        }
      }
      assert.deepEqual(withoutDescriptors(received), withoutDescriptors(sent));
      assert.equal(assembler.pendingBytes, 0);
      assert.equal(assembler.endOfStream(), undefined);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

t.test('read as far as is missing, messages keep their descriptors whatever comes in how many pieces', async () => {
  const property = fc.property(
    fc.array(message, { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
    (sent, pieces) => {
      const assembler = new MessageAssembler();
      const received: Received[] = [];
      let i = 0;
      for (const each of sent) {
        const bytes = bytesOf(each);
        for (let at = 0; at < bytes.length; i += 1) {
          const length = Math.min(assembler.missingBytes, pieces[i % pieces.length] ?? 1, bytes.length - at);
          const where = assembler.reserve(length);
          assembler.buffer.set(bytes.subarray(at, at + length), where);
          assembler.commit(length, at === 0 ? each.descriptors : undefined);
          at += length;
          received.push(...drain(assembler));
        }
      }
      assert.deepEqual(
        received,
        sent.map((each) => ({ ...each, descriptorsLate: false })),
      );
      assert.deepEqual(assembler.takePendingDescriptors(), []);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

const plain: Sent = { request: 1, flags: 1, payload: new Uint8Array(0), descriptors: [] };
const kick: Sent = { request: 12, flags: 1, payload: new Uint8Array(8), descriptors: [7] };

t.test('descriptors joined to a message that takes none belong to the one behind it', async (t) => {
  const joined = Buffer.concat([bytesOf(plain), bytesOf(kick)]);
  const acceptsDescriptors = (request: number) => (messageById('front-end', request)?.toleratedDescriptors ?? 0) > 0;
  const aware = new MessageAssembler({ acceptsDescriptors });
  aware.push(joined, 0, joined.length, [7]);
  t.same(
    drain(aware).map(({ request, descriptors }) => [request, descriptors]),
    [
      [1, []],
      [12, [7]],
    ],
  );
  const unaware = new MessageAssembler();
  unaware.push(joined, 0, joined.length, [7]);
  t.same(
    drain(unaware).map(({ request, descriptors }) => [request, descriptors]),
    [
      [1, [7]],
      [12, []],
    ],
  );
});

t.test('descriptors that come with a message that takes none stay with it', async (t) => {
  const assembler = new MessageAssembler({ acceptsDescriptors: () => false });
  const bytes = bytesOf(plain);
  assembler.push(bytes, 0, bytes.length, [3, 4]);
  t.match(assembler.next(), { kind: 'frame', descriptors: [3, 4], descriptorsLate: false });
});

t.test('descriptors behind the first byte are late, and all are kept', async (t) => {
  const assembler = new MessageAssembler();
  const bytes = bytesOf(kick);
  assembler.push(bytes, 0, 5, [1]);
  assembler.push(bytes, 5, 7);
  t.equal(assembler.next(), undefined);
  assembler.push(bytes, 12, 8, [2]);
  t.match(assembler.next(), { kind: 'frame', descriptors: [1, 2], descriptorsLate: true });
});

t.test('a size beyond the limit stops the stream and hands back the descriptors', async (t) => {
  const assembler = new MessageAssembler({ maximumPayload: 100 });
  const bytes = new Uint8Array(12);
  encodeMessage(bytes, { request: 5, flags: 9, declaredSize: 0xffff_ffff });
  assembler.push(bytes, 0, 12, [9]);
  const expected = {
    kind: 'problem',
    problem: { name: 'size-beyond-limit', offset: 8, field: 'size' },
    request: 5,
    flags: 9,
    size: 0xffff_ffff,
    descriptors: [9],
  };
  t.match(assembler.next(), expected);
  assembler.push(bytes, 0, 12);
  t.match(assembler.next(), expected, 'and says so again');
  assembler.reset();
  encodeMessage(bytes, { request: 1 });
  assembler.push(bytes, 0, 12);
  t.match(assembler.next(), { kind: 'frame', request: 1 });
});

t.test('a payload of exactly the limit passes', async (t) => {
  const assembler = new MessageAssembler({ maximumPayload: 8, capacity: 0 });
  assembler.push(bytesOf(kick), 0, 20);
  t.match(assembler.next(), { kind: 'frame', size: 8, length: 20 });
});

t.test('the end of the stream says what was cut', async (t) => {
  const bytes = bytesOf(kick);
  const assembler = new MessageAssembler();
  t.equal(assembler.endOfStream(), undefined);
  assembler.push(bytes, 0, 5, [6]);
  t.match(assembler.endOfStream(), { name: 'stream-ended-inside-header', offset: 5 });
  t.equal(assembler.missingBytes, 7);
  assembler.push(bytes, 5, 10);
  t.match(assembler.endOfStream(), { name: 'stream-ended-inside-payload', offset: 15 });
  t.equal(assembler.missingBytes, 5);
  t.same(assembler.takePendingDescriptors(), [6]);
  t.same(assembler.takePendingDescriptors(), []);
});

t.test('more cannot be committed than was reserved', async (t) => {
  const assembler = new MessageAssembler({ maximumPayload: 0, capacity: 12 });
  assembler.reserve(12);
  t.throws(() => assembler.commit(13), RangeError);
});
