import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';
import { refusesCall } from './refusal.ts';
import { ringDoorbell, setSize, setState, tellRing } from './ring-messages.ts';

/** Values of DEVICE_SET_STATE, and starts of a device that was told of little. */

const transports = ['vhost-mdev'] as const;

const values = [
  2n,
  3n,
  4n,
  0x80n,
  0xffn,
  0x100n,
  0x101n,
  0x1_0000n,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  0x8000_0000_0000_0000n,
  0x8000_0000_0000_0001n,
  0xffff_ffff_ffff_ffffn,
];
const named = (all: readonly bigint[]) => all.map((state) => ({ key: `state-0x${state.toString(16)}`, state }));

export const unknownRefused = defineCase({
  id: 'vhost-mdev/state/unknown-states-are-refused',
  title: 'every state but 0 and 1 fails with EINVAL, whether the device runs or not',
  proves: { 'vm-state/unknown-state-refused': ['mdev-state-2-taken', 'mdev-state-with-high-bit-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vm-state/unknown-state-refused');
    points(named(values), ({ key, state }) => {
      for (const running of [0, 1]) {
        refusesCall(context, check, {
          what: `${key} while ${running === 1 ? 'running' : 'stopped'}`,
          open: () => {
            const session = connect('connected');
            setState(session, running);
            return session;
          },
          flawed: (session) => setState(session, state),
          control: (session) => setState(session, 1 - running),
          controlName: `from state ${running}`,
        });
      }
    });
  },
});

/** Whether a chain that is shown and notified now is served, by the time the device is stopped again. */
const servesBehind = (session: VhostMdevSession, index: number, used: () => number): boolean => {
  const before = used();
  ringDoorbell(session, index);
  session.fence();
  setState(session, 0);
  return used() !== before;
};

export const unknownChangesNothing = defineCase({
  id: 'vhost-mdev/state/unknown-states-leave-the-device-as-it-is',
  title: 'a state other than 0 and 1, taken or refused, leaves a running device running and a stopped one stopped',
  proves: { 'vm-state/unknown-state-changes-nothing': ['mdev-all-ones-stop', 'mdev-state-4-starts'] },
  applies: { start: 'closed', transports },
  run({ connect, driverOf, ring, points, port, requirement }) {
    const check = requirement('vm-state/unknown-state-changes-nothing');
    points(named(values.filter((_, n) => n % 2 === 0)), ({ key, state }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      if (!serves({ port, driver }, check, queue, `a request before ${key}`)) return;
      setState(session, state);
      if (!serves({ port, driver }, check, queue, `a running device after ${key}`)) return;
      setState(session, 0);
      setState(session, state);
      queue.makeAvailable([driver.request().segments]);
      const isServed = servesBehind(session, queue.index, () => queue.usedCount());
      check.equal(isServed, false, `whether a stopped device serves after ${key}`);
      session.close();
    });
  },
});

export const upperHalf = defineCase({
  id: 'vhost-mdev/state/upper-half-of-the-state-counts',
  title: 'a state whose lower half alone says 0 or 1 neither stops nor starts the device',
  proves: { 'vm-state/state-has-64-bits': 'mdev-state-without-upper-half' },
  applies: { start: 'closed', transports },
  run({ connect, driverOf, ring, points, port, requirement }) {
    const check = requirement('vm-state/state-has-64-bits');
    const upper = [0x1_0000_0000n, 0x100_0000_0000n, 0x8000_0000_0000_0000n, 0xffff_ffff_0000_0000n];
    points(named(upper), ({ key, state }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      setState(session, state);
      if (!serves({ port, driver }, check, queue, `a running device after ${key}`)) return;
      setState(session, 0);
      setState(session, state | 1n);
      queue.makeAvailable([driver.request().segments]);
      const isServed = servesBehind(session, queue.index, () => queue.usedCount());
      check.equal(isServed, false, `whether a stopped device serves after ${key} and 1`);
      session.close();
    });
  },
});

export const withoutRings = defineCase({
  id: 'vhost-mdev/state/start-without-rings',
  title: 'a device that was told of nothing at all is started and stopped, as often as one likes',
  proves: { 'vm-state/start-without-rings-taken': 'mdev-start-wants-a-ring' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-state/start-without-rings-taken');
    for (const time of [1, 2, 3]) {
      check.equal(setState(session, 1), 'taken', `start ${time}`);
      check.equal(setState(session, 0), 'taken', `stop ${time}`);
    }
  },
});

export const withoutAddresses = defineCase({
  id: 'vhost-mdev/state/ring-without-addresses-stays-out',
  title: 'a ring of which only the size was told does not hinder the start, and can still be set up later',
  proves: { 'vm-state/ring-without-address-stays-out': 'mdev-start-wants-addresses' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/ring-without-address-stays-out');
    const index = driver.queueIndex;
    setSize(session, index, 16);
    check.equal(setState(session, 1), 'taken', 'start with a ring that has a size alone');
    ringDoorbell(session, index);
    check.equal(setState(session, 0), 'taken', 'stop');
    const queue = driver.attach(ring({ size: 16 }));
    serves({ port, driver }, check, queue, 'a request once all is told');
  },
});

export const withoutEvents = defineCase({
  id: 'vhost-mdev/state/event-descriptors-are-not-needed',
  title: 'a device that was given no event descriptor is started and serves',
  proves: { 'vm-state/descriptors-not-needed': 'mdev-start-wants-an-event' },
  applies: { start: 'negotiated', transports, devices: ['block'] },
  run({ port, driver, ring, requirement }) {
    const check = requirement('vm-state/descriptors-not-needed');
    const queue = driver.attach(ring({ size: 16 }), { call: false });
    for (const seed of [1, 2]) serves({ port, driver }, check, queue, `request ${seed}`, { seed });
  },
});

export const withoutFeatures = defineCase({
  id: 'vhost-mdev/state/start-without-features-is-survived',
  title: 'a start before any SET_FEATURES is served or refused, and a session after it is served as ever',
  proves: { 'vm-state/start-without-features-survived': 'mdev-start-without-features-crashes' },
  applies: { start: 'closed', transports },
  run({ connect, guest, port, driverOf, ring, requirement }) {
    const check = requirement('vm-state/start-without-features-survived');
    const first = connect('connected');
    first.shareMemory(guest);
    const { queueIndex } = driverOf(first);
    tellRing(first, queueIndex, ring({ size: 16 }));
    const started = setState(first, 1);
    check.oneOf(started === 'ENODEV' ? 'gone' : 'lives', ['lives'], 'the device after a start without features');
    ringDoorbell(first, queueIndex);
    setState(first, 0);
    first.close();
    const driver = driverOf(connect('negotiated'));
    const queue = driver.attach(ring({ size: 16 }));
    serves({ port, driver }, check, queue, 'a request of the next session');
  },
});
