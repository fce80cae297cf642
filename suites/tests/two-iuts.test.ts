import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { type AnyCase, defineCase } from '../case.ts';
import { applicability } from '../runner/applicability.ts';
import { type Judgement, judge } from '../runner/judge.ts';
import { runSlice } from '../runner/run-slice.ts';
import { type SecondIutSource, wholeSlice } from '../runner/slice.ts';

const slug = 'vu-features/get-features-repeatable';

function offerOf(port: DriverPort): FeatureSet {
  const contact = firstContact(port);
  if (contact.kind === 'not-served') throw new Error(contact.why);
  return contact.offer;
}

const both = defineCase({
  id: 'test/both-serve',
  title: 'both serve at once, on sessions with numbers of their own',
  proves: { [slug]: 'call-never' },
  applies: { start: 'negotiated', transports: ['vhost-user'], iuts: 2, ring: 'none' },
  run({ session, connect, other, requirement }) {
    const check = requirement(slug);
    const there = connect('negotiated', 'other');
    check.equal(there.fence().kind, 'passed', 'a fence of the second');
    check.equal(session.fence().kind, 'passed', 'a fence of the first');
    check.notEqual(there.id, session.id, 'number of a session');
    check.equal(other.iut.isAlive(), true, 'the second lives');
  },
});

const secondCrashes = defineCase({
  id: 'test/second-crashes',
  title: 'the second ends at an unknown request',
  proves: { [slug]: 'call-never' },
  applies: { start: 'connected', transports: ['vhost-user'], iuts: 2, ring: 'none' },
  run({ connect, requirement }) {
    requirement(slug).reply(connect('connected', 'other').messages.exchange({ request: 77 }), 'an unknown request');
  },
});

const secondReturnsFrames = defineCase({
  id: 'test/second-returns-frames',
  title: 'the second is driven as its own facts say',
  proves: { [slug]: 'call-never' },
  applies: { start: 'closed', transports: ['vhost-user'], devices: ['net'], iuts: 2 },
  run({ driverOf, connect, ring, requirement }) {
    const there = driverOf(connect('negotiated', 'other'));
    requirement(slug).equal(there.transfer(there.attach(ring({ size: 16 }))), undefined, 'a frame');
  },
});

const single = defineCase({
  id: 'test/single',
  title: 'one alone',
  proves: { [slug]: 'call-never' },
  applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
  run({ session, requirement }) {
    requirement(slug).equal(session.fence().kind, 'passed', 'a fence');
  },
});

function judged(definition: AnyCase): Judgement {
  const port = openReference({ device: 'block', deadlineMs: 20_000 });
  const other = openReference({ device: 'block', faults: ['unknown-request-crashes'], log: port.log });
  try {
    const second = { port: other, offer: offerOf(other) };
    const options = { seed: 1, referenceMeetsDeadline: () => true, other: second };
    return judge(port, definition, {}, offerOf(port), options);
  } finally {
    other.close();
    port.close();
  }
}

t.test('a case runs on two IUTs, and the death of either is its crash', async (t) => {
  t.equal(judged(both).verdict, 'pass');
  const crashed = judged(secondCrashes);
  t.match(crashed.findings, [{ how: 'crash' }]);
  t.match(crashed.died, { signal: 'SIGABRT' });
});

t.test('each is driven as its own facts say', async (t) => {
  const other = openReference({ device: 'net', deadlineMs: 20_000 });
  t.teardown(() => other.close());
  const port = openReference({ device: 'net', deadlineMs: 20_000, log: other.log });
  t.teardown(() => port.close());
  const workload = { ...port.facts.workload, reflects: 'macs-swapped' };
  Object.defineProperty(port, 'facts', { value: { ...port.facts, workload } });
  const options = { seed: 1, referenceMeetsDeadline: () => true, other: { port: other, offer: offerOf(other) } };
  t.match(judge(port, secondReturnsFrames, {}, offerOf(port), options), { verdict: 'pass' });
});

t.test('what misses of the second IUT is said', async (t) => {
  const port = openReference({ device: 'block' });
  t.teardown(() => port.close());
  const { facts } = port;
  const offer = offerOf(port);
  t.same(applicability(both, facts, offer), ['a second IUT (--pair)']);
  t.same(applicability(both, facts, offer, { facts, offer }), []);
  const net = openReference({ device: 'net' });
  t.teardown(() => net.close());
  const known = { facts: net.facts, offer: offerOf(net) };
  t.same(applicability(both, facts, offer, known), ['a second IUT that is block over vhost-user']);
  const needs = ['initial-base'] as const;
  const picky = { ...both, applies: { ...both.applies, needs } };
  const without = { facts: { ...facts, capabilities: [] }, offer };
  t.same(applicability(picky, facts, offer, without), ['capability initial-base, on the second IUT']);
});

t.test('a slice starts the second IUT for the cases that need it, and closes it behind them', async (t) => {
  const port = openReference({ device: 'block', deadlineMs: 20_000 });
  t.teardown(() => port.close());
  const said: string[] = [];
  let opened: DriverPort | undefined;
  const second: SecondIutSource = {
    open() {
      said.push('open');
      opened = openReference({ device: 'block', log: port.log });
      return { port: opened, offer: offerOf(opened) };
    },
    close() {
      said.push('close');
      opened?.close();
    },
  };
  const definitions = [single, both, both, single];
  runSlice(
    port,
    wholeSlice(
      definitions.map((definition, repetition) => ({
        planned: { key: definition.id, definition, variant: {}, axes: {} },
        result: { target: 'reference', key: definition.id, repetition },
      })),
    ),
    {
      append: (record) => {
        if (record.event === 'case') said.push(`${record.caseId} ${record.verdict}`);
      },
      writeTrace: () => 'traces/none.pb',
    },
    {
      seed: 1,
      offer: offerOf(port),
      second,
      rules: { expectations: [], today: '2026-01-01', strictTargets: [], texts: [] },
      patience: { silences: 40, deaths: 20 },
      requirementFacts: () => ({ level: 'MUST', basis: 'fact', since: 'virtio-1.0', until: null, features: [] }),
      rerunCommand: () => 'again',
      referenceMeetsDeadline: () => true,
    },
  );
  t.same(said, [
    'test/single pass',
    'open',
    'test/both-serve pass',
    'test/both-serve pass',
    'close',
    'test/single pass',
  ]);
});
