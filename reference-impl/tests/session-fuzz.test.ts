import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { VHOST_USER_NEED_REPLY_FLAGS, VHOST_USER_REQUEST_FLAGS } from '../wire/vhost-user-constants.ts';
import { type FrontEndMessageName, requestId } from '../wire/vhost-user-messages.ts';
import { guestWithRing, type LawfulRequest, lawfulRequests } from './lawful-requests.ts';
import { SessionUnderTest } from './session-under-test.ts';

const lawful = Object.entries(lawfulRequests) as [FrontEndMessageName, LawfulRequest][];

interface Step {
  readonly kind: 'lawful' | 'bytes' | 'kick' | 'work';
  readonly which: number;
  readonly request: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  readonly tokens: number;
  readonly memory: number;
  readonly change: readonly [number, number];
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('lawful', 'lawful', 'bytes', 'bytes', 'kick', 'work'),
  which: fc.nat(lawful.length - 1),
  request: fc.oneof(fc.integer({ min: 0, max: 47 }), fc.integer({ min: 0, max: 0xffffffff })),
  flags: fc.oneof(
    { weight: 6, arbitrary: fc.constant(VHOST_USER_REQUEST_FLAGS) },
    { weight: 6, arbitrary: fc.constant(VHOST_USER_NEED_REPLY_FLAGS) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) },
  ),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 48 }),
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
    smallWords(2),
    smallWords(5),
  ),
  tokens: fc.nat(9),
  memory: fc.nat(3),
  change: fc.tuple(fc.nat(60), fc.nat(255)),
});

/** Payloads of words that are mostly small, so that indices and sizes are often lawful. */
function smallWords(count: number): fc.Arbitrary<Uint8Array> {
  const word = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));
  return fc
    .array(word, { minLength: count, maxLength: count })
    .map((words) => new Uint8Array(BigUint64Array.from(words).buffer));
}

type World = ReturnType<typeof guestWithRing>;

/** One message, lawful, damaged or random. Answers how many answers came. */
function send(test: SessionUnderTest, world: World, one: Step): void {
  const { edge, session } = test;
  const hadReplyAck = session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_REPLY_ACK');
  const [name, entry] = lawful[one.which] ?? [];
  const isDamaged = one.kind === 'lawful' && one.change[1] % 3 === 0;
  const sending = one.kind === 'lawful' ? entry?.sending(test, world) : undefined;
  const payload = (sending?.payload ?? one.bytes).slice();
  if (isDamaged && one.change[0] < payload.length) payload[one.change[0]] = one.change[1];
  const descriptors =
    sending?.descriptors ??
    Array.from({ length: one.tokens % 4 === 0 ? one.tokens : 0 }, (_, n) =>
      edge.give(n % 4 === one.memory ? undefined : new Uint8Array(0x2000)),
    );
  const request = one.kind === 'lawful' && name !== undefined ? requestId[name] : one.request;
  const answers = test.send(request, { payload, descriptors, flags: one.flags });
  assert.ok(answers.length <= 1, `${answers.length} answers`);
  for (const answer of answers) {
    assert.equal(answer.request, request);
    assert.equal(answer.flags, 5);
    assert.equal(answer.size, answer.payload.length);
    for (const token of answer.descriptors) edge.close(token);
  }
  const asksForAnswer = one.flags === VHOST_USER_NEED_REPLY_FLAGS && hadReplyAck;
  const stillAcknowledges = session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_REPLY_ACK');
  if (asksForAnswer && stillAcknowledges) assert.ok(answers.length === 1 || !session.isOpen, 'answered or closed');
}

t.test('whatever comes, a session answers or closes, never throws, and gives everything back', async () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom('block', 'net'),
      fc.boolean(),
      (steps, device, ready) => {
        const test = new SessionUnderTest(device);
        const world = guestWithRing();
        if (ready) test.negotiate(test.session.offeredProtocolFeatures & ~(1n << 16n));
        for (const one of steps) {
          if (!test.session.isOpen) break;
          if (one.kind === 'kick') test.session.rings.kicked(one.which % 4, 1);
          else if (one.kind === 'work') for (let n = 0; n < 20 && test.session.rings.step() === 'progressed'; n++);
          else send(test, world, one);
        }
        test.session.release();
        assert.equal(test.edge.open.size, 0, 'descriptors left open');
        assert.equal(test.edge.mapped, 0, 'memory left mapped');
        assert.deepEqual(test.edge.closedTwice, []);
        assert.deepEqual(test.edge.brokenDown, []);
      },
    ),
    { numRuns: 400 },
  );
});
