import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { BudgetError } from '../../reference-impl/errors.ts';
import { withFaults } from '../../reference-impl/faults/faults.ts';
import { handling, vhostUserFault } from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { done } from '../../reference-impl/vhost-user/handled.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import type { CaseRecord, RunEvent } from '../../reports/record/record.ts';
import { caseKey } from '../../reports/record/record.ts';
import { type AnyCase, type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import { runSlice } from '../runner/run-slice.ts';
import { type SliceEnd, type SliceOptions, wholeSlice } from '../runner/slice.ts';

const slug = 'vu-features/get-features-repeatable';
const service = 'vu-ring-state/enabled-ring-handles-every-request';

const requestOf = (id: string) => ({ id, title: 'one request completes', applies: { start: 'negotiated' } }) as const;
const usedByOne = ({ driver, ring }: Pick<CaseContext<string, VariantAxes>, 'driver' | 'ring'>): number => {
  const queue = driver.attach(ring({ size: 16 }));
  queue.makeAvailable([driver.request().segments]);
  return queue.kickAndWaitForUsed(1).length;
};

const oneRequest = defineCase({
  ...requestOf('test/one-request'),
  proves: { [service]: 'call-never' },
  run(context) {
    context.requirement(service).equal(usedByOne(context), 1, 'used elements');
  },
});

const otherRequest = defineCase({
  ...requestOf('test/other-request'),
  proves: { [slug]: 'call-never' },
  run(context) {
    context.requirement(slug).equal(usedByOne(context), 1, 'used elements');
  },
});

const sweep = defineCase({
  id: 'test/sweep',
  title: 'five points',
  proves: { [slug]: 'call-never' },
  applies: { start: 'connected', ring: 'none' },
  run({ points, requirement }) {
    const keys = ['a', 'b', 'c', 'd', 'e'].map((key) => ({ key }));
    points(keys, () => requirement(slug).silence('an answer', 'it comes', 200));
  },
});

const unknownRequest = defineCase({
  id: 'test/unknown-request',
  title: 'an unknown request is answered or not',
  proves: { [slug]: 'call-never' },
  applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
  run({ session, requirement }) {
    requirement(slug).reply(session.messages.exchange({ request: 77 }), 'an unknown request');
  },
});

const crashingSweep = defineCase({
  id: 'test/crashing-sweep',
  title: 'each point sends an unknown request',
  proves: { [slug]: 'call-never' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ connect, points, requirement, variant }) {
    const keys = ['a', 'b', 'c', 'd'].slice(0, variant.points).map((key) => ({ key }));
    points(keys, () => requirement(slug).reply(connect('connected').messages.exchange({ request: 77 }), 'an answer'));
  },
  variants: { points: [1, 2, 4] },
});

const stalling = defineCase({
  id: 'test/stalling',
  title: 'nothing comes, and a control completes',
  proves: { [slug]: 'call-never' },
  applies: { start: 'connected', ring: 'none' },
  run({ requirement }) {
    requirement(slug).silence('an answer', 'it comes', 200);
  },
});

const crashing = withFaults(referenceRules, ['unknown-request-crashes']);

/** A back-end that completes nothing: it forgets every SET_VRING_ENABLE. */
const neverEnabling = vhostUserFault(
  'vu-ring-state/enabled-ring-handles-every-request',
  'rings are never enabled',
  handling('VHOST_USER_SET_VRING_ENABLE', () => done),
).apply(referenceRules);

const patience = { silences: 40, deaths: 20 };

