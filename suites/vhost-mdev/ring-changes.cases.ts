import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { RequestShape } from '../../drivers/devices/request.ts';
import type { GuestRing, Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { type Served, serves } from '../virtio/service.ts';
import { fitting } from '../virtio/small-ring.ts';
import { refusesCall } from './refusal.ts';
import { type Answer, addressesOf, getBase, setAddresses, setBase, setSize, setState } from './ring-messages.ts';

/** Ring set-up while the device runs: it is refused, and changes nothing. */

const transports = ['vhost-mdev'] as const;
const applies = { start: 'closed', transports } as const;

/** A request of at most two descriptors: a device that refuses no size is told of a ring of two. */
const small = ({ port }: Served, seed: number): RequestShape => ({
  seed,
  ...(port.facts.device === 'block' ? fitting(2) : {}),
});

/** The ring is served as it was told before, now and after a stop and a start. */
function servesAsBefore(served: Served, session: VhostMdevSession, check: Check, queue: Queue): void {
  if (!serves(served, check, queue, 'a request of the same run', small(served, 2))) return;
  setState(session, 0);
  check.equal(getBase(session, queue.index), encodeVringBase(queue.driver.position), 'base after 2 requests');
  check.equal(setState(session, 1), 'taken', 'the next start');
  serves(served, check, queue, 'a request of the next run', small(served, 3));
}

interface Running {
  readonly session: VhostMdevSession;
  readonly driver: DeviceDriver;
  readonly queue: Queue;
}

type Context = CaseContext<'vm-rings/change-while-running-disturbs-nobody', VariantAxes, VhostMdevSession>;

/**
 * Each message fails with EBUSY while the device runs and leaves the ring as it is; behind a stop, a size, base and
 * addresses that are sound are taken.
 */
function refusesWhileRunning(
  context: Pick<Context, 'refusal' | 'connect' | 'driverOf' | 'guest' | 'port' | 'requirement'>,
  refused: Check,
  {
    makeRing,
    messages,
    sound,
  }: {
    readonly makeRing: () => GuestRing;
    readonly messages: Readonly<Record<string, (running: Running) => Answer>>;
    readonly sound: (running: Running) => Answer;
  },
): void {
  const { connect, driverOf, guest, port, requirement } = context;
  const disturbs = requirement('vm-rings/change-while-running-disturbs-nobody');
  for (const [what, message] of Object.entries(messages)) {
    const mark = guest.mark();
    refusesCall<Running>(context, refused, {
      what,
      errors: ['EBUSY'],
      open: () => {
        const session = connect('negotiated');
        const driver = driverOf(session);
        const queue = driver.attach(makeRing());
        serves({ port, driver }, disturbs, queue, 'a request before', small({ port, driver }, 1));
        return { session, driver, queue };
      },
      flawed: message,
      behind: ({ session, driver, queue }) => servesAsBefore({ port, driver }, session, disturbs, queue),
      control: (running) => {
        setState(running.session, 0);
        return sound(running);
      },
      controlName: 'the same of a device that is stopped',
    });
    guest.release(mark);
  }
}

export const sizeRefused = defineCase({
  id: 'vhost-mdev/ring-changes/size-while-running-is-refused',
  title: 'SET_VRING_NUM while the device runs fails with EBUSY, whatever the size, and the ring keeps its own',
  proves: {
    'vm-rings/num-while-running-refused': 'mdev-size-while-running-taken',
    'vm-rings/change-while-running-disturbs-nobody': 'mdev-size-while-running-disturbs',
  },
  applies,
  run(context) {
    const sizes = [2, 8, 4, 0].map((size) => [
      `size ${size}`,
      ({ session, queue }: Running) => setSize(session, queue.index, size),
    ]);
    refusesWhileRunning(context, context.requirement('vm-rings/num-while-running-refused'), {
      makeRing: () => context.ring({ size: 4 }),
      messages: Object.fromEntries(sizes),
      sound: ({ session, queue }) => setSize(session, queue.index, 4),
    });
  },
});

export const baseRefused = defineCase({
  id: 'vhost-mdev/ring-changes/base-while-running-is-refused',
  title: 'SET_VRING_BASE while the device runs fails with EBUSY, and the ring stays where it is',
  proves: {
    'vm-rings/base-set-while-running-refused': 'mdev-base-while-running-taken',
    'vm-rings/change-while-running-disturbs-nobody': 'mdev-base-while-running-disturbs',
  },
  applies: { ...applies, ring: 'split' },
  run(context) {
    const bases = [0, 1, 7, 65535].map((base) => [
      `base ${base}`,
      ({ session, queue }: Running) => setBase(session, queue.index, base),
    ]);
    refusesWhileRunning(context, context.requirement('vm-rings/base-set-while-running-refused'), {
      makeRing: () => context.ring({ size: 16 }),
      messages: Object.fromEntries(bases),
      sound: ({ session, queue }) => setBase(session, queue.index, 1),
    });
  },
});

export const addressesRefused = defineCase({
  id: 'vhost-mdev/ring-changes/addresses-while-running-are-refused',
  title: 'SET_VRING_ADDR while the device runs fails with EBUSY, good addresses or bad, and the ring stays where it is',
  proves: {
    'vm-rings/addr-while-running-refused': 'mdev-addresses-while-running-taken',
    'vm-rings/change-while-running-disturbs-nobody': 'mdev-addresses-while-running-disturb',
  },
  applies,
  run(context) {
    const { ring } = context;
    const nowhere = { desc: 0x5555_0000n, avail: 0x5555_1000n, used: 0x5555_2000n };
    const asItIs = ({ session, queue }: Running): Answer =>
      setAddresses(session, queue.index, addressesOf(session, queue.ring));
    refusesWhileRunning(context, context.requirement('vm-rings/addr-while-running-refused'), {
      makeRing: () => ring({ size: 16 }),
      messages: {
        'addresses that it has': asItIs,
        'addresses of another ring': ({ session, queue }) =>
          setAddresses(session, queue.index, addressesOf(session, ring({ size: 16 }))),
        'addresses where no memory is': ({ session, queue }) => setAddresses(session, queue.index, nowhere),
      },
      sound: asItIs,
    });
  },
});
