import type { VfioMapping, VhostMdevSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { doorbellData, doorbellSizes, rest, writeDoorbells } from './doorbells.ts';
import { refusesCall } from './refusal.ts';
import { answerOf, ringCount, setState } from './ring-messages.ts';

/** Doorbells by a store into a mapped page, which a device without notify areas does not have (ENOTSUPP). */

const transports = ['vhost-mdev'] as const;

/** The result of mapping a part of the region of doorbells; nothing stays mapped. */
function mapAnswer({ vfio, places }: VhostMdevSession, offset: number, length: number): string {
  const mapping = vfio.map(places.doorbells, offset, length);
  if (typeof mapping === 'number') return answerOf(mapping);
  mapping.unmap();
  return 'mapped';
}

/** The page of a ring; none, and the check inconclusive, where the device has no such pages. */
function mappedPage({ vfio, places }: VhostMdevSession, check: Check, at: number, page: number) {
  const mapping = vfio.map(places.doorbells, at, page);
  if (typeof mapping !== 'number') return mapping;
  check.inconclusive(`no page of doorbells to store into: ${answerOf(mapping)}`);
  return undefined;
}

function store({ bytes }: VfioMapping, number: number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(0, number, true);
}

export const pagesCanBeMapped = defineCase({
  id: 'vhost-mdev/notify/page-of-each-ring-can-be-mapped',
  title: 'mapping the page of each ring, or a part of it, gives it; ENOTSUPP where the device has no notify areas',
  proves: { 'vm-notify/page-can-be-mapped': 'mdev-doorbell-pages-unmappable' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-notify/page-can-be-mapped');
    const { page } = doorbellSizes(session);
    for (let index = 0; index < ringCount(session); index++) {
      for (const length of [page, page / 2, 2]) {
        const answer = mapAnswer(session, index * page, length);
        check.oneOf(answer, ['mapped', 'ENOTSUPP'], `${length} bytes of the page of ring ${index}`);
      }
    }
  },
});

export const storeNotifies = defineCase({
  id: 'vhost-mdev/notify/store-into-mapped-page-notifies',
  title: 'a store of 16 bits into the page of a ring has it served, again and again, and after a stop and a start',
  proves: { 'vm-notify/store-notifies-its-queue': 'mdev-mapped-page-is-a-copy' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/store-notifies-its-queue');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const { page } = doorbellSizes(session);
    const mapping = mappedPage(session, check, queue.index * page, page);
    if (mapping === undefined) return;
    for (const run of ['the first run', 'the second run']) {
      for (const seed of [1, 2, 3]) {
        rest(port);
        const heads = queue.makeAvailable([driver.request({ seed }).segments]);
        store(mapping, queue.index);
        const used = servesAll(port, check, queue, 1, `request ${seed} of ${run}`);
        if (!check.sameMembers(used, heads, `its head in ${run}`)) return;
      }
      setState(session, 0);
      setState(session, 1);
    }
    mapping.unmap();
    serves({ port, driver }, check, queue, 'a request by a write after the page was unmapped', { seed: 4 });
  },
});

export const mappedTwice = defineCase({
  id: 'vhost-mdev/notify/page-mapped-twice-is-one-page',
  title: 'stores into each of two mappings of a page notify, and into the one that is left',
  proves: { 'vm-notify/mapped-twice-is-one-page': 'mdev-second-mapping-is-a-copy' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/mapped-twice-is-one-page');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const { page } = doorbellSizes(session);
    const first = mappedPage(session, check, queue.index * page, page);
    const second = mappedPage(session, check, queue.index * page, page);
    if (first === undefined || second === undefined) return;
    const storeInto = (mapping: VfioMapping, what: string): void => {
      rest(port);
      const heads = queue.makeAvailable([driver.request().segments]);
      store(mapping, queue.index);
      check.sameMembers(servesAll(port, check, queue, 1, `a request by ${what}`), heads, `its head, by ${what}`);
    };
    storeInto(first, 'the first mapping');
    storeInto(second, 'the second mapping');
    first.unmap();
    storeInto(second, 'the one that is left');
  },
});

export const storesAndWrites = defineCase({
  id: 'vhost-mdev/notify/stores-and-writes-mix',
  title: 'while its page is mapped a ring is notified by writes as by stores',
  proves: { 'vm-notify/stores-and-writes-mix': 'mdev-write-lost-while-mapped' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/stores-and-writes-mix');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const { page } = doorbellSizes(session);
    const mapping = mappedPage(session, check, queue.index * page, page);
    if (mapping === undefined) return;
    for (const round of [1, 2, 3]) {
      for (const by of ['write', 'store'] as const) {
        rest(port);
        const heads = queue.makeAvailable([driver.request({ seed: round }).segments]);
        if (by === 'store') store(mapping, queue.index);
        else writeDoorbells(session, queue.index * page, doorbellData(queue.index));
        const used = servesAll(port, check, queue, 1, `request ${round} by a ${by}`);
        if (!check.sameMembers(used, heads, `head ${round} by a ${by}`)) return;
      }
    }
    mapping.unmap();
  },
});

export const storeOfUnknown = defineCase({
  id: 'vhost-mdev/notify/stores-of-unknown-queues-disturb-nobody',
  title: 'numbers of no queue are stored into a mapped page, among requests: each request is served, and once',
  proves: { 'vm-notify/store-of-unknown-queue-survived': 'mdev-store-of-unknown-queue-crashes' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/store-of-unknown-queue-survived');
    const queue = driver.attach(ring({ size: 16 }));
    const { page } = doorbellSizes(session);
    const mapping = mappedPage(session, check, queue.index * page, page);
    if (mapping === undefined) return;
    const numbers = [ringCount(session), 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff];
    for (const [seed, number] of numbers.entries()) {
      store(mapping, number);
      rest(port);
      const what = `a request behind a store of 0x${number.toString(16)}`;
      if (!serves({ port, driver }, check, queue, what, { seed })) return;
    }
    mapping.unmap();
    check.equal(queue.stop().kind, 'stopped', 'the ring stops');
    check.equal(queue.usedCount(), numbers.length, 'used idx in the end');
  },
});

export const moreThanAPage = defineCase({
  id: 'vhost-mdev/notify/mapping-of-more-than-a-page-is-refused',
  title: 'mapping more than one page of doorbells fails with EINVAL, at the page of every ring',
  proves: { 'vm-notify/map-of-more-than-a-page-refused': 'mdev-two-pages-mapped' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-notify/map-of-more-than-a-page-refused');
    const probe = context.connect('connected');
    const { page } = doorbellSizes(probe);
    const rings = ringCount(probe);
    for (let index = 0; index < rings; index++) {
      for (const length of [page + 1, 2 * page, 16 * page]) {
        refusesCall(context, check, {
          what: `${length} bytes from ring ${index} on`,
          open: () => context.connect('connected'),
          flawed: (session) => mapAnswer(session, index * page, length),
          control: (session) => mapAnswer(session, index * page, page),
          controlName: `the page of ring ${index}`,
        });
      }
    }
  },
});

export const behindRings = defineCase({
  id: 'vhost-mdev/notify/mapping-behind-the-last-ring-is-refused',
  title: 'mapping a page behind that of the last ring fails with EINVAL, next to it or far away',
  proves: { 'vm-notify/map-behind-rings-refused': 'mdev-page-behind-rings-mapped' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-notify/map-behind-rings-refused');
    const { region, page } = doorbellSizes(context.connect('connected'));
    for (const offset of [region, region + page, region + 16 * page, 2 ** 31, 2 ** 39]) {
      refusesCall(context, check, {
        what: `a page at offset 0x${offset.toString(16)}`,
        open: () => context.connect('connected'),
        flawed: (session) => mapAnswer(session, offset, page),
        control: (session) => mapAnswer(session, region - page, page),
        controlName: 'the last page',
      });
    }
  },
});