/** Runs a case several times on the reference in process: as repetitions of one key, or as several keys. */
function sliceOf(
  definition: AnyCase,
  times: number,
  options: Partial<SliceOptions>,
  rules = referenceRules,
  variant: Readonly<Record<string, number>> = {},
  as: 'repetitions' | 'keys' = 'repetitions',
): { readonly end: SliceEnd; readonly records: CaseRecord[]; readonly restarts: number } {
  const port = openReference({ device: 'block', rules, deadlineMs: 600 });
  const records: RunEvent[] = [];
  let restarts = 0;
  const { iut } = port;
  const restart = iut.restart.bind(iut);
  iut.restart = () => {
    restarts++;
    restart();
  };
  try {
    const contact = firstContact(port);
    if (contact.kind === 'not-served') throw new Error(contact.why);
    const key = caseKey(definition.id, variant);
    const slice = Array.from({ length: times }, (_, at) => {
      const own = as === 'keys' ? `${key}[at=${at}]` : key;
      return {
        planned: { key: own, definition, variant, axes: {} },
        result: { target: 'reference', key: own, repetition: as === 'keys' ? 0 : at },
      };
    });
    const end = runSlice(
      port,
      wholeSlice(slice),
      { append: (record) => records.push(record), writeTrace: () => 'traces/none.pb' },
      {
        seed: 1,
        offer: contact.offer,
        rules: { expectations: [], today: '2026-01-01', strictTargets: [], texts: [] },
        patience,
        requirementFacts: () => ({ level: 'MUST', basis: 'fact', since: 'virtio-1.0', until: null, features: [] }),
        rerunCommand: () => 'again',
        referenceMeetsDeadline: () => true,
        ...options,
      },
    );
    return { end, restarts, records: records.flatMap((record) => (record.event === 'case' ? [record] : [])) };
  } finally {
    port.close();
  }
}

t.test('a sound target is never given up', async (t) => {
  const { end, records } = sliceOf(oneRequest, 4, { patience: { silences: 1, deaths: 2 } });
  t.same(end, { kind: 'completed' });
  t.same(
    records.map(({ verdict }) => verdict),
    ['pass', 'pass', 'pass', 'pass'],
  );
});

t.test('a target that costs more than our patience is given up, and it is said', async (t) => {
  const { end, records } = sliceOf(oneRequest, 4, { patience: { silences: 1, deaths: 2 } }, neverEnabling, {}, 'keys');
  t.match(end, { kind: 'completed', gaveUp: 'given up: it was silent in 1 result of test/one-request' });
  t.same(
    records.map(({ verdict }) => verdict),
    ['fail', 'not-run', 'not-run', 'not-run'],
  );
  t.equal(records[0]?.findings[0]?.how, 'hang');
  t.match(records[3]?.outcomes[0]?.why, /^given up: /);
});

t.test('where no ring serves a request, that is told of service alone', async (t) => {
  const { records } = sliceOf(otherRequest, 2, {}, neverEnabling, {}, 'keys');
  t.same(
    records.map(({ verdict }) => verdict),
    ['inconclusive', 'inconclusive'],
  );
  t.match(records[0]?.outcomes[0]?.why, /^no split ring serves a request: ring 0: 0 of 1 used elements/);
  t.same(records[0]?.findings, []);
  t.equal(sliceOf(oneRequest, 1, {}, neverEnabling).records[0]?.verdict, 'fail');
  t.equal(sliceOf(otherRequest, 1, {}).records[0]?.verdict, 'pass');
});

t.test('a target that dies too often is given up', async (t) => {
  const { end, records } = sliceOf(unknownRequest, 4, { patience: { ...patience, deaths: 2 } }, crashing, {}, 'keys');
  t.match(end, { kind: 'completed', gaveUp: /^given up: it died in 2 results of test\/.*$/ });
  t.same(
    records.map(({ verdict }) => verdict),
    ['fail', 'fail', 'not-run', 'not-run'],
  );
  t.equal(records[1]?.findings[0]?.how, 'crash');
});

t.test('repetitions of one key cost the patience of one', async (t) => {
  const died = sliceOf(unknownRequest, 3, { patience: { ...patience, deaths: 2 } }, crashing);
  t.same(died.end, { kind: 'completed' });
  t.same(
    died.records.map(({ verdict }) => verdict),
    ['fail', 'fail', 'fail'],
  );
});

