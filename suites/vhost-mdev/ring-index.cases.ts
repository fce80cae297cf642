import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';
import { refusesCall } from './refusal.ts';
import {
  type Answer,
  addressesOf,
  getBase,
  type RingAddresses,
  ringCount,
  setAddresses,
  setBase,
  setSize,
  setState,
} from './ring-messages.ts';

/** Which ring a message is of: those that there are not, and those that must not be taken for each other. */

const transports = ['vhost-mdev'] as const;

/** Indices of no ring, given how many there are; 65536 and more end in the number of one in their lower half. */
const missing = (session: VhostMdevSession, index: number): { readonly key: string; readonly index: number }[] => {
  const beyond = [0xff, 0xfff, 0xffff, 0x1_0000 + index, 0x7fff_ffff, 0x8000_0000 + index, 0xffff_ffff];
  const rings = ringCount(session);
  const all = rings === 0 ? beyond : [rings, rings + 1, ...beyond.filter((one) => one > rings + 1)];
  return all.map((one) => ({ key: `ring-0x${one.toString(16)}`, index: one }));
};

const somewhere: RingAddresses = { desc: 0x1000n, avail: 0x2000n, used: 0x3000n };

export const missingRefused = defineCase({
  id: 'vhost-mdev/ring-index/missing-rings-are-refused',
  title: 'SET_VRING_NUM, BASE and ADDR of a ring that there is not fail with ENOBUFS',
  proves: { 'vm-rings/missing-ring-refused': ['mdev-missing-ring-taken', 'mdev-far-ring-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, driverOf, requirement } = context;
    const check = requirement('vm-rings/missing-ring-refused');
    const probe = connect('negotiated');
    const { queueIndex } = driverOf(probe);
    const calls: Readonly<Record<string, (session: VhostMdevSession, index: number) => Answer>> = {
      SET_VRING_NUM: (session, index) => setSize(session, index, 16),
      SET_VRING_BASE: (session, index) => setBase(session, index, 1),
      SET_VRING_ADDR: (session, index) => setAddresses(session, index, somewhere),
    };
    for (const { key, index } of missing(probe, queueIndex)) {
      for (const [name, call] of Object.entries(calls)) {
        refusesCall(context, check, {
          what: `${name} of ${key}`,
          errors: ['ENOBUFS'],
          open: () => connect('negotiated'),
          flawed: (session) => call(session, index),
          control: (session) => call(session, queueIndex),
          controlName: name,
        });
      }
    }
  },
});

export const baseOfMissing = defineCase({
  id: 'vhost-mdev/ring-index/base-of-missing-rings-is-refused',
  title: 'GET_VRING_BASE of a ring that there is not fails with ENOBUFS and leaves no answer to be read',
  proves: {
    'vm-rings/base-of-missing-ring-refused': ['mdev-base-of-missing-ring-told', 'mdev-base-of-index-cut-to-16-bits'],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, driverOf, requirement } = context;
    const check = requirement('vm-rings/base-of-missing-ring-refused');
    const probe = connect('negotiated');
    const { queueIndex } = driverOf(probe);
    for (const { key, index } of missing(probe, queueIndex)) {
      refusesCall(context, check, {
        what: `GET_VRING_BASE of ${key}`,
        errors: ['ENOBUFS'],
        open: () => connect('negotiated'),
        flawed: (session) => String(getBase(session, index)),
        behind: (session) => {
          const left = session.channel.receive(24);
          const bytes = typeof left === 'number' ? left : left.length;
          check.equal(bytes, 0, `bytes to read after GET_VRING_BASE of ${key}`);
        },
        control: (session) => String(getBase(session, queueIndex)),
        controlName: 'GET_VRING_BASE',
      });
    }
  },
});

export const missingSurvived = defineCase({
  id: 'vhost-mdev/ring-index/missing-rings-disturb-no-other',
  title: 'messages for missing rings, accepted or refused, leave the other rings as they were set up',
  proves: { 'vm-rings/missing-ring-survived': ['mdev-ring-index-cut-to-16-bits', 'mdev-far-ring-crashes'] },
  applies: { start: 'closed', transports, ring: 'split' },
  run({ connect, driverOf, ring, points, port, requirement }) {
    const check = requirement('vm-rings/missing-ring-survived');
    const probe = connect('connected');
    const all = missing(probe, driverOf(probe).queueIndex);
    probe.close();
    points(all, ({ key, index }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      if (!serves({ port, driver }, check, queue, `a request before messages for ${key}`)) return;
      setState(session, 0);
      setSize(session, index, 0);
      setBase(session, index, 9);
      setAddresses(session, index, somewhere);
      check.equal(getBase(session, queue.index), 1, `base of the ring after messages for ${key}`);
      check.equal(setState(session, 1), 'taken', `start after messages for ${key}`);
      serves({ port, driver }, check, queue, `a request after messages for ${key}`, { seed: 2 });
      session.close();
    });
  },
});

export const toldApart = defineCase({
  id: 'vhost-mdev/ring-index/rings-are-told-apart',
  title: 'what is told of one ring while the device is stopped changes no other',
  proves: { 'vm-rings/rings-are-told-apart': ['mdev-base-told-to-all-rings', 'mdev-size-told-to-next-ring-too'] },
  applies: { start: 'negotiated', transports, devices: ['net'], ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-rings/rings-are-told-apart');
    const queue = driver.attach(ring({ size: 4 }));
    if (!serves({ port, driver }, check, queue, 'a frame before')) return;
    setState(session, 0);
    for (const other of driver.companionIndices) {
      setSize(session, other, 2);
      setBase(session, other, 5);
      setAddresses(session, other, addressesOf(session, ring({ size: 2, position: splitPosition(5) })));
      check.equal(getBase(session, other), 5, `base of ring ${other}`);
    }
    check.equal(getBase(session, queue.index), 1, 'base of the ring that was told nothing');
    setState(session, 1);
    for (let seed = 2; seed < 8; seed++) {
      if (!serves({ port, driver }, check, queue, `frame ${seed} on a ring of 4`, { seed })) return;
    }
  },
});

export const swapped = defineCase({
  id: 'vhost-mdev/ring-index/two-rings-change-places',
  title: 'two rings that are told each in the place of the other are served there, each from its own base',
  proves: { 'vm-rings/addresses-replace-those-before': 'mdev-used-address-told-once' },
  applies: { start: 'negotiated', transports, devices: ['net'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-rings/addresses-replace-those-before');
    const [one, other] = [ring({ size: 16 }), ring({ size: 16 })];
    const receive = driver.companionIndices[0] ?? driver.queueIndex;
    for (const [transmitRing, receiveRing] of [
      [one, other],
      [other, one],
      [one, other],
    ] as const) {
      transmitRing.reset();
      receiveRing.reset();
      const idle = session.attach(receiveRing, { index: receive });
      const queue = session.attach(transmitRing, { index: driver.queueIndex });
      for (const seed of [1, 2]) {
        if (!serves({ port, driver }, check, queue, `frame ${seed} on the ring in its place`, { seed })) return;
      }
      setState(session, 0);
      check.equal(idle.usedCount(), 0, 'used idx of the ring without buffers');
    }
  },
});
