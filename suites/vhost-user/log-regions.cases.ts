import type { GuestRing, VhostUserSession } from '../../drivers/port/port.ts';
import type { GuestLayoutName } from '../../reference-impl/memory/guest-layout.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { usedElementOffset } from '../../reference-impl/virtqueue/split/layout.ts';
import { VHOST_VRING_F_LOG } from '../../reference-impl/wire/vhost-user-constants.ts';
import { type AnyCase, type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { DirtyPages, hex, loggedBy, logOf, missing, pagesOf, writeOverBoundary } from './dirty-pages.ts';
import { RingByHand } from './ring-by-hand.ts';
import { addressesOf, setAddresses } from './ring-messages.ts';

/** One log for all of memory: several regions, addresses that need more than 32 bits, and rings of several pages. */

const negotiate = ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD'] as const;
const applies = { start: 'negotiated', transports: ['vhost-user'], negotiate } as const;

type Context = CaseContext<string, VariantAxes, VhostUserSession, GuestRing>;

/** A write of the device over pages of each region, and over the boundaries of adjacent ones, marks its pages. */
function marksEach({ port, session, guest, driver, ring }: Context, check: Check, crossing: 'page' | 'region'): void {
  const log = loggedBy(session, new DirtyPages(port, { size: logOf(guest) }), check);
  const queue = driver.attach(ring({ size: 16 }));
  const last = crossing === 'page' ? guest.regions.length : guest.regions.length - 1;
  for (let region = 0; region < last; region++) {
    log.clear();
    const written = writeOverBoundary(driver, queue, { crossing, region });
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const unmarked = missing(pagesOf(written), log.marked());
    const what = `pages of a buffer over a ${crossing} boundary of region ${region} that are not marked`;
    if (!check.equal(hex(unmarked), '', what)) return;
  }
}

const inRegions = (memory: GuestLayoutName, id: string, title: string, fault: string): AnyCase =>
  defineCase({
    id: `vhost-user/log/${id}`,
    title,
    proves: { 'vu-log/buffer-writes-marked': fault },
    applies: { ...applies, memory },
    run: (context) => marksEach(context, context.requirement('vu-log/buffer-writes-marked'), 'page'),
  });

export const beyond4Gib = inRegions(
  'below-and-above-4gib',
  'pages-of-regions-below-and-above-4gib-are-marked',
  'pages of a region below 4 GiB and of one above are marked, each at its own bit',
  'log-pages-in-20-bits',
);

export const manyRegions = inRegions(
  'eight-regions',
  'pages-of-each-of-eight-regions-are-marked',
  'pages of each of eight regions are marked in the one log',
  'log-byte-offset-signed',
);

export const acrossRegions = defineCase({
  id: 'vhost-user/log/buffer-across-regions-is-marked',
  title: 'a buffer that begins in one region and ends in the next is marked in both',
  proves: { 'vu-log/buffer-writes-marked': 'log-leaves-second-region-out' },
  applies: { ...applies, memory: 'adjacent-regions' },
  run(context) {
    marksEach(context, context.requirement('vu-log/buffer-writes-marked'), 'region');
  },
});

export const usedRingPages = defineCase({
  id: 'vhost-user/log/used-elements-of-a-long-ring-are-marked',
  title: 'the page of a used element is marked where the used idx lies in another page',
  proves: { 'vu-log/used-ring-writes-marked-with-ring-flag': 'log-marks-used-idx-only' },
  applies: { ...applies, memory: 'single-region', ring: 'split', needs: ['initial-base'] },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-log/used-ring-writes-marked-with-ring-flag');
    const log = loggedBy(session, new DirtyPages(port, { size: logOf(guest) }), check);
    driver.companions();
    const idx = 600;
    const vring = ring({ size: 1024, position: splitPosition(idx), placement: { device: { at: 'region-end' } } });
    const hand = new RingByHand(port, session, vring, { index: driver.queueIndex });
    const { guestAddress } = vring.used;
    hand.tell('num', 'base');
    const fields = { ...addressesOf(vring), flags: VHOST_VRING_F_LOG, log: guestAddress };
    session.messages.send(setAddresses(hand.index, fields));
    hand.tell('call', 'error', 'kick', 'enable');
    hand.makeAvailable(driver.request().segments);
    hand.kick();
    if (hand.waitForUsed(check, 1, 'a chain on a ring that is logged') === undefined) return;
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const element = { guestAddress: guestAddress + BigInt(usedElementOffset(idx)), length: 8 };
    check.equal(hex(missing(pagesOf(element), log.marked())), '', 'pages of the used element that are not marked');
  },
});
