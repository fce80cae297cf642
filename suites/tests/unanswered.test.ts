import t from 'tap';
import type { DriverPort, Session } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { noFeatures } from '../../reference-impl/catalogue/catalogue.ts';
import {
  handling,
  inTable,
  vhostUserFault,
} from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { type AnyCase, defineCase } from '../case.ts';
import { Check } from '../check.ts';
import { type Judgement, judge } from '../runner/judge.ts';
import { answersInTime, LateAnswers } from '../runner/unanswered.ts';

const ofRing = 'split/used-idx-wraps';
const ofRobustness = 'indirect/bad-table-length-survived';

/** Sessions on which a ring ran when a message came that is not answered then. */
const deaf = new WeakSet<object>();
const noted = (request: 'VHOST_USER_GET_FEATURES' | 'VHOST_USER_GET_VRING_BASE') =>
  handling(request, (right, session) => {
    if (session.rings.someStarted) deaf.add(session);
    return right();
  });

/** A back-end that does not answer GET_FEATURES and GET_VRING_BASE while a ring runs, and serves its rings. */
const deafBesideRings = vhostUserFault(
  answersInTime,
  'GET_FEATURES and GET_VRING_BASE are not answered while a ring runs',
  noted('VHOST_USER_GET_FEATURES'),
  noted('VHOST_USER_GET_VRING_BASE'),
  inTable('reply', { leaving: (message, _flags, session) => (deaf.has(session) ? [] : [message]) }),
).apply(referenceRules);

function judged(definition: AnyCase): Judgement {
  const port = openReference({ device: 'block', rules: deafBesideRings, faults: [], deadlineMs: 20_000 });
  try {
    return judge(port, definition, {}, noFeatures, { seed: 1, referenceMeetsDeadline: () => true });
  } finally {
    port.close();
  }
}

const found = ({ findings }: Judgement) => findings.map(({ requirement, how }) => ({ requirement, how }));

const behindRing = (requirement: typeof ofRing | typeof ofRobustness, isBesideText = false) =>
  defineCase({
    id: 'test/fence-behind-a-ring',
    title: 'a fence behind a ring that runs',
    proves: { [requirement]: 'call-never' },
    applies: { start: 'negotiated', transports: ['vhost-user'], ring: 'split' },
    run({ driver, ring, session, requirement: checkOf }) {
      const check = checkOf(requirement);
      const queue = driver.attach(ring({ size: 16 }));
      check.equal(driver.once(queue), undefined, 'what is wrong with a request');
      check.isBesideText = isBesideText;
      check.reply(session.messages.fence(), 'GET_FEATURES');
    },
  });

t.test('a fence that is not answered fails the requirement about answers, and none about rings', async (t) => {
  const result = judged(behindRing(ofRing));
  t.same(found(result), [{ requirement: answersInTime, how: 'stalled' }]);
  t.equal(result.verdict, 'fail');
  const outcome = result.outcomes.find(({ requirement }) => requirement === ofRing);
  t.match(outcome, { outcome: 'inconclusive', why: answersInTime });
  t.notMatch(outcome?.why, '\n', 'in one line');
});

t.test('so does the stop of a ring', async (t) => {
  const result = judged(
    defineCase({
      id: 'test/stop-of-a-ring',
      title: 'the stop of a ring',
      proves: { [ofRing]: 'call-never' },
      applies: { start: 'negotiated', transports: ['vhost-user'], ring: 'split' },
      run({ driver, ring, requirement }) {
        const check = requirement(ofRing);
        const stopped = driver.attach(ring({ size: 16 })).stop();
        if (stopped.kind !== 'stopped') check.failsBy(stopped, 'GET_VRING_BASE', 'a position');
      },
    }),
  );
  t.same(found(result), [{ requirement: answersInTime, how: 'stalled' }]);
});

t.test('harm that a case looks for stays where it is looked for', async (t) => {
  t.same(found(judged(behindRing(ofRobustness))), [{ requirement: ofRobustness, how: 'stalled' }]);
  t.same(found(judged(behindRing(ofRing, true))), [{ requirement: ofRing, how: 'stalled' }]);
});

t.test('what a case claims to be answered fails its own requirement', async (t) => {
  const result = judged(
    defineCase({
      id: 'test/answer-claimed',
      title: 'a claim that a fence is answered',
      proves: { [ofRing]: 'call-never' },
      applies: { start: 'negotiated', transports: ['vhost-user'], ring: 'split' },
      run({ driver, ring, session, requirement }) {
        driver.attach(ring({ size: 16 }));
        requirement(ofRing).answered(session.messages.fence(), 'GET_FEATURES', 'an answer');
      },
    }),
  );
  t.same(found(result), [{ requirement: ofRing, how: 'stalled' }]);
});

/** A session whose answer comes at the given time, if ever; and what is watched of the time. */
function late({ comesAtMs, isCalm = false }: { comesAtMs: number; isCalm?: boolean }) {
  let nowMs = 0;
  let waits = 0;
  const session = {
    isOpen: true,
    get unanswered() {
      return nowMs < comesAtMs ? 'VHOST_USER_GET_FEATURES' : undefined;
    },
  } as Session;
  const port = {
    deadlineMs: 1000,
    nowMs: () => nowMs,
    until(predicate: () => boolean, deadlineMs: number) {
      waits++;
      const end = nowMs + deadlineMs;
      while (!predicate() && nowMs < end) nowMs += 100;
      return predicate() ? 'true' : 'deadline';
    },
  } as unknown as DriverPort;
  const answers = new LateAnswers(port, { begin: () => {}, wasCalm: () => isCalm });
  const silent = (): Check => {
    const check = new Check(ofRing, new EventLog(() => 0));
    check.failsBy({ kind: 'silent', waitedMs: 1000, isOfFence: true }, 'GET_FEATURES', 'a reply');
    return check;
  };
  const looked = (): Check => {
    const check = silent();
    answers.look([check], [session]);
    return check;
  };
  return { looked, waits: () => waits };
}

t.test('an answer that comes late on a busy machine leaves all inconclusive', async (t) => {
  const check = late({ comesAtMs: 700 }).looked();
  t.same(check.failures, []);
  t.match(check.inconclusiveWhy, /VHOST_USER_GET_FEATURES was answered 700 ms behind its deadline/);
});

t.test('an answer that never comes is a failure, and is waited for once', async (t) => {
  const { looked, waits } = late({ comesAtMs: Number.POSITIVE_INFINITY });
  for (let time = 0; time < 2; time++) {
    const check = looked();
    t.equal(check.failures.length, 1);
    t.equal(check.inconclusiveWhy, undefined);
  }
  t.equal(waits(), 1);
});

t.test('on a calm machine no late answer is waited for', async (t) => {
  const { looked, waits } = late({ comesAtMs: 700, isCalm: true });
  t.equal(looked().failures.length, 1);
  t.equal(waits(), 0);
});
