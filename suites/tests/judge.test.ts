import t from 'tap';
import { type DriverPort, presupposing, type Queue } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { negotiationFor } from '../../judging/negotiation.ts';
import { type FeatureSet, featureSetOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import {
  handling,
  inTable,
  vhostUserFault,
} from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { done } from '../../reference-impl/vhost-user/handled.ts';
import { type ReferenceRules, referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { type AnyCase, defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { applicability, elsewhereOf } from '../runner/applicability.ts';
import { type Judgement, type JudgeOptions, judge } from '../runner/judge.ts';

/** Virtual in process: nothing waits for it, but a control must finish in a twentieth of it, however busy the machine. */
const deadlineMs = 20_000;

function offerOf(port: DriverPort): FeatureSet {
  const opened = port.connect();
  if (opened.kind === 'refused') throw new Error(opened.why);
  const { session } = opened;
  const negotiated = session.negotiate({});
  session.close();
  return negotiated.offered;
}

/** The judgement of a case on the in-process reference with the given faults. */
function judged(
  definition: AnyCase,
  faults: readonly FaultName[] = [],
  { rules = referenceRules, ...options }: Partial<JudgeOptions> & { readonly rules?: ReferenceRules } = {},
): Judgement {
  const port = openReference({ device: 'block', rules, faults, deadlineMs });
  try {
    // Faults may break the negotiation itself, so the offer comes from a sound one.
    const sound = openReference({ device: 'block', deadlineMs });
    const offer = offerOf(sound);
    sound.close();
    return judge(port, definition, {}, offer, { seed: 1, referenceMeetsDeadline: () => true, ...options });
  } finally {
    port.close();
  }
}

/** A back-end that completes nothing, on whatever session: it forgets every SET_VRING_ENABLE. */
const neverEnabling = vhostUserFault(
  'vu-ring-state/enabled-ring-handles-every-request',
  'rings are never enabled',
  handling('VHOST_USER_SET_VRING_ENABLE', () => done),
).apply(referenceRules);

const slug = 'vu-features/get-features-repeatable';
const other = 'vu-header/reply-carries-version-1';

const once = defineCase({
  id: 'test/one-request',
  title: 'one request completes',
  proves: { [slug]: 'call-never' },
  applies: { start: 'negotiated' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    queue.makeAvailable([driver.request().segments]);
    requirement(slug).equal(queue.kickAndWaitForUsed(1).length, 1, 'used elements');
  },
});

t.test('a case that holds passes, with as many checks as it made', async (t) => {
  const result = judged(once);
  t.equal(result.verdict, 'pass');
  t.same(result.outcomes, [{ requirement: slug, outcome: 'pass', checks: 1 }]);
  t.same(result.findings, []);
});

t.test('a claim that does not hold is a finding with what was expected and seen', async (t) => {
  const definition = defineCase({
    id: 'test/wrong',
    title: 'a wrong claim',
    proves: { [slug]: 'call-never', [other]: 'call-never' },
    applies: { start: 'connected', ring: 'none' },
    run({ requirement }) {
      requirement(slug).equal(1, 2, 'one');
      requirement(other).equal(1, 1, 'one');
    },
  });
  const result = judged(definition);
  t.equal(result.verdict, 'fail');
  t.match(result.findings, [{ requirement: slug, how: 'wrong', what: 'one', expected: '2', actual: '1' }]);
  t.equal(result.outcomes.find(({ requirement }) => requirement === other)?.outcome, 'pass');
});

t.test('random numbers are in range, and begin anew with each run of a case for the same seed', async (t) => {
  const seen: number[][] = [];
  const definition = defineCase({
    id: 'test/random',
    title: 'draws numbers',
    proves: { [slug]: 'call-never' },
    applies: { start: 'connected', ring: 'none' },
    run({ random, requirement }) {
      seen.push(Array.from({ length: 200 }, () => random(10)));
      requirement(slug).equal(1, 1, 'one');
    },
  });
  for (const seed of [5, 5, 6]) judged(definition, [], { seed });
  t.same(seen[0], seen[1]);
  t.not(seen[0]?.join(), seen[2]?.join());
  t.same([...new Set(seen.flat())].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

t.test('a declared requirement that was never checked is our error', async (t) => {
  const definition = defineCase({
    id: 'test/unchecked',
    title: 'checks nothing',
    proves: { [slug]: 'call-never' },
    applies: { start: 'connected', ring: 'none' },
    run() {},
  });
  const result = judged(definition);
  t.equal(result.verdict, 'error');
  t.match(result.error, slug);
});

t.test('an exception of ours is an error and no finding', async (t) => {
  const definition = defineCase({
    id: 'test/throws',
    title: 'throws',
    proves: { [slug]: 'call-never' },
    applies: { start: 'connected', ring: 'none' },
    run() {
      throw new RangeError('our own mistake');
    },
  });
  const result = judged(definition);
  t.equal(result.verdict, 'error');
  t.match(result.error, 'our own mistake');
  t.same(result.findings, []);
});

/** A chain at which the device ends is shown, in the way that the case has it. */
function endedAt(step: (queue: Queue, check: Check) => void): Judgement {
  const definition = defineCase({
    id: 'test/ends-at-a-chain',
    title: 'a chain is used',
    proves: { [slug]: 'block-short-request-crashes' },
    applies: { start: 'negotiated' },
    run({ driver, ring, requirement }) {
      const queue = driver.attach(ring({ size: 16 }));
      const [header, ...rest] = driver.request().segments;
      if (header === undefined) throw new Error('no header');
      queue.makeAvailable([[{ ...header, length: 8 }, ...rest]]);
      step(queue, requirement(slug));
    },
  });
  return judged(definition, ['block-short-request-crashes']);
}

t.test('a process that ends where it owes a completion fails what the case shows', async (t) => {
  const owing = endedAt((queue) => queue.kickAndWaitForUsed(1));
  t.match(owing.findings, [{ requirement: slug, how: 'crash' }]);
  t.equal(owing.findings[0]?.besideText, undefined, 'a violation');
});

t.test('where the case presupposes the completion, or is beside the text, it is harm alone', async (t) => {
  const presupposed = endedAt((queue) => presupposing(() => queue.kickAndWaitForUsed(1)));
  t.match(presupposed.findings, [{ requirement: slug, how: 'crash', besideText: true }]);
  const flawed = endedAt((queue, check) => {
    check.isBesideText = true;
    queue.kickAndWaitForUsed(1);
  });
  t.match(flawed.findings, [{ requirement: slug, how: 'crash', besideText: true }]);
});

t.test('a warm-up is presupposed', async (t) => {
  const definition = defineCase({
    id: 'test/ends-at-a-warm-up',
    title: 'a request that the case is not about',
    proves: { [slug]: 'block-partial-sector-crashes' },
    applies: { start: 'negotiated' },
    run({ driver, ring }) {
      driver.warmUp(driver.attach(ring({ size: 16 })), { bytes: 100 });
    },
  });
  const result = judged(definition, ['block-partial-sector-crashes']);
  t.match(result.findings, [{ requirement: slug, how: 'crash', besideText: true }]);
});

t.test('a back-end that aborts is a crash, with how its process ended', async (t) => {
  const definition = defineCase({
    id: 'test/crash',
    title: 'unknown request',
    proves: { [slug]: 'unknown-request-crashes' },
    applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
    run({ session, requirement }) {
      session.messages.send({ request: 9999 });
      requirement(slug).reply(session.messages.fence(), 'a fence behind it');
    },
  });
  t.equal(judged(definition).findings.filter(({ how }) => how === 'crash').length, 0);
  const result = judged(definition, ['unknown-request-crashes']);
  t.equal(result.verdict, 'fail');
  t.match(result.findings, [{ requirement: slug, how: 'crash', exit: { signal: 'SIGABRT' } }]);
  t.match(result.died, { signal: 'SIGABRT' });
});

t.test('an owed completion that does not come: stalled when a control completes, hang when it fails too', async (t) => {
  const withheld = defineCase({
    id: 'test/stall',
    title: 'a request without a kick into a ring that is disabled',
    proves: { [slug]: 'call-never' },
    applies: { start: 'negotiated' },
    run({ driver, ring, requirement }) {
      const queue = driver.attach(ring({ size: 16 }), { enable: false });
      queue.makeAvailable([driver.request().segments]);
      requirement(slug).equal(queue.kickAndWaitForUsed(1).length, 1, 'used elements');
    },
  });
  const stalled = judged(withheld);
  t.match(stalled.findings, [{ how: 'stalled' }]);
  t.equal(stalled.verdict, 'fail');
  const hang = judged(once, [], { rules: neverEnabling });
  t.match(hang.findings, [{ how: 'hang' }]);
});

/** Nothing comes of a request, and the process ends by a message behind it, which no answer is asked of. */
function silentThenEnded(points?: readonly string[]) {
  return defineCase({
    id: 'test/silent-then-ended',
    title: 'a silence ahead of the end of the process',
    proves: { [slug]: 'unknown-request-crashes', 'split/used-idx-wraps': 'unknown-request-crashes' },
    applies: { start: points === undefined ? 'connected' : 'closed', transports: ['vhost-user'], ring: 'none' },
    run(context) {
      const ends = (session: typeof context.session): void => {
        context.requirement(slug).silence('used elements', 'one', context.port.deadlineMs);
        context.requirement('split/used-idx-wraps').silence('a call', 'one', context.port.deadlineMs);
        session.messages.send({ request: 9999 });
      };
      if (points === undefined) ends(context.session);
      else
        context.points(
          points.map((key) => ({ key })),
          () => ends(context.connect('connected')),
        );
    },
  });
}

t.test('a silence ahead of the end of the process is told with it, once', async (t) => {
  for (const definition of [silentThenEnded(), silentThenEnded(['first', 'second'])]) {
    const { findings, outcomes, verdict } = judged(definition, ['unknown-request-crashes']);
    t.equal(verdict, 'fail');
    t.equal(findings.length, 1);
    t.match(findings, [{ requirement: slug, how: 'crash', what: 'used elements', exit: { signal: 'SIGABRT' } }]);
    t.equal(findings[0]?.besideText, undefined, 'what was owed did not come');
    t.match(outcomes, [
      { outcome: 'fail' },
      { outcome: 'inconclusive', why: /^a call: nothing came, and the process/ },
    ]);
  }
  const late = judged(silentThenEnded(), ['unknown-request-crashes'], { referenceMeetsDeadline: () => false });
  t.match(late.findings, [{ how: 'crash', besideText: true }], 'where it may have been late, the end alone is certain');
});

t.test('an answer to another request, where one was owed, is a desync and no stall', async (t) => {
  const definition = defineCase({
    id: 'test/desync',
    title: 'the answer belongs to the request',
    proves: { [slug]: 'call-never' },
    applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
    run({ session, requirement }) {
      session.negotiate({ device: 1n << 30n, protocol: 1n << 3n });
      requirement(slug).accepted(session.messages.acknowledged({ request: 'VHOST_USER_RESET_OWNER' }), 'RESET_OWNER');
    },
  });
  const answersAnother = vhostUserFault(
    slug,
    'RESET_OWNER is acknowledged as GET_QUEUE_NUM',
    inTable('reply', { replyRequest: (request) => (request === 4 ? 17 : request) }),
  ).apply(referenceRules);
  t.equal(judged(definition).verdict, 'pass');
  const result = judged(definition, [], { rules: answersAnother });
  t.equal(result.verdict, 'fail');
  t.match(result.findings, [{ how: 'desync', what: 'RESET_OWNER', actual: /an answer to VHOST_USER_GET_QUEUE_NUM/ }]);
});

t.test('silence on a machine where the reference is too slow as well is inconclusive', async (t) => {
  const result = judged(once, [], { rules: neverEnabling, referenceMeetsDeadline: () => false });
  t.equal(result.verdict, 'inconclusive');
  t.same(result.findings, []);
});

const sweep = defineCase({
  id: 'test/sweep',
  title: 'points',
  proves: { [slug]: 'unknown-request-crashes' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ connect, points, requirement }) {
    const all = [1, 9001, 9002, 9003, 9004, 9005].map((request) => ({ key: `request=${request}`, request }));
    points(all, ({ key, request }) => {
      const session = connect('connected');
      session.messages.send({ request });
      requirement(slug).reply(session.messages.fence(), key);
      session.close();
    });
  },
});

t.test('a sweep counts its points, and after three crashes of one signature leaves the rest and says so', async (t) => {
  t.same(judged(sweep).points, { count: 6, failed: [] });
  const result = judged(sweep, ['unknown-request-crashes']);
  t.same(result.points, {
    count: 4,
    failed: ['request=9001', 'request=9002', 'request=9003'],
    left: ['request=9004', 'request=9005'],
  });
  t.match(result.outcomes[0]?.why, '2 points were not run');
  t.match(result.findings[0]?.points, ['request=9001', 'request=9002', 'request=9003']);
});

t.test('one point alone can be run, and one that does not exist is told', async (t) => {
  t.same(judged(sweep, ['unknown-request-crashes'], { point: 'request=1' }).points, { count: 1, failed: [] });
  t.throws(() => judged(sweep, [], { point: 'request=7' }), { message: /has no point request=7/ });
});

t.test('a requirement behind a failure that ends the case was not run', async (t) => {
  const definition = defineCase({
    id: 'test/ends',
    title: 'ends early',
    proves: { [slug]: 'call-never', [other]: 'call-never' },
    applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
    run({ session, requirement }) {
      session.messages.send({ request: 'VHOST_USER_GET_FEATURES', flags: 0 });
      session.messages.shutdown('both');
      requirement(slug).reply(session.messages.fence(), 'a reply on a connection that we shut');
      requirement(other).equal(1, 1, 'never reached');
    },
  });
  const result = judged(definition);
  t.match(result.outcomes, [
    { requirement: slug, outcome: 'fail' },
    { requirement: other, outcome: 'not-run' },
  ]);
});

t.test('whether a case applies is told from data, naming what is missing', async (t) => {
  const port = openReference({ device: 'block', deadlineMs });
  const offer = offerOf(port);
  const definition = defineCase({
    id: 'test/applies',
    title: 'needs much',
    proves: { [slug]: 'call-never' },
    applies: {
      start: 'connected',
      devices: ['net'],
      offers: ['VIRTIO_F_SR_IOV'],
      needs: ['faithful'],
    },
    run() {},
  });
  t.same(applicability(definition, port.facts, offer), ['device net'], 'what else is missing says nothing then');
  t.equal(elsewhereOf(definition, port.facts), 'device');
  const here = { ...definition, applies: { ...definition.applies, devices: ['block' as const] } };
  t.same(applicability(here, port.facts, offer), ['VIRTIO_F_SR_IOV offered', 'capability faithful']);
  t.equal(elsewhereOf(here, port.facts), undefined);
  const other = { ...definition, applies: { ...definition.applies, transports: ['vhost-mdev' as const] } };
  t.same(applicability(other, port.facts, offer), ['transport vhost-mdev']);
  t.equal(elsewhereOf(other, port.facts), 'transport');
  t.same(applicability(once, port.facts, offer), []);
  port.close();
});

t.test(
  'a case that needs a part of the device applies where the transport has it and the target offers it',
  async (t) => {
    const port = openReference({ device: 'block' });
    t.teardown(() => port.close());
    const definition = defineCase({
      id: 'test/needs-config',
      title: 'reads configuration',
      proves: { [slug]: 'call-never' },
      applies: { start: 'negotiated', needs: ['device.config'] },
      run() {},
    });
    const { facts } = port;
    const offer = offerOf(port);
    t.same(applicability(definition, facts, offer), []);
    const config = featureSetOf(['VHOST_USER_PROTOCOL_F_CONFIG'], facts).protocol;
    const without = { ...offer, protocol: offer.protocol & ~config };
    t.same(applicability(definition, facts, without), ['VHOST_USER_PROTOCOL_F_CONFIG offered']);
    const owned = { ...facts, ownedBy: { VHOST_USER_PROTOCOL_F_CONFIG: 'front-end' } };
    t.same(applicability(definition, owned, offer), ['VHOST_USER_PROTOCOL_F_CONFIG: served by the front-end']);
    const mdev = { ...facts, transport: 'vhost-mdev' } as const;
    t.same(applicability(definition, mdev, offer), ['transport vhost-user or vhost-vdpa or virtio-pci']);
    t.equal(elsewhereOf(definition, mdev), 'transport');
    t.equal(negotiationFor(definition.applies, facts, offer).protocol, config, 'and it is negotiated');
  },
);
