import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { refusesCall } from './refusal.ts';
import { addressesOf, getBase, ringCount, ringDoorbell, setAddresses, setSize, setState } from './ring-messages.ts';

/** Stops with requests in flight, starts after them, and starts that fail. */

const transports = ['vhost-mdev'] as const;
const rounds = 8;
const cycles = 100;

export const inFlight = defineCase({
  id: 'vhost-mdev/restart/stop-with-requests-in-flight-loses-nothing',
  title: 'a stop right behind a doorbell: each request is used before it or after the next start, and none twice',
  proves: { 'vm-state/stop-loses-nothing': ['mdev-request-lost-at-stop', 'mdev-request-repeated-after-stop'] },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/stop-loses-nothing');
    const bytes = Math.min(0x2000, driver.largestRequest);
    const queue = driver.attach(ring({ size: 64 }));
    const requests = Array.from({ length: 5 }, (_, seed) => driver.request({ seed, bytes }));
    for (let round = 1; round <= rounds; round++) {
      const heads = queue.makeAvailable(requests.map(({ segments }) => segments));
      queue.kick();
      setState(session, 0);
      setState(session, 1);
      queue.kick();
      const used = servesAll(port, check, queue, heads.length, `used elements of round ${round}`);
      if (!check.sameMembers(used, heads, `heads of round ${round}`)) return;
      for (const request of requests) check.equal(request.problem(), undefined, `a request of round ${round}`);
    }
    setState(session, 0);
    check.equal(queue.usedCount(), 5 * rounds, 'used idx in the end');
  },
});

export const baseAndUsed = defineCase({
  id: 'vhost-mdev/restart/base-after-stop-is-where-the-ring-goes-on',
  title: 'the base after a stop with requests in flight is the used idx, and stays so while more are made available',
  proves: { 'vm-rings/base-counts-after-stop': ['mdev-base-as-told-after-stop', 'mdev-base-behind-by-one'] },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vm-rings/base-counts-after-stop');
    const queue = driver.attach(ring({ size: 64 }));
    const requests = [1, 2, 3].map((seed) => driver.request({ seed }).segments);
    for (let round = 1; round <= rounds; round++) {
      queue.makeAvailable(requests);
      queue.kick();
      setState(session, 0);
      const base = getBase(session, queue.index);
      check.equal(base, queue.usedCount(), `base and used idx after stop ${round}`);
      queue.makeAvailable(requests);
      check.equal(getBase(session, queue.index), base, `base with more chains waiting after stop ${round}`);
      setState(session, 1);
      queue.kick();
      queue.waitForUsed(6);
    }
    setState(session, 0);
    check.equal(getBase(session, queue.index), 6 * rounds, 'base in the end');
  },
});

export const goesOn = defineCase({
  id: 'vhost-mdev/restart/ring-goes-on-where-it-was',
  title: 'after a stop and a start a ring goes on with the chain behind the last one, also where its index wraps',
  proves: { 'vm-state/restart-goes-on': ['mdev-restart-repeats-a-chain', 'mdev-restart-before-the-wrap'] },
  applies: { start: 'negotiated', transports, needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 65530] },
  run({ session, port, driver, ring, variant, requirement }) {
    const check = requirement('vm-state/restart-goes-on');
    const queue = driver.attach(ring({ size: 16, position: splitPosition(variant.base) }));
    for (let round = 0; round < 4; round++) {
      for (const seed of [1, 2, 3]) {
        const what = `request ${seed} of run ${round + 1}`;
        if (!serves({ port, driver }, check, queue, what, { seed: 10 * round + seed })) return;
      }
      setState(session, 0);
      check.equal(queue.usedCount(), 3 * round + 3, `used elements after run ${round + 1}`);
      setState(session, 1);
    }
  },
});

export const manyCycles = defineCase({
  id: 'vhost-mdev/restart/hundred-stops-and-starts-under-load',
  title: 'a hundred stops and starts of a loaded ring: every chain is used exactly once',
  proves: { 'vm-state/many-stops-and-starts': ['mdev-chain-151-lost-at-stop', 'mdev-chain-148-repeated-after-stop'] },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/many-stops-and-starts');
    const queue = driver.attach(ring({ size: 64 }));
    const { segments } = driver.request();
    const waiting = new Map<number, number>();
    let made = 0;
    let reaped = 0;
    let strays = 0;
    const reap = (): void => {
      for (const { id } of queue.driver.reapUsed()) {
        reaped++;
        const left = waiting.get(id) ?? 0;
        if (left === 0) strays++;
        else waiting.set(id, left - 1);
      }
    };
    for (let cycle = 0; cycle < cycles; cycle++) {
      for (const head of queue.makeAvailable([segments, segments])) waiting.set(head, (waiting.get(head) ?? 0) + 1);
      made += 2;
      queue.kick();
      setState(session, 0);
      setState(session, 1);
      reap();
      if (queue.driver.freeDescriptors > 8) continue;
      queue.kick();
      port.until(() => queue.driver.usedCount() === made - reaped, port.deadlineMs);
      reap();
      if (queue.driver.freeDescriptors <= 8) break;
    }
    queue.kick();
    port.until(() => queue.driver.usedCount() === made - reaped, port.deadlineMs);
    setState(session, 0);
    reap();
    check.equal(reaped, made, `used elements of ${made} chains`);
    check.equal(queue.driver.outstanding, 0, 'chains that were never used');
    check.equal(strays, 0, 'used elements of chains that were used before');
  },
});

