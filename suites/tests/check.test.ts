import assert from 'node:assert/strict';
import t from 'tap';
import type { ControlOutcome } from '../../drivers/port/port.ts';
import { CaseEnded, Check } from '../check.ts';

const checked = (outcome: ControlOutcome) => {
  const check = new Check('vu-features/get-features-repeatable', () => 0);
  return { check, held: check.accepted(outcome, 'SET_OWNER') };
};

t.test('what was done is accepted, however that was found out', async (t) => {
  for (const by of ['acknowledgement', 'return', 'fence'] as const) {
    const { check, held } = checked({ kind: 'done', by });
    t.ok(held);
    t.same(check.failures, []);
    t.equal(check.evaluated, 1);
  }
});

t.test('a refusal is a failure that says by what it was refused', async (t) => {
  const refused: readonly (readonly [ControlOutcome, string, string])[] = [
    [{ kind: 'refused', by: 'acknowledgement', value: 5n }, 'acknowledgement 0', 'acknowledgement 5'],
    [{ kind: 'refused', by: 'errno', value: 22 }, 'no error', 'EINVAL'],
    [{ kind: 'refused', by: 'errno', value: 95 }, 'no error', 'EOPNOTSUPP'],
    [{ kind: 'refused', by: 'status', value: 0x83 }, 'a status without FAILED or DEVICE_NEEDS_RESET', 'status 0x83'],
  ];
  for (const [outcome, expected, actual] of refused) {
    const { check, held } = checked(outcome);
    t.notOk(held);
    t.match(check.failures, [{ how: 'wrong', what: 'SET_OWNER', expected, actual }]);
  }
});

t.test('no answer ends the case', async (t) => {
  const check = new Check('vu-features/get-features-repeatable', () => 0);
  assert.throws(() => check.accepted({ kind: 'closed' }, 'SET_OWNER'), CaseEnded);
  assert.throws(() => check.accepted({ kind: 'silent', waitedMs: 7 }, 'SET_OWNER'), CaseEnded);
  assert.throws(() => check.accepted({ kind: 'died', exit: { signal: 'SIGBUS' } }, 'SET_OWNER'), CaseEnded);
  t.match(
    check.failures.map(({ how }) => how),
    ['wrong', 'stalled', 'crash'],
  );
});
