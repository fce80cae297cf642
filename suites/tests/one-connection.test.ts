import t from 'tap';
import type { DriverPort, Session } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { defineCase } from '../case.ts';
import { judge } from '../runner/judge.ts';

const slug = 'vu-features/get-features-repeatable';

/** A back-end that refuses a connection while it serves another. */
function oneConnection(): { readonly port: DriverPort; readonly refused: () => number } {
  const port: DriverPort = openReference({ device: 'block', deadlineMs: 20_000 });
  const connect = port.connect.bind(port);
  let served: Session | undefined;
  let refused = 0;
  port.connect = () => {
    if (served?.isOpen === true) {
      refused++;
      return { kind: 'refused', why: 'it serves one connection at a time' };
    }
    const opened = connect();
    if (opened.kind === 'connected') served = opened.session;
    return opened;
  };
  t.teardown(() => port.close());
  return { port, refused: () => refused };
}

const manyPoints = Array.from({ length: 130 }, (_, key) => ({ key: String(key) }));

const sweep = defineCase({
  id: 'test/sweep-behind-a-session',
  title: 'a sweep of a case that has sessions open, with points that leave theirs open',
  proves: { [slug]: 'call-never' },
  applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
  run({ session, connect, points, requirement }) {
    const check = requirement(slug);
    check.equal(session.fence().kind, 'passed', 'a fence before the sweep');
    points(manyPoints, ({ key }) =>
      check.equal(connect('negotiated').fence().kind, 'passed', `a fence of point ${key}`),
    );
  },
});

t.test('a sweep holds no session while liveness is asked for', async (t) => {
  const { port, refused } = oneConnection();
  const contact = firstContact(port);
  if (contact.kind === 'not-served') throw new Error(contact.why);
  const result = judge(port, sweep, {}, contact.offer, { seed: 1, referenceMeetsDeadline: () => true });
  t.same(result.findings, []);
  t.equal(result.verdict, 'pass');
  t.same(result.points, { count: manyPoints.length, failed: [] });
  t.equal(refused(), 0);
});

const culprit = defineCase({
  id: 'test/culprit-of-a-sweep',
  title: 'one point after which nothing is served',
  proves: { [slug]: 'call-never' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    points(manyPoints.slice(0, 5), ({ key }) => {
      requirement(slug).equal(connect('connected').fence().kind, 'passed', `a fence of point ${key}`);
      if (key === '3') port.connect = () => ({ kind: 'refused', why: 'it is stuck' });
    });
  },
});

t.test('the point that ends service is found although each leaves its session open', async (t) => {
  const { port } = oneConnection();
  const { connect } = port;
  const restart = port.iut.restart.bind(port.iut);
  port.iut.restart = () => {
    port.connect = connect;
    restart();
  };
  const contact = firstContact(port);
  if (contact.kind === 'not-served') throw new Error(contact.why);
  const result = judge(port, culprit, {}, contact.offer, { seed: 1, referenceMeetsDeadline: () => true });
  t.match(result.findings, [{ how: 'wrong' }, { how: 'hang', what: 'a new session after point 3' }]);
  t.same(result.points?.failed, ['4', '3']);
});
