import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { Check } from '../check.ts';
import { growsNot } from '../resource-growth.ts';

const checkOf = (faults: Parameters<typeof openReference>[0]['faults'] = []) => {
  const port = openReference({ device: 'block', faults });
  const check = new Check('vu-reconnect/dead-connection-resources-released', new EventLog(() => 0));
  const opened = port.connect();
  if (opened.kind === 'refused') throw new Error(opened.why);
  const { session } = opened;
  session.negotiate({});
  growsNot(port, check, 'descriptors held', () => {
    const call = port.descriptors.eventfd();
    session.messages.send({ request: 'VHOST_USER_SET_VRING_CALL', payload: { u64: 0n }, descriptors: [call] });
    session.fence();
  });
  port.close();
  return check;
};

t.test('what is replaced and closed is no leak', async (t) => {
  const check = checkOf();
  t.same(check.failures, []);
  t.equal(check.evaluated, 1);
});

t.test('a leak is named by the kind of descriptor that grew', async (t) => {
  t.match(checkOf(['replaced-descriptor-kept']).failures, [
    { how: 'leak', what: 'descriptors held', actual: /^\d+: 8 more of anon_inode:\[eventfd\]$/ },
  ]);
});

/** An IUT that closes what it opened for a body only so many looks later, and keeps some of it. */
class Late {
  readonly check = new Check('vu-reconnect/dead-connection-resources-released', new EventLog(() => 0));
  readonly #late: { left: number; count: number }[] = [];
  #kept = 10;

  judged({ opens, keeps, looks }: { opens: number; keeps: number; looks: number }): Check {
    growsNot(this.#port, this.check, 'descriptors held', () => {
      this.#kept += keeps;
      this.#late.push({ left: looks, count: opens - keeps });
    });
    return this.check;
  }

  get #port(): DriverPort {
    const held = (): number => {
      for (const each of this.#late) each.left--;
      return this.#kept + this.#late.reduce((sum, { left, count }) => sum + (left > 0 ? count : 0), 0);
    };
    const untilSettled = (isSo: () => boolean, ms: number): string => {
      for (let looks = 0; looks < Math.min(ms, 100); looks++) if (isSo()) return 'true';
      return 'deadline';
    };
    const resources = () => ({ descriptors: held(), byIdentity: {}, mappings: {} });
    return { deadlineMs: 1000, iut: { resources }, untilSettled } as unknown as DriverPort;
  }
}

t.test('what is closed late hides no leak, and is none', async (t) => {
  for (const opens of [3, 8, 11]) {
    for (const looks of [4, 12]) {
      const of = `${opens} opened, closed ${looks} looks later`;
      t.match(new Late().judged({ opens, keeps: 1, looks }).failures, [{ how: 'leak' }], of);
      t.same(new Late().judged({ opens, keeps: 0, looks }).failures, [], of);
    }
  }
});

/** An IUT of so many processes, which holds 10 descriptors more for each of its bodies that leaks. */
class Counted {
  readonly check = new Check('vu-reconnect/dead-connection-resources-released', new EventLog(() => 0));
  generation = 1;
  bodies = 0;
  #held = 10;

  /** The bodies that it took to judge. */
  judged({ leaks, late = 0 }: { leaks: number; late?: number }): number {
    const before = this.bodies;
    let looks = 0;
    const resources = () => ({
      descriptors: this.#held + (looks++ < late ? 1 : 0),
      byIdentity: {},
      mappings: {},
    });
    const iut = { resources, generation: this.generation, isAlive: () => true };
    const untilSettled = (isSo: () => boolean): string => {
      for (let times = 0; times < 50; times++) if (isSo()) return 'true';
      return 'deadline';
    };
    growsNot({ deadlineMs: 1000, iut, untilSettled } as unknown as DriverPort, this.check, 'descriptors held', () => {
      this.bodies++;
      this.#held += leaks;
    });
    return this.bodies - before;
  }
}

t.test('where no more is held than ever before, few repeats tell', async (t) => {
  const iut = new Counted();
  t.equal(iut.judged({ leaks: 0 }), 9, 'the first is judged by 8 repeats');
  t.equal(iut.judged({ leaks: 0 }), 3);
  t.equal(iut.judged({ leaks: 0, late: 5 }), 3, 'what is closed late is waited for');
  t.equal(iut.check.evaluated, 3);
  t.same(iut.check.failures, []);
  iut.judged({ leaks: 1 });
  t.match(iut.check.failures, [{ how: 'leak' }], 'a leak is seen behind them');
});

t.test('what one process held says nothing of the next', async (t) => {
  const iut = new Counted();
  iut.judged({ leaks: 0 });
  iut.generation++;
  t.equal(iut.judged({ leaks: 0 }), 9);
});
