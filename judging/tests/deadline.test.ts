import t from 'tap';
import { isSeen } from '../deadline.ts';

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
