import type { Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { addressIn } from '../../reference-impl/memory/addresses.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';
import { refusesCall } from './refusal.ts';
import {
  type Answer,
  addressesOf,
  getBase,
  ringDoorbell,
  setAddresses,
  setBase,
  setSize,
  setState,
  spacesOf,
} from './ring-messages.ts';

/** SET_VRING_ADDR: where a ring lies, what else the message says, and the order of all three. */

const transports = ['vhost-mdev'] as const;

export const moved = defineCase({
  id: 'vhost-mdev/ring-addresses/ring-moves-between-two-runs',
  title:
    'a ring that is told elsewhere between a stop and a start is served there, and nothing is written where it was',
  proves: { 'vm-rings/addresses-replace-those-before': 'mdev-addresses-told-once' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-rings/addresses-replace-those-before');
    const before = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2]) if (!serves({ port, driver }, check, before, `request ${seed}`, { seed })) return;
    const parts = Object.values(before.ring.areas);
    const queue = driver.attach(ring({ size: 16, position: before.driver.position, placement: 'apart' }));
    const left = parts.map((part) => part.load());
    for (const seed of [3, 4, 5]) {
      if (!serves({ port, driver }, check, queue, `request ${seed} elsewhere`, { seed })) return;
    }
    setState(session, 0);
    for (const [n, part] of parts.entries()) {
      check.bytesEqual(part.load(), left[n] ?? new Uint8Array(), `part ${n + 1} of the ring where it was`);
    }
  },
});

export const misaligned = defineCase({
  id: 'vhost-mdev/ring-addresses/unaligned-parts-fail-the-start',
  title: 'a part of a ring that is not aligned as the split layout wants makes the start fail',
  proves: {
    'vm-rings/unaligned-ring-fails-start': ['mdev-descriptors-cut-to-alignment', 'mdev-used-ring-cut-to-alignment'],
  },
  applies: { start: 'closed', transports },
  run(context) {
    const { connect, driverOf, ring, points, port, requirement } = context;
    const check = requirement('vm-rings/unaligned-ring-fails-start');
    const all = [
      { part: 'desc', by: [1, 2, 4, 8, 15] },
      { part: 'avail', by: [1] },
      { part: 'used', by: [1, 2, 3] },
    ] as const;
    points(
      all.flatMap(({ part, by }) => by.map((bytes) => ({ key: `${part}-${bytes}-bytes-off`, part, bytes }))),
      ({ key, part, bytes }) => {
        const started = (session: VhostMdevSession, queue: Queue, off: bigint): Answer => {
          const right = addressesOf(session, queue.ring);
          const answer = setAddresses(session, queue.index, { ...right, [part]: right[part] + off });
          // Told at once or at the start: an unaligned ring is not run.
          return answer === 'taken' ? setState(session, 1) : answer;
        };
        refusesCall(context, check, {
          what: `a ring with ${key}`,
          errors: 'any',
          open: () => {
            const session = connect('negotiated');
            const driver = driverOf(session);
            const queue = driver.attach(ring({ size: 16 }));
            setState(session, 0);
            return { session, driver, queue };
          },
          flawed: ({ session, queue }) => started(session, queue, BigInt(bytes)),
          behind: ({ session, driver, queue }) => {
            setState(session, 0);
            started(session, queue, 0n);
            serves({ port, driver }, check, queue, `a request once ${key} is put right`);
          },
          control: ({ session, queue }) => started(session, queue, 0n),
          controlName: 'an aligned ring',
        });
      },
    );
  },
});

export const anyOrder = defineCase({
  id: 'vhost-mdev/ring-addresses/size-base-and-addresses-in-any-order',
  title: 'size, base and addresses of a ring are told in any order, and told again in another',
  proves: { 'vm-rings/ring-messages-in-any-order': ['mdev-addresses-forget-size', 'mdev-size-forgets-base'] },
  applies: { start: 'closed', transports, needs: ['initial-base'], ring: 'split' },
  run({ connect, driverOf, ring, points, port, requirement }) {
    const check = requirement('vm-rings/ring-messages-in-any-order');
    const steps = ['size', 'base', 'addresses'] as const;
    const orders = steps.flatMap((first) =>
      steps
        .filter((one) => one !== first)
        .map((second) => [first, second, ...steps.filter((one) => one !== first && one !== second)]),
    );
    points(
      orders.map((order) => ({ key: order.join('-'), order })),
      ({ key, order }) => {
        const session = connect('negotiated');
        const driver = driverOf(session);
        const queue = driver.attach(ring({ size: 16, position: splitPosition(5) }));
        setState(session, 0);
        const { index, ring: right } = queue;
        const wrong = ring({ size: 8 });
        const tell = (step: string, size: number, base: number, of: typeof right): void => {
          if (step === 'size') setSize(session, index, size);
          else if (step === 'base') setBase(session, index, base);
          else setAddresses(session, index, addressesOf(session, of));
        };
        for (const step of order) tell(step, 8, 1, wrong);
        for (const step of order) tell(step, 16, 5, right);
        check.equal(setState(session, 1), 'taken', `start after ${key}`);
        for (const seed of [1, 2]) {
          if (!serves({ port, driver }, check, queue, `request ${seed} after ${key}`, { seed })) return;
        }
        setState(session, 0);
        check.equal(getBase(session, index), 7, `base after ${key} and 2 requests`);
        session.close();
      },
    );
  },
});

export const flagsIgnored = defineCase({
  id: 'vhost-mdev/ring-addresses/flags-change-nothing',
  title: 'SET_VRING_ADDR is taken with any flags, and the ring is served',
  proves: { 'vm-rings/address-flags-ignored': 'mdev-address-flags-refused' },
  applies: { start: 'closed', transports },
  run({ connect, driverOf, ring, points, port, requirement }) {
    const check = requirement('vm-rings/address-flags-ignored');
    const all = [1, 2, 0x8000_0000, 0xffff_ffff].map((flags) => ({ key: `flags-0x${flags.toString(16)}`, flags }));
    points(all, ({ key, flags }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      setState(session, 0);
      const told = setAddresses(session, queue.index, addressesOf(session, queue.ring), { flags });
      check.equal(told, 'taken', `SET_VRING_ADDR with ${key}`);
      check.equal(setState(session, 1), 'taken', `start after ${key}`);
      serves({ port, driver }, check, queue, `a request after ${key}`);
      session.close();
    });
  },
});

export const logUntouched = defineCase({
  id: 'vhost-mdev/ring-addresses/log-address-is-not-written',
  title: 'where the log address of a ring points nothing is written, with and without the flag for it',
  proves: { 'vm-rings/log-address-not-written': 'mdev-log-address-written' },
  applies: { start: 'negotiated', transports },
  variants: { flags: [0, 1] },
  run({ session, guest, port, driver, ring, variant, requirement }) {
    const check = requirement('vm-rings/log-address-not-written');
    const queue = driver.attach(ring({ size: 16 }));
    const page = guest.allocate({ size: 4096, align: 4096 });
    page.fill(0);
    setState(session, 0);
    const log = addressIn(spacesOf(session).ring, page);
    setAddresses(session, queue.index, addressesOf(session, queue.ring), { flags: variant.flags, log });
    setState(session, 1);
    ringDoorbell(session, queue.index);
    for (const seed of [1, 2, 3]) serves({ port, driver }, check, queue, `request ${seed}`, { seed });
    setState(session, 0);
    check.bytesEqual(page.load(), new Uint8Array(4096), 'memory at the log address');
  },
});
