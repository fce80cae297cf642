import assert from 'node:assert/strict';
import t from 'tap';
import type { ControlOutcome } from '../../drivers/port/port.ts';
import { plainGuest } from '../../reference-impl/memory/guest.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { CaseEnded, Check } from '../check.ts';

const checked = (outcome: ControlOutcome) => {
  const check = new Check('vu-features/get-features-repeatable', { next: 0, observe: () => 0 });
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

t.test('memory that changed is a failure, and each run of bytes is in the log', async (t) => {
  const log = new EventLog(() => 0);
  const check = new Check('split/nothing-written-outside-buffers', log);
  const guest = plainGuest();
  const before = snapshot(guest);
  t.ok(check.unchanged(guest, changes(before), 'memory'));
  t.same(log.events(), []);
  guest.regions[0]?.bytes.fill(7, 100, 300);
  guest.regions[1]?.bytes.fill(9, 5, 7);
  t.notOk(check.unchanged(guest, changes(before), 'memory'));
  const bytes = new Uint8Array(64).fill(7);
  t.match(log.events(), [
    { kind: 'memory-change', region: 0, offset: 100, length: 200, bytes, note: 'memory' },
    { kind: 'memory-change', region: 1, offset: 5, length: 2, bytes: Uint8Array.of(9, 9) },
  ]);
  t.match(check.failures, [
    { how: 'wrong', what: 'memory', actual: /^2 runs of bytes differ: 200 bytes at 100 of region 0, 2 bytes at 5/ },
  ]);
  const second = guest.regions[1]?.bytes ?? new Uint8Array();
  for (let at = 1000; at < 1200; at += 2) second[at] = 1;
  check.unchanged(guest, changes(before), 'many');
  t.equal(log.events().length, 2 + 16, 'not all of many');
});

t.test('what did not come in time is silence, however it was compared', async (t) => {
  const check = new Check('vu-features/get-features-repeatable', { next: 0, observe: () => 0 });
  t.notOk(check.equal<string>('silent', 'passed', 'a fence'));
  t.notOk(check.oneOf<string>('silent', ['refused', 'closed'], 'a flawed message'));
  check.fails('wrong', 'a fence', 'it passes', 'silent');
  t.same(
    check.failures.map(({ how, silent }) => [how, silent]),
    [
      ['stalled', true],
      ['stalled', true],
      ['stalled', true],
    ],
  );
});

t.test('no answer ends the case', async (t) => {
  const check = new Check('vu-features/get-features-repeatable', { next: 0, observe: () => 0 });
  assert.throws(() => check.accepted({ kind: 'closed' }, 'SET_OWNER'), CaseEnded);
  assert.throws(() => check.accepted({ kind: 'silent', waitedMs: 7 }, 'SET_OWNER'), CaseEnded);
  assert.throws(() => check.accepted({ kind: 'died', exit: { signal: 'SIGBUS' } }, 'SET_OWNER'), CaseEnded);
  t.match(
    check.failures.map(({ how }) => how),
    ['wrong', 'stalled', 'crash'],
  );
});
