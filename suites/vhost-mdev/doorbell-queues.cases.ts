import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';
import { doorbellAnswer, doorbellData, doorbellSizes, effectOn, noDoorbell, writeDoorbells } from './doorbells.ts';
import { refusesCall } from './refusal.ts';
import { ringCount } from './ring-messages.ts';

/** Doorbells for queues that there are not, and behind the region (docs/VHOST-MDEV.md, strict). */

const transports = ['vhost-mdev'] as const;

/** Numbers of no queue, the first of them that of the first queue that is missing. */
function missingQueues(session: VhostMdevSession): readonly number[] {
  const rings = ringCount(session);
  const others = [0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
  return [rings, rings + 1, ...others.filter((queue) => queue > rings + 1)];
}

const hex = (number: number): string => `0x${number.toString(16)}`;

export const unknownRefused = defineCase({
  id: 'vhost-mdev/notify/doorbell-for-unknown-queue-is-refused',
  title: 'a doorbell for every kind of queue number that there is not fails with EINVAL',
  proves: { 'vm-notify/unknown-queue-refused': ['mdev-unknown-queue-taken', 'mdev-queue-behind-last-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-notify/unknown-queue-refused');
    for (const queue of missingQueues(context.connect('connected'))) {
      refusesCall(context, check, {
        what: `a doorbell for queue ${hex(queue)}`,
        open: () => context.connect('connected'),
        flawed: (session) => doorbellAnswer(session, 0, doorbellData(queue)),
        control: (session) => doorbellAnswer(session, 0, doorbellData(0)),
        controlName: 'a doorbell for queue 0',
      });
    }
  },
});

export const allBitsCount = defineCase({
  id: 'vhost-mdev/notify/queue-number-counts-with-all-its-bits',
  title: 'a number that has a queue in its lower bits alone does not notify that queue',
  proves: { 'vm-notify/queue-number-has-32-bits': ['mdev-doorbell-of-16-bits', 'mdev-doorbell-of-8-bits'] },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/queue-number-has-32-bits');
    const queue = driver.attach(ring({ size: 64 }));
    driver.warmUp(queue);
    const { page } = doorbellSizes(session);
    for (const upper of [0x100, 0x8000, 0x1_0000, 0x100_0000, 0x8000_0000]) {
      const number = upper + queue.index;
      const effect = effectOn({ port, driver }, queue, () => {
        writeDoorbells(session, queue.index * page, doorbellData(number));
      });
      check.oneOf(effect, noDoorbell, `a chain behind a doorbell for queue ${hex(number)}`);
    }
  },
});

export const unknownSurvived = defineCase({
  id: 'vhost-mdev/notify/doorbells-for-unknown-queues-disturb-nobody',
  title: 'doorbells for queues that there are not, among requests: each request is served, and once',
  proves: {
    'vm-notify/unknown-queue-survived': ['mdev-doorbell-of-all-ones-crashes', 'mdev-unknown-doorbell-stops-device'],
  },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/unknown-queue-survived');
    const queue = driver.attach(ring({ size: 16 }));
    const missing = missingQueues(session);
    for (const [seed, number] of missing.entries()) {
      writeDoorbells(session, 0, doorbellData(number));
      const what = `a request behind a doorbell for queue ${hex(number)}`;
      if (!serves({ port, driver }, check, queue, what, { seed })) return;
    }
    const stopped = queue.stop();
    check.equal(stopped.kind, 'stopped', 'the ring stops');
    check.equal(queue.usedCount(), missing.length, 'used idx in the end');
  },
});

export const behindRegion = defineCase({
  id: 'vhost-mdev/notify/doorbell-behind-the-region-is-refused',
  title: 'a doorbell behind the pages of all rings fails with EINVAL, next to them or far away',
  proves: {
    'vm-notify/write-behind-region-refused': [
      'mdev-doorbell-behind-region-taken',
      'mdev-doorbell-behind-last-page-taken',
    ],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-notify/write-behind-region-refused');
    const { region, page } = doorbellSizes(context.connect('connected'));
    for (const offset of [
      region,
      region + 4,
      region + page - 4,
      region + page,
      2 ** 31,
      2 ** 32,
      2 ** 39,
      2 ** 40 - 4,
    ]) {
      refusesCall(context, check, {
        what: `a doorbell at offset ${hex(offset)}`,
        open: () => context.connect('connected'),
        flawed: (session) => doorbellAnswer(session, offset, doorbellData(0)),
        control: (session) => doorbellAnswer(session, region - page, doorbellData(0)),
        controlName: 'a doorbell in the last page',
      });
    }
  },
});

export const otherRing = defineCase({
  id: 'vhost-mdev/notify/doorbell-of-one-ring-has-no-other-served',
  title: 'a chain waits on the transmit ring: a doorbell for the receive ring does not have it served',
  proves: { 'vm-notify/other-ring-is-not-served': 'mdev-doorbell-notifies-all' },
  applies: { start: 'negotiated', transports, devices: ['net'] },
  run({ port, driver, ring, requirement }) {
    const check = requirement('vm-notify/other-ring-is-not-served');
    const queue = driver.attach(ring({ size: 64 }));
    driver.warmUp(queue);
    for (const index of driver.companionIndices) {
      const effect = effectOn({ port, driver }, queue, () => driver.companion(index).kick());
      check.oneOf(effect, noDoorbell, `a chain of ring ${queue.index} behind a doorbell for ring ${index}`);
    }
  },
});
