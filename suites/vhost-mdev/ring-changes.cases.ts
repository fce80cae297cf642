import type { Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { addressesOf, getBase, setAddresses, setBase, setSize, setState } from './ring-messages.ts';
import { type Served, serves } from './service.ts';

/** Ring set-up while the device runs: it is refused, and changes nothing. */

const transports = ['vhost-mdev'] as const;
const applies = { start: 'negotiated', transports } as const;

/** The ring is served as it was told before, now and after a stop and a start. */
function servesAsBefore(served: Served, session: VhostMdevSession, check: Check, queue: Queue): void {
  if (!serves(served, check, queue, 'a request of the same run', { seed: 2 })) return;
  setState(session, 0);
  check.equal(getBase(session, queue.index), encodeVringBase(queue.driver.position), 'base after 2 requests');
  check.equal(setState(session, 1), 'taken', 'the next start');
  serves(served, check, queue, 'a request of the next run', { seed: 3 });
}

export const sizeRefused = defineCase({
  id: 'vhost-mdev/ring-changes/size-while-running-is-refused',
  title: 'SET_VRING_NUM while the device runs fails with EBUSY, whatever the size, and the ring keeps its own',
  proves: {
    'vm-rings/num-while-running-refused': 'mdev-size-while-running-taken',
    'vm-rings/change-while-running-disturbs-nobody': 'mdev-size-while-running-disturbs',
  },
  applies,
  run({ session, port, driver, ring, requirement }) {
    const refused = requirement('vm-rings/num-while-running-refused');
    const queue = driver.attach(ring({ size: 4 }));
    const disturbs = requirement('vm-rings/change-while-running-disturbs-nobody');
    if (!serves({ port, driver }, disturbs, queue, 'a request before', { seed: 1 })) return;
    for (const size of [2, 8, 4, 0]) refused.equal(setSize(session, queue.index, size), 'EBUSY', `size ${size}`);
    servesAsBefore({ port, driver }, session, disturbs, queue);
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
  run({ session, port, driver, ring, requirement }) {
    const refused = requirement('vm-rings/base-set-while-running-refused');
    const disturbs = requirement('vm-rings/change-while-running-disturbs-nobody');
    const queue = driver.attach(ring({ size: 16 }));
    if (!serves({ port, driver }, disturbs, queue, 'a request before', { seed: 1 })) return;
    for (const base of [0, 1, 7, 65535]) refused.equal(setBase(session, queue.index, base), 'EBUSY', `base ${base}`);
    servesAsBefore({ port, driver }, session, disturbs, queue);
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
  run({ session, port, driver, ring, requirement }) {
    const refused = requirement('vm-rings/addr-while-running-refused');
    const disturbs = requirement('vm-rings/change-while-running-disturbs-nobody');
    const queue = driver.attach(ring({ size: 16 }));
    if (!serves({ port, driver }, disturbs, queue, 'a request before', { seed: 1 })) return;
    const nowhere = { desc: 0x5555_0000n, avail: 0x5555_1000n, used: 0x5555_2000n };
    const places = {
      'that it has': addressesOf(session, queue.ring),
      'of another ring': addressesOf(session, ring({ size: 16 })),
      'where no memory is': nowhere,
    };
    for (const [what, addresses] of Object.entries(places)) {
      refused.equal(setAddresses(session, queue.index, addresses), 'EBUSY', `addresses ${what}`);
    }
    servesAsBefore({ port, driver }, session, disturbs, queue);
  },
});
