import t from 'tap';
import type { DriverPort, RecoveryStep, Rung } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { handling, vhostUserFault } from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { done } from '../../reference-impl/vhost-user/handled.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { canRestart, recovered, startedAfresh } from '../recovery.ts';

/** The reference with a ladder of its own, and the steps that were taken. */
function climbing(steps: readonly RecoveryStep[], rules = referenceRules) {
  const port: DriverPort = openReference({ device: 'block', rules, deadlineMs: 20_000 });
  const taken: string[] = [];
  const ladder = steps.map((step): Rung => {
    const rung = port.ladder.find((one) => one.step === step);
    return {
      step,
      take: () => {
        taken.push(step);
        rung?.take();
      },
    };
  });
  Object.defineProperty(port, 'ladder', { value: ladder });
  t.teardown(() => port.close());
  return { port, taken };
}

/** Completes nothing: it forgets every SET_VRING_ENABLE. */
const neverEnabling = vhostUserFault(
  'vu-ring-state/enabled-ring-handles-every-request',
  'rings are never enabled',
  handling('VHOST_USER_SET_VRING_ENABLE', () => done),
).apply(referenceRules);

/** Its process ends at the first message. */
const aborting = vhostUserFault(
  'vu-ring-state/enabled-ring-handles-every-request',
  'it aborts at GET_FEATURES',
  handling('VHOST_USER_GET_FEATURES', (right, session) => {
    session.edge.breakDown('abort');
    return right();
  }),
).apply(referenceRules);

t.test('a new connection is enough where a transfer completes on it', async (t) => {
  const { port, taken } = climbing(['reconnect', 'restart']);
  t.same(recovered(port), { kind: 'serves', by: 'reconnect' });
  t.same(taken, ['reconnect']);
  t.equal(port.releaseAll(), 0);
});

t.test(
  'an answer of the process that is there may be waited for as long as is told, and of others longer',
  async (t) => {
    const waits = (steps: readonly RecoveryStep[]): (number | undefined)[] => {
      const { port } = climbing(steps);
      const asked: (number | undefined)[] = [];
      const { connect } = port;
      Object.defineProperty(port, 'connect', {
        value: () => {
          const opened = connect.call(port);
          if (opened.kind === 'refused') return opened;
          const { session } = opened;
          session.readFeatures = (_, withinMs) => {
            asked.push(withinMs);
            return { kind: 'silent', waitedMs: withinMs ?? 0 };
          };
          return opened;
        },
      });
      recovered(port, { answersWithinMs: 300 });
      return asked;
    };
    t.same(waits(['reconnect', 'restart']), [300, 10_000, 10_000]);
    t.equal(waits(['reconnect'])[0], 10_000, 'where there is no other step');
  },
);

t.test('a target that answers and completes nothing is started afresh', async (t) => {
  const { port, taken } = climbing(['reconnect', 'restart'], neverEnabling);
  t.same(recovered(port), { kind: 'serves', by: 'restart' });
  t.same(taken, ['reconnect', 'restart']);
});

t.test('a connection that is known not to serve is not tried again', async (t) => {
  const { port, taken } = climbing(['reconnect', 'restart']);
  t.same(recovered(port, { isKnownNotToServe: true }), { kind: 'serves', by: 'restart' });
  t.same(taken, ['restart']);
});

t.test('without a step above, a target that answers is judged on', async (t) => {
  const { port } = climbing(['reconnect'], neverEnabling);
  t.same(recovered(port, { isKnownNotToServe: true }), { kind: 'serves', by: 'reconnect' });
  t.notOk(canRestart(port));
  t.notOk(startedAfresh(port));
});

t.test('a target is lost behind its last step, tried twice', async (t) => {
  const { port, taken } = climbing(['reconnect', 'restart'], aborting);
  t.match(recovered(port), { kind: 'lost', why: 'it does not answer on a fresh process' });
  t.same(taken, ['reconnect', 'restart', 'restart']);
  t.match(recovered(climbing(['reconnect'], aborting).port), { kind: 'lost', why: /not ours to start again/ });
  t.match(recovered(climbing([]).port), { kind: 'lost', why: /no longer answers/ });
});