t.test('a stall restarts nothing: the control behind it was served', async (t) => {
  const { records, restarts } = sliceOf(stalling, 3, {});
  t.same(
    records.map(({ findings }) => findings.map(({ how }) => how)),
    [['stalled'], ['stalled'], ['stalled']],
  );
  t.equal(restarts, 0);
});

t.test('a stall counts where it comes again', async (t) => {
  let runs = 0;
  const lateOnce = defineCase({
    id: 'test/late-once',
    title: 'the first answer is late',
    proves: { [slug]: 'call-never' },
    applies: { start: 'connected', ring: 'none' },
    run({ requirement }) {
      runs++;
      if (runs === 1) requirement(slug).silence('an answer', 'it comes', 200);
      else requirement(slug).equal(1, 1, 'the answer');
    },
  });
  const { records } = sliceOf(lateOnce, 1, {});
  t.same([records[0]?.verdict, runs], ['pass', 2]);
  runs = 0;
  const alwaysLate = defineCase({
    id: 'test/always-late',
    title: 'every answer is late',
    proves: { [slug]: 'call-never' },
    applies: { start: 'connected', ring: 'none' },
    run({ requirement }) {
      runs++;
      requirement(slug).silence('an answer', 'it comes', 200);
    },
  });
  const stalled = sliceOf(alwaysLate, 3, {});
  t.same(
    stalled.records.map(({ verdict }) => verdict),
    ['fail', 'fail', 'fail'],
  );
  // Two or three runs decide, by what else the machine does.
  t.ok(runs === 4 || runs === 5, `a stall that is known of the case is not tried again (${runs} runs)`);
});

/** A back-end that forgets as many SET_VRING_ENABLE as told, and serves behind them. */
function forgetting(count: number): typeof referenceRules {
  let left = count;
  return vhostUserFault(
    'vu-ring-state/enabled-ring-handles-every-request',
    'the first rings are not enabled',
    handling('VHOST_USER_SET_VRING_ENABLE', (right) => (left-- > 0 ? done : right())),
  ).apply(referenceRules);
}

t.test('a hang counts where it comes again', async (t) => {
  const once = sliceOf(oneRequest, 1, {}, forgetting(2));
  t.equal(once.records[0]?.verdict, 'pass', 'the case and its control were late once');
  t.equal(once.restarts, 0, 'a control completes before the case is run again');
  const always = sliceOf(oneRequest, 1, {}, neverEnabling);
  t.same(
    always.records[0]?.findings.map(({ how }) => how),
    ['hang'],
  );
  t.ok(always.restarts >= 2, 'each further run has a process that serves');
});

t.test('a hang that a fresh process does not show belongs to the run', async (t) => {
  const { records, restarts } = sliceOf(oneRequest, 1, {}, forgetting(3));
  t.match(records[0], { verdict: 'inconclusive', findings: [] });
  t.match(records[0]?.outcomes[0]?.why, /with this case alone on a fresh process/);
  t.equal(restarts, 1);
});

t.test('what this machine was too slow to tell is tried three times', async (t) => {
  let asked = 0;
  const slowTimes = (times: number): Partial<SliceOptions> => ({
    referenceMeetsDeadline: () => ++asked > times,
  });
  t.equal(sliceOf(oneRequest, 1, slowTimes(1), forgetting(2)).records[0]?.verdict, 'pass');
  t.equal(asked, 1);
  asked = 0;
  const slow = sliceOf(oneRequest, 1, slowTimes(3), neverEnabling).records[0];
  t.match(slow, { verdict: 'inconclusive', outcomes: [{ why: /^too slow to tell: / }] });
  t.equal(asked, 3);
});

t.test('what a case presupposes is tried three times', async (t) => {
  let runs = 0;
  const premise = (heldFrom: number) =>
    defineCase({
      id: 'test/premise',
      title: 'what it presupposes holds from some run on',
      proves: { [slug]: 'call-never' },
      applies: { start: 'connected', ring: 'none' },
      run({ requirement }) {
        runs++;
        requirement(slug).presumes(runs >= heldFrom, 'it holds');
        requirement(slug).equal(1, 1, 'the answer');
      },
    });
  t.equal(sliceOf(premise(3), 1, {}).records[0]?.verdict, 'pass');
  t.equal(runs, 3);
  runs = 0;
  t.equal(sliceOf(premise(4), 1, {}).records[0]?.verdict, 'inconclusive');
  t.equal(runs, 3);
});

