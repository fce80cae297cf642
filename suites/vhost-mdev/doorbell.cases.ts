import { defineCase } from '../case.ts';
import { requestQueues } from '../virtio/request-queues.ts';
import { runningQueue } from '../virtio/running-queue.ts';
import { serves } from '../virtio/service.ts';
import {
  doorbellAnswer,
  doorbellData,
  doorbellSizes,
  effectOn,
  noDoorbell,
  rest,
  writeDoorbells,
} from './doorbells.ts';
import { refusesCall } from './refusal.ts';
import { ringCount } from './ring-messages.ts';

/** Doorbells that are written (second RFC, NOTIFY region): length, place and data. */

const transports = ['vhost-mdev'] as const;
const manyDoorbells = 48;

export const servesItsRing = defineCase({
  id: 'vhost-mdev/notify/each-doorbell-has-its-ring-served',
  title: 'a doorbell behind each of 48 requests: each is served, on every ring that completes requests by itself',
  proves: { 'vm-notify/write-notifies-its-queue': 'mdev-fortieth-doorbell-lost' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/write-notifies-its-queue');
    const { page } = doorbellSizes(session);
    for (const index of requestQueues(driver, session, ringCount(session))) {
      const queue = driver.attach(ring({ size: 16 }), { index });
      const request = driver.request();
      for (let n = 1; n <= manyDoorbells; n++) {
        rest(port);
        queue.makeAvailable([request.segments]);
        writeDoorbells(session, index * page, doorbellData(index));
        port.until(() => queue.usedCount() === n, port.deadlineMs);
        const what = `used idx of ring ${index} after doorbell ${n}`;
        if (!check.equal(queue.usedCount(), n, what)) return;
        queue.waitForUsed(1);
      }
    }
  },
});

export const placeIsFree = defineCase({
  id: 'vhost-mdev/notify/place-of-a-doorbell-is-free',
  title: 'a doorbell notifies the queue in its data at any offset of the region, unaligned or on the page of another',
  proves: {
    'vm-notify/place-of-write-is-free': ['mdev-queue-by-place-of-doorbell', 'mdev-doorbell-at-start-of-page-only'],
  },
  applies: { start: 'closed', transports },
  run(context) {
    const { connect, points, port, requirement } = context;
    const check = requirement('vm-notify/place-of-write-is-free');
    const probe = connect('connected');
    const { region, page } = doorbellSizes(probe);
    const rings = ringCount(probe);
    probe.close();
    const inPage = [0, 1, 2, 3, 4, 8, 0x10, 0x802, page - 8, page - 4].map((at) => ({ key: `offset-${at}`, at }));
    const pages = Array.from({ length: rings }, (_, index) => ({ key: `page-of-ring-${index}`, at: index * page }));
    points([...inPage, ...pages, { key: 'last-four-bytes', at: region - 4 }], ({ key, at }) => {
      const { session, driver, queue } = runningQueue(context);
      const data = doorbellData(queue.index);
      if (!serves({ port, driver }, check, queue, `a request before the doorbell at ${key}`)) return;
      rest(port);
      queue.makeAvailable([driver.request({ seed: 2 }).segments]);
      check.equal(writeDoorbells(session, at, data), 4, `the doorbell at ${key}`);
      port.until(() => queue.usedCount() === 2, port.deadlineMs);
      check.equal(queue.usedCount(), 2, `used idx behind the doorbell at ${key}`);
      session.close();
    });
  },
});

export const writeAnswers = defineCase({
  id: 'vhost-mdev/notify/doorbell-comes-to-all-of-its-bytes',
  title: 'the write of a doorbell answers its length, whatever it has beyond the number',
  proves: { 'vm-notify/write-comes-to-its-length': 'mdev-doorbell-comes-to-4-bytes' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-notify/write-comes-to-its-length');
    for (const length of [4, 5, 6, 7, 8, 16, 64, 4096]) {
      check.equal(writeDoorbells(session, 0, doorbellData(0, length)), length, `a doorbell of ${length} bytes`);
    }
  },
});

export const longerTaken = defineCase({
  id: 'vhost-mdev/notify/longer-doorbell-notifies-by-its-first-four-bytes',
  title: 'a doorbell of more than 4 bytes notifies the queue in the first 4, whatever is behind them',
  proves: { 'vm-notify/longer-write-taken': ['mdev-doorbell-of-4-bytes-only', 'mdev-doorbell-by-its-last-bytes'] },
  applies: { start: 'closed', transports },
  run(context) {
    const { points, port, requirement } = context;
    const check = requirement('vm-notify/longer-write-taken');
    const lengths = [5, 6, 8, 12, 64].map((length) => ({ key: `${length}-bytes`, length }));
    points(lengths, ({ key, length }) => {
      const { session, driver, queue } = runningQueue(context);
      if (!serves({ port, driver }, check, queue, `a request before the doorbell of ${key}`)) return;
      rest(port);
      queue.makeAvailable([driver.request({ seed: 2 }).segments]);
      const { page } = doorbellSizes(session);
      writeDoorbells(session, queue.index * page, doorbellData(queue.index, length));
      port.until(() => queue.usedCount() === 2, port.deadlineMs);
      check.equal(queue.usedCount(), 2, `used idx behind the doorbell of ${key}`);
      session.close();
    });
  },
});

export const shortRefused = defineCase({
  id: 'vhost-mdev/notify/short-doorbell-is-refused',
  title: 'a doorbell of 1, 2 or 3 bytes fails with EINVAL, at every offset',
  proves: { 'vm-notify/short-write-refused': 'mdev-short-doorbell-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-notify/short-write-refused');
    for (const length of [1, 2, 3]) {
      for (const offset of [0, 1, 4, 0x800]) {
        refusesCall(context, check, {
          what: `${length} bytes at offset ${offset}`,
          open: () => context.connect('connected'),
          flawed: (session) => doorbellAnswer(session, offset, doorbellData(0, length)),
          control: (session) => doorbellAnswer(session, 0, doorbellData(0)),
          controlName: '4 bytes at offset 0',
        });
      }
    }
  },
});

export const shortNotifiesNobody = defineCase({
  id: 'vhost-mdev/notify/short-doorbell-notifies-nobody',
  title: 'a doorbell of 1, 2 or 3 bytes has no waiting chain served',
  proves: { 'vm-notify/short-write-notifies-nobody': 'mdev-short-doorbell-notifies' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/short-write-notifies-nobody');
    const queue = driver.attach(ring({ size: 64 }));
    driver.warmUp(queue);
    const { page } = doorbellSizes(session);
    for (const length of [1, 2, 3]) {
      const effect = effectOn({ port, driver }, queue, () => {
        writeDoorbells(session, queue.index * page, doorbellData(queue.index, length));
      });
      check.oneOf(effect, noDoorbell, `a chain behind a doorbell of ${length} bytes`);
    }
  },
});
