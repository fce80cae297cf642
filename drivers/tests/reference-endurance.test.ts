import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { encodeMessage } from '../../reference-impl/wire/vhost-user-codec.ts';
import {
  closeFd,
  eventfdCreate,
  memfdCreate,
  monotonicUs,
  receiveMessage,
  sendMessage,
  shutdownSocket,
  socketPair,
} from '../native/native.ts';
import { ReferenceBackEnd } from '../reference/reference-back-end.ts';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** A raw client of a back-end in this process. */
class RawClient {
  readonly backEnd: ReferenceBackEnd;
  #fd: number;

  constructor(backEnd: ReferenceBackEnd) {
    this.backEnd = backEnd;
    const [ours, theirs] = socketPair();
    this.#fd = ours;
    backEnd.adopt(theirs);
  }

  send(bytes: Uint8Array, fds: readonly number[] = []): void {
    try {
      sendMessage(this.#fd, bytes, 0, bytes.length, Int32Array.from(fds), fds.length, monotonicUs());
    } catch {
      // The back-end closed the connection, as it may.
    }
  }

  message(request: number, payload: Uint8Array, fds: readonly number[] = [], flags = 1): void {
    const bytes = new Uint8Array(12 + payload.length);
    encodeMessage(bytes, { request, flags, payload });
    this.send(bytes, fds);
  }

  rest(): void {
    for (let n = 0; n < 10_000 && this.backEnd.turn(0); n++);
  }

  /** Bytes that came; `ended` where the connection is at its end. */
  receive(): { readonly bytes: Uint8Array; readonly ended: boolean } {
    const buffer = new Uint8Array(4096);
    const result = new Int32Array(3);
    try {
      const count = receiveMessage(this.#fd, buffer, 0, buffer.length, new Int32Array(8), 0, result);
      return { bytes: buffer.slice(0, Math.max(0, count)), ended: count === 0 };
    } catch {
      return { bytes: new Uint8Array(0), ended: true };
    }
  }

  endSending(): void {
    shutdownSocket(this.#fd, 'write');
  }

  close(): void {
    closeFd(this.#fd);
  }
}

const newBackEnd = (): ReferenceBackEnd =>
  new ReferenceBackEnd({
    device: 'block',
    rules: referenceRules,
    queues: 2,
    breakDown: (how) => assert.fail(`it broke down: ${how}`),
  });

const u64 = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);

/** Answers to a GET_FEATURES on a new connection: proof that it still serves. */
function stillServes(backEnd: ReferenceBackEnd): boolean {
  const client = new RawClient(backEnd);
  client.message(1, new Uint8Array(0));
  client.rest();
  const { bytes } = client.receive();
  client.close();
  client.rest();
  return bytes.length === 20 && bytes[0] === 1 && bytes[4] === 5;
}

t.test('a thousand sessions, each left in the middle, leave nothing behind', async (t) => {
  const backEnd = newBackEnd();
  const before = openDescriptors();
  for (let n = 0; n < 1000; n++) {
    const client = new RawClient(backEnd);
    const memory = memfdCreate('reference-endurance', 0x4000, { seal: true });
    const event = eventfdCreate();
    client.message(2, u64(1n << 30n));
    client.message(16, u64(1n << 3n));
    const table = new BigUint64Array([1n, 0x1000n, 0x4000n, 0x10_0000n, 0n]);
    client.message(5, new Uint8Array(table.buffer), [memory]);
    client.message(13, u64(0n), [event]);
    client.message(14, u64(0n), [event]);
    if (n % 2 === 0) client.message(7, u64(1n), [event, memory], 9);
    if (n % 3 === 0) client.message(77, new Uint8Array(3), [event]);
    if (n % 5 === 0) client.send(Uint8Array.of(5, 0, 0, 0, 1, 0, 0, 0, 40), [memory]);
    closeFd(memory);
    closeFd(event);
    client.rest();
    client.close();
    client.rest();
  }
  t.same(backEnd.resources(), { descriptors: 0, byIdentity: {}, mappings: {}, memory: 0 });
  t.equal(openDescriptors(), before);
  t.ok(stillServes(backEnd));
  backEnd.close();
});

t.test('any bytes at all, in any pieces, with any descriptors: it answers or closes, and serves the next', async () => {
  const backEnd = newBackEnd();
  const before = openDescriptors();
  const header = fc
    .tuple(fc.integer({ min: 0, max: 47 }), fc.constantFrom(1, 9, 5, 0), fc.integer({ min: 0, max: 60 }))
    .map(([request, flags, size]) => new Uint8Array(Uint32Array.of(request, flags, size).buffer));
  const chunk = fc.record({
    bytes: fc.oneof(header, fc.uint8Array({ minLength: 1, maxLength: 64 })),
    events: fc.nat(3),
    rests: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 12 }), (chunks) => {
      const client = new RawClient(backEnd);
      for (const { bytes, events, rests } of chunks) {
        const fds = Array.from({ length: events }, () => eventfdCreate());
        client.send(bytes, fds);
        for (const fd of fds) closeFd(fd);
        if (rests) client.rest();
      }
      client.endSending();
      client.rest();
      for (let n = 0; n < 100 && !client.receive().ended; n++);
      client.close();
      client.rest();
      assert.equal(backEnd.isConnected, false);
      assert.deepEqual(backEnd.resources().descriptors, 0);
      assert.ok(stillServes(backEnd));
    }),
    { numRuns: 300 },
  );
  assert.equal(openDescriptors(), before);
  backEnd.close();
});

t.test('a front-end that never reads does not fill its memory, and is served again once it reads', async (t) => {
  const backEnd = newBackEnd();
  const client = new RawClient(backEnd);
  let sent = 0;
  for (; sent < 20_000; sent++) {
    client.message(1, new Uint8Array(0));
    client.rest();
  }
  let received = 0;
  for (let quiet = 0; quiet < 3; ) {
    const { bytes } = client.receive();
    received += bytes.length;
    client.rest();
    quiet = bytes.length === 0 ? quiet + 1 : 0;
  }
  t.equal(received % 20, 0, 'whole replies');
  t.ok(received > 0 && received <= sent * 20);
  client.close();
  client.rest();
  t.ok(stillServes(backEnd));
  backEnd.close();
});

t.test('what is no memory, and what is too short for its region, is refused', async (t) => {
  const backEnd = newBackEnd();
  for (const fd of [eventfdCreate(), memfdCreate('short', 0x3fff, { seal: false })]) {
    const client = new RawClient(backEnd);
    client.message(16, u64(1n << 3n));
    const table = new BigUint64Array([1n, 0x1000n, 0x4000n, 0x10_0000n, 0n]);
    client.message(5, new Uint8Array(table.buffer), [fd], 9);
    client.rest();
    t.same([...client.receive().bytes.subarray(12)], [1, 0, 0, 0, 0, 0, 0, 0]);
    client.close();
    client.rest();
    closeFd(fd);
  }
  backEnd.close();
});