t.test('a second run never replaces a failure beside a stall', async (t) => {
  let runs = 0;
  const wrongAndLate = defineCase({
    id: 'test/wrong-and-late',
    title: 'the first run is wrong and late, a second one would pass',
    proves: { [slug]: 'call-never' },
    applies: { start: 'connected', ring: 'none' },
    run({ requirement }) {
      runs++;
      requirement(slug).equal(runs, 2, 'the answer');
      if (runs === 1) requirement(slug).silence('another answer', 'it comes', 200);
    },
  });
  const { records } = sliceOf(wrongAndLate, 1, {});
  t.same([records[0]?.verdict, runs], ['fail', 2]);
});

t.test('a sweep whose time ends while a point is repeated keeps what its points came to', async (t) => {
  const late = defineCase({
    id: 'test/late-sweep',
    title: 'its point ends the process, and its time ends at the next start',
    proves: { [slug]: 'call-never' },
    applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
    run({ port, connect, points, requirement }) {
      const { iut } = port;
      const restart = iut.restart.bind(iut);
      let left = 1;
      iut.restart = () => {
        if (left-- > 0) return restart();
        iut.restart = restart;
        throw new BudgetError('it took more than 30 s');
      };
      points([{ key: 'a' }], () =>
        requirement(slug).reply(connect('connected').messages.exchange({ request: 77 }), 'an answer'),
      );
    },
  });
  const { records } = sliceOf(late, 1, {}, crashing);
  t.match(records[0], { verdict: 'fail', findings: [{ how: 'crash' }], points: { count: 1, failed: ['a'] } });
  t.equal(records[0]?.findings.length, 1);
});

t.test('a sweep that crashes twice has repeated its crash alone, and leaves a process that serves', async (t) => {
  const twice = sliceOf(crashingSweep, 2, {}, crashing, { points: 2 });
  t.same(
    twice.records.map(({ findings, points }) => [findings.map(({ how }) => how), points?.failed]),
    [
      [['crash'], ['a', 'b']],
      [['crash'], ['a', 'b']],
    ],
  );
  t.equal(twice.restarts, 8, 'one for each crash: each point is run twice');
});

t.test(
  'a point that crashes is repeated on the process that the sweep started, and the sweep is not run again',
  async (t) => {
    const once = sliceOf(crashingSweep, 2, {}, crashing, { points: 1 });
    t.same(
      once.records.map(({ findings }) => findings.map(({ how }) => how)),
      [['crash'], ['crash']],
    );
    t.equal(once.restarts, 4, 'one for each crash: the point is run twice');
  },
);

t.test('with patience every result is had', async (t) => {
  const { end, records } = sliceOf(oneRequest, 4, {}, neverEnabling);
  t.same(end, { kind: 'completed' });
  t.same(
    records.map(({ verdict }) => verdict),
    ['fail', 'fail', 'fail', 'fail'],
  );
});

t.test('a sweep ends after three silences', async (t) => {
  const { records } = sliceOf(sweep, 1, {});
  t.same(records[0]?.points, { count: 3, failed: ['a', 'b', 'c'], left: ['d', 'e'] });
  t.equal(records[0]?.outcomes[0]?.why, '2 points were not run after 3 silences');
});

t.test('a point that is there runs alone; one that is not is no result', async (t) => {
  const { records } = sliceOf(sweep, 1, { point: 'd' });
  t.same(records[0]?.points, { count: 1, failed: ['d'] });
  t.match(sliceOf(sweep, 2, { point: 'z' }).end, { kind: 'no-point', why: 'test/sweep has no point z' });
  t.match(sliceOf(oneRequest, 2, { point: 'z' }).end, { kind: 'no-point', why: /test\/one-request is not a sweep/ });
});