/** The areas of a ring, by the names that keys of points have for them. */
const areaOf = { desc: 'descriptor', avail: 'driver', used: 'device' } as const;

export const failedStart = defineCase({
  id: 'vhost-mdev/restart/ring-that-lies-nowhere-fails-the-start',
  title: 'a part of a ring where no memory is makes the start fail, whichever part it is and wherever it lies',
  proves: { 'vm-state/ring-nowhere-fails-start': ['mdev-runs-without-bad-ring', 'mdev-used-ring-unchecked'] },
  applies: { start: 'closed', transports },
  run(context) {
    const { connect, driverOf, ring, points, requirement } = context;
    const check = requirement('vm-state/ring-nowhere-fails-start');
    const all = (['desc', 'avail', 'used'] as const).flatMap((part) =>
      (['nowhere', 'below', 'over-the-end', 'at-the-end', 'last-page'] as const).map((place) => ({
        key: `${part}-${place}`,
        part,
        place,
      })),
    );
    points(all, ({ key, part, place }) => {
      refusesCall(context, check, {
        what: `start with ${key}`,
        errors: 'any',
        open: () => {
          const session = connect('negotiated');
          const queue = driverOf(session).attach(ring({ size: 16 }));
          setState(session, 0);
          return { session, queue };
        },
        flawed: ({ session, queue }) => {
          const right = addressesOf(session, queue.ring);
          const { region, offset, length } = queue.ring.areas[areaOf[part]];
          const start = right[part] - BigInt(offset);
          const end = start + BigInt(region.size);
          const places = {
            nowhere: 0x5555_0000n,
            below: start - 0x1000n,
            'over-the-end': end - BigInt(Math.min(16, length / 2)),
            'at-the-end': end,
            'last-page': 0xffff_ffff_ffff_f000n,
          };
          setAddresses(session, queue.index, { ...right, [part]: places[place] });
          return setState(session, 1);
        },
        control: ({ session, queue }) => {
          setAddresses(session, queue.index, addressesOf(session, queue.ring));
          return setState(session, 1);
        },
        controlName: 'a ring in memory',
      });
    });
  },
});

export const failedStartIsStopped = defineCase({
  id: 'vhost-mdev/restart/failed-start-can-be-set-right',
  title: 'after a start that failed nothing runs and nothing is written; addresses put right, the next start serves',
  proves: {
    'vm-state/failed-start-stays-stopped': 'mdev-failed-start-forgets-rings',
  },
  applies: { start: 'negotiated', transports },
  variants: { part: ['desc', 'avail', 'used'] },
  run({ session, guest, port, driver, ring, variant, requirement }) {
    const check = requirement('vm-state/failed-start-stays-stopped');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2]) if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    setState(session, 0);
    const right = addressesOf(session, queue.ring);
    setAddresses(session, queue.index, { ...right, [variant.part]: 0x5555_0000n });
    const heads = queue.makeAvailable([driver.request({ seed: 3 }).segments]);
    const before = snapshot(guest);
    setState(session, 1);
    ringDoorbell(session, queue.index);
    session.fence();
    check.unchanged(before.guest, changes(before), 'memory after a start that failed');
    check.equal(setAddresses(session, queue.index, right), 'taken', 'addresses put right');
    check.equal(setState(session, 1), 'taken', 'the next start');
    queue.kick();
    const used = servesAll(port, check, queue, 1, 'used elements after the next start');
    check.sameMembers(used, heads, 'heads that came back');
    setState(session, 0);
    check.equal(queue.usedCount(), 3, 'used idx after 3 requests');
  },
});

export const failedStartLeavesNoRing = defineCase({
  id: 'vhost-mdev/restart/failed-start-leaves-no-ring-started',
  title: 'a start fails for the last ring; a ring that is then taken out of use is not served by the next start',
  proves: { 'vm-state/failed-start-stays-stopped': 'mdev-failed-start-leaves-rings-started' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/failed-start-stays-stopped');
    const queue = driver.attach(ring({ size: 16 }));
    if (!serves({ port, driver }, check, queue, 'request 1', { seed: 1 })) return;
    setState(session, 0);
    const last = ringCount(session) - 1;
    const nowhere = { desc: 0x5555_0000n, avail: 0x5555_1000n, used: 0x5555_2000n };
    setSize(session, last, 16);
    setAddresses(session, last, nowhere);
    setState(session, 1);
    setState(session, 0);
    for (const index of [last, queue.index])
      check.equal(setSize(session, index, 0), 'taken', `ring ${index} without size`);
    const heads = queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    check.equal(setState(session, 1), 'taken', 'the next start');
    ringDoorbell(session, queue.index);
    session.fence();
    setState(session, 0);
    check.equal(queue.usedCount(), 1, 'used elements of the ring that is out of use');
    check.equal(setSize(session, queue.index, 16), 'taken', 'its size again');
    check.equal(setAddresses(session, queue.index, addressesOf(session, queue.ring)), 'taken', 'its addresses again');
    check.equal(setState(session, 1), 'taken', 'a start with it');
    queue.kick();
    check.sameMembers(servesAll(port, check, queue, 1, 'used elements in the end'), heads, 'heads that came back');
  },
});
