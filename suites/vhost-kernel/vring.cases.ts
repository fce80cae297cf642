import { errorName } from '../../reference-impl/wire/errno.ts';
import { defineCase } from '../case.ts';
import { eventsOf, ringCallsOf, ringCount } from './calls-of.ts';
import { refusesCall, takes } from './refusal.ts';

/** What is told of rings while the device does not run. */

const transports = ['vhost-vdpa', 'vhost-kernel'] as const;

/** A ring number behind the last one, by how it is written. */
const beyond: Readonly<Record<string, (count: number) => number>> = {
  'the count': (count) => count,
  'one more': (count) => count + 1,
  '0x80000000': () => 0x8000_0000,
  '0xffffffff': () => 0xffff_ffff,
};

export const ringIndex = defineCase({
  id: 'vhost-kernel/vring/numbers-beyond-the-last-are-refused',
  title: 'a call on a ring that there is not fails with ENOBUFS',
  proves: { 'vk-vring/ring-index-out-of-range-refused': ['vdpa-ring-numbers-wrap', 'vhost-net-ring-numbers-wrap'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-vring/ring-index-out-of-range-refused');
    const all = Object.entries(ringCallsOf(context.port)).flatMap(([name, act]) =>
      Object.entries(beyond).map(([which, indexIn]) => ({ key: `${name} of ${which}`, name, act, indexIn })),
    );
    context.points(all, ({ key, name, act, indexIn }) =>
      refusesCall(context, check, {
        what: key,
        start: 'negotiated',
        flawed: (session) => act(session, indexIn(ringCount(session))),
        control: (session) => act(session, 0),
        controlName: `${name} of ring 0`,
        errors: ['ENOBUFS'],
      }),
    );
  },
});

const badSizes = [0, 3, 7, 24, 65_535, 65_536, 0x8000_0000];

export const ringSize = defineCase({
  id: 'vhost-kernel/vring/bad-sizes-are-refused',
  title: 'SET_VRING_NUM with 0, with more than 32768 or with no power of two fails with EINVAL',
  proves: { 'vk-vring/bad-ring-size-refused': ['vdpa-any-ring-size-is-taken', 'vhost-net-any-ring-size-is-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-vring/bad-ring-size-refused');
    const points = badSizes.map((size) => ({ key: `size=${size}`, size }));
    context.points(points, ({ key, size }) =>
      refusesCall(context, check, {
        what: `SET_VRING_NUM, ${key}`,
        start: 'negotiated',
        flawed: ({ calls }) => calls.setSize(0, size),
        control: ({ calls }) => calls.setSize(0, 16),
        controlName: 'SET_VRING_NUM, size=16',
        errors: ['EINVAL'],
      }),
    );
  },
});

const flags = [2, 3, 0x8000_0000];

export const addressFlags = defineCase({
  id: 'vhost-kernel/vring/unknown-address-flags-are-refused',
  title: 'SET_VRING_ADDR with a flag that is not VHOST_VRING_F_LOG fails with EOPNOTSUPP',
  proves: {
    'vk-vring/unknown-address-flags-refused': [
      'vdpa-any-address-flags-are-taken',
      'vhost-net-any-address-flags-are-taken',
    ],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-vring/unknown-address-flags-refused');
    const addresses = { descriptor: 0n, available: 0n, used: 0n };
    const points = flags.map((value) => ({ key: `flags=0x${value.toString(16)}`, value }));
    context.points(points, ({ key, value }) =>
      refusesCall(context, check, {
        what: `SET_VRING_ADDR, ${key}`,
        start: 'negotiated',
        flawed: ({ calls }) => calls.setAddresses(0, { ...addresses, flags: value }),
        control: ({ calls }) => calls.setAddresses(0, addresses),
        controlName: 'SET_VRING_ADDR, flags=0',
        errors: ['EOPNOTSUPP'],
      }),
    );
  },
});

const misaligned = { 'available + 1': [1n, 0n, 0n], 'used + 2': [0n, 2n, 0n], 'log + 1': [0n, 0n, 1n] } as const;

export const addressAlignment = defineCase({
  id: 'vhost-kernel/vring/misaligned-addresses-are-refused',
  title: 'SET_VRING_ADDR with an available address that is odd, or a used or log one that is no multiple of 4, fails',
  proves: {
    'vk-vring/misaligned-addresses-refused': ['vdpa-any-alignment-is-taken', 'vhost-net-any-alignment-is-taken'],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-vring/misaligned-addresses-refused');
    const points = Object.entries(misaligned).map(([key, by]) => ({ key, by }));
    context.points(points, ({ key, by: [available, used, log] }) =>
      refusesCall(context, check, {
        what: `SET_VRING_ADDR, ${key}`,
        start: 'negotiated',
        flawed: ({ calls }) => calls.setAddresses(0, { descriptor: 0n, available, used, log }),
        control: ({ calls }) => calls.setAddresses(0, { descriptor: 0n, available: 2n, used: 4n, log: 4n }),
        controlName: 'SET_VRING_ADDR, aligned',
        errors: ['EINVAL'],
      }),
    );
  },
});

export const splitBase = defineCase({
  id: 'vhost-kernel/vring/split-bases-have-16-bits',
  title: 'SET_VRING_BASE of a split ring with more than 16 bits fails with EINVAL',
  proves: { 'vk-vring/split-base-above-16-bits-refused': ['vdpa-any-base-is-taken', 'vhost-net-any-base-is-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-vring/split-base-above-16-bits-refused');
    const points = [0x1_0000, 0x8000_0000].map((base) => ({ key: `base=0x${base.toString(16)}`, base }));
    context.points(points, ({ key, base }) =>
      refusesCall(context, check, {
        what: `SET_VRING_BASE, ${key}`,
        start: 'negotiated',
        flawed: ({ calls }) => calls.setBase(0, base),
        control: ({ calls }) => calls.setBase(0, 0),
        controlName: 'SET_VRING_BASE, base=0',
        errors: ['EINVAL'],
      }),
    );
  },
});

export const baseReadsBack = defineCase({
  id: 'vhost-kernel/vring/base-reads-back',
  title: 'GET_VRING_BASE answers for its ring the base that was set',
  proves: { 'vk-vring/base-reads-back': ['vdpa-tells-another-base', 'vhost-net-tells-another-base'] },
  applies: { start: 'negotiated', transports, ring: 'none', needs: ['initial-base'] },
  run({ session: { calls }, requirement }) {
    const check = requirement('vk-vring/base-reads-back');
    for (const base of [0, 1, 255, 0x8000, 0xffff]) {
      if (!takes(check, calls.setBase(0, base), `SET_VRING_BASE ${base}`)) return;
      const told = calls.base(0);
      if (typeof told === 'number') {
        check.equal(errorName(told), 'a base', 'what GET_VRING_BASE answers');
        return;
      }
      check.equal(told.num, base, `the base behind SET_VRING_BASE ${base}`);
      check.equal(told.index, 0, 'the ring that it is answered for');
    }
  },
});

export const eventDescriptors = defineCase({
  id: 'vhost-kernel/vring/other-descriptors-are-no-events',
  title: 'kick, call, err, the call of configuration and the log take eventfds and -1, and nothing else',
  proves: {
    'vk-vring/event-descriptors-checked': [
      'vdpa-any-descriptor-is-an-event',
      'vdpa-events-are-not-unbound',
      'vhost-net-any-descriptor-is-an-event',
      'vhost-net-events-are-not-unbound',
    ],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { port, points } = context;
    const check = context.requirement('vk-vring/event-descriptors-checked');
    const others = { file: () => port.descriptors.nullDevice(), closed: () => 0x7fff_fff0 } as const;
    const uses = Object.entries(eventsOf(port));
    const all = uses.flatMap(([use, set]) =>
      Object.entries(others).map(([what, make]) => ({ key: `${use}, ${what}`, use, set, make })),
    );
    for (const [use, set] of uses) {
      const session = context.connect('negotiated');
      takes(check, set(session, -1), `${use}, -1`);
      session.close();
    }
    points(all, ({ key, use, set, make }) =>
      refusesCall(context, check, {
        what: key,
        start: 'negotiated',
        flawed: (session) => set(session, make()),
        control: (session) => set(session, port.descriptors.eventfd()),
        controlName: `${use}, an eventfd`,
        errors: ['EINVAL', 'EBADF'],
      }),
    );
  },
});
