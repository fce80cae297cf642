import t from 'tap';
import { givenWithin, isSeen } from '../deadline.ts';

/** A port on which a thing shows at the look of that number, and how long each look took. */
function port(shownAt: number, closedAt = Number.POSITIVE_INFINITY) {
  const looks: number[] = [];
  return {
    looks,
    deadlineMs: 1000,
    until: (predicate: () => boolean, deadlineMs: number) => {
      looks.push(deadlineMs);
      if (looks.length === closedAt) return 'closed' as const;
      return predicate() ? ('true' as const) : ('deadline' as const);
    },
    seen: () => looks.length >= shownAt,
  };
}

const machine = (isCalm: boolean) => ({ begin: () => undefined, wasCalm: () => isCalm });

t.test('on a calm machine one look decides that nothing is seen', async (t) => {
  const calm = port(2);
  t.notOk(isSeen(calm, calm.seen, machine(true)));
  t.same(calm.looks, [50]);
});

t.test('on a busy one a device at work may be seen at it later', async (t) => {
  const late = port(3);
  t.ok(isSeen(late, late.seen, machine(false)));
  t.same(late.looks, [50, 50, 50]);
  const never = port(Number.POSITIVE_INFINITY);
  t.notOk(isSeen(never, never.seen, machine(false)));
  t.equal(never.looks.length, 3);
});

t.test('behind the end of a connection nothing more is waited for', async (t) => {
  const closed = port(Number.POSITIVE_INFINITY, 1);
  t.notOk(isSeen(closed, closed.seen, machine(false)));
  t.equal(closed.looks.length, 1);
});

t.test('a process that was not let run has as long once more', async (t) => {
  for (const [isCalm, most] of [
    [true, 1],
    [false, 2],
  ] as const) {
    const waits: number[] = [];
    const given = (milliseconds: number): undefined => void waits.push(milliseconds);
    t.equal(givenWithin(70, given, machine(isCalm)), undefined);
    t.same(waits, Array(most).fill(70));
    t.equal(
      givenWithin(70, (milliseconds) => milliseconds, machine(isCalm)),
      70,
      'what comes at once is taken',
    );
  }
});
