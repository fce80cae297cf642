import type { Guest, GuestRing, GuestSplitRing, VhostNetSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { areaAddresses, type SentAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import { VHOST_VRING_F_LOG } from '../../reference-impl/wire/vdpa-structures.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { takes } from '../vhost-kernel/refusal.ts';
import { hex, markedPages, missing, pageSize, pagesOf, writeOverBoundary } from '../vhost-user/dirty-pages.ts';

/** The log of written pages: one bit a page, in memory of the user. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-kernel'],
  negotiate: ['VHOST_F_LOG_ALL'],
  memory: 'single-region',
} as const;
/** The log, of a device that reaches memory through an IOTLB. */
const translated = ['VHOST_F_LOG_ALL', 'VIRTIO_F_ACCESS_PLATFORM'] as const;
const unwatched = 'the device marks pages in memory that is given to it by its address alone';

/** A log in the first region of a guest of its own, which the session is told of. */
class Log {
  readonly #region: Guest['regions'][number];

  constructor(guest: Guest) {
    [this.#region] = guest.regions as [Guest['regions'][number]];
  }

  tell(check: Check, { calls }: VhostNetSession): void {
    check.presumes(calls.setLogBase(this.#region.userAddress) >= 0, 'SET_LOG_BASE is taken');
  }

  clear(): void {
    this.#region.bytes.fill(0);
  }

  /** Numbers of the pages that are marked, in order. */
  marked(): number[] {
    return markedPages(this.#region.bytes);
  }
}

const logIn = (port: { createGuest(layout: typeof elsewhere): Guest }): Log => new Log(port.createGuest(elsewhere));
/** Not where the guest of a case has its memory. */
const elsewhere = guestLayouts['below-and-above-4gib'];

type Context<R extends GuestRing> = CaseContext<string, VariantAxes, VhostNetSession, R>;

/** Each page that frames are received in is marked. */
function marksBuffers({ port, session, driver, ring }: Context<GuestRing>, check: Check): void {
  const log = logIn(port);
  log.tell(check, session);
  const queue = driver.attach(ring({ size: 16 }));
  for (let round = 1; round <= 3; round++) {
    log.clear();
    const written = pagesOf(writeOverBoundary(driver, queue));
    session.fence();
    check.equal(hex(missing(written, log.marked())), '', `pages that are not marked in round ${round}`);
  }
}

export const buffers = defineCase({
  id: 'vhost-net/log/pages-of-received-frames-are-marked',
  title: 'with VHOST_F_LOG_ALL each page of a buffer that a frame is received in is marked',
  proves: {
    'vk-log/written-pages-are-marked': ['vhost-net-log-leaves-buffers-out', 'vhost-net-log-marks-first-page-only'],
  },
  applies,
  unwatched,
  run(context) {
    marksBuffers(context, context.requirement('vk-log/written-pages-are-marked'));
  },
});

export const translatedBuffers = defineCase({
  id: 'vhost-net/log/pages-of-translated-buffers-are-marked',
  title: 'with an IOTLB and VHOST_F_LOG_ALL the guest pages of a buffer that a frame is received in are marked',
  proves: { 'vk-log/written-pages-are-marked': 'vhost-net-log-of-buffers-is-not-translated' },
  applies: { ...applies, negotiate: translated },
  unwatched,
  run(context) {
    marksBuffers(context, context.requirement('vk-log/written-pages-are-marked'));
  },
});

export const off = defineCase({
  id: 'vhost-net/log/nothing-is-marked-without-log-all',
  title: 'without VHOST_F_LOG_ALL no page of a buffer is marked, although there is a log',
  proves: { 'vk-log/off-without-log-all': 'vhost-net-log-is-always-on' },
  applies: { ...applies, negotiate: [], offers: ['VHOST_F_LOG_ALL'], without: ['VHOST_F_LOG_ALL'] },
  unwatched,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vk-log/off-without-log-all');
    const log = logIn(port);
    log.tell(check, session);
    const written = writeOverBoundary(driver, driver.attach(ring({ size: 16 })));
    check.presumes(written.length > 0, 'a frame is received');
    session.fence();
    check.equal(hex(log.marked()), '', 'pages that are marked');
  },
});

/** Where no guest has memory. */
const logAddress = 0x100_0000n;

/** What is marked once a used ring that is logged was written to, and the guest page where it lies. */
function marksUsedRing(
  { port, session, driver, ring }: Context<GuestSplitRing>,
  check: Check,
  sent: SentAddresses,
): { readonly marked: readonly number[]; readonly page: number } | undefined {
  const log = logIn(port);
  log.tell(check, session);
  const queue = driver.attach(ring({ size: 16 }));
  driver.warmUp(queue);
  const { descriptor, driver: available, device: used } = areaAddresses(queue.ring, sent);
  const addresses = { descriptor, available, used, flags: VHOST_VRING_F_LOG, log: logAddress };
  const answer = session.calls.setAddresses(queue.index, addresses);
  if (!takes(check, answer, 'SET_VRING_ADDR of a ring that is logged')) return undefined;
  log.clear();
  driver.warmUp(queue, { seed: 2 });
  session.fence();
  return { marked: log.marked(), page: Number(queue.ring.areas.device.guestAddress / pageSize) };
}

export const usedRing = defineCase({
  id: 'vhost-net/log/used-ring-is-marked-where-told',
  title: 'with VHOST_VRING_F_LOG a write to the used ring is marked at the address that was told for it',
  proves: {
    'vk-log/used-ring-is-marked-where-told': [
      'vhost-net-log-leaves-used-rings-out',
      'vhost-net-log-of-used-rings-is-a-page-on',
    ],
  },
  applies: { ...applies, ring: 'split' },
  unwatched,
  run(context) {
    const check = context.requirement('vk-log/used-ring-is-marked-where-told');
    const seen = marksUsedRing(context, check, sentAddresses.shared);
    if (seen === undefined) return;
    const page = Number(logAddress / pageSize);
    check.equal(hex(missing([page], seen.marked)), '', 'the page of the log address, where it is not marked');
  },
});

export const translatedUsedRing = defineCase({
  id: 'vhost-net/log/used-ring-is-marked-in-its-guest-pages',
  title: 'with an IOTLB and VHOST_VRING_F_LOG a write to the used ring is marked in the guest page where it lies',
  proves: { 'vk-log/used-ring-is-marked-where-told': 'vhost-net-log-of-used-rings-is-not-translated' },
  applies: { ...applies, negotiate: translated, ring: 'split' },
  unwatched,
  run(context) {
    const check = context.requirement('vk-log/used-ring-is-marked-where-told');
    const seen = marksUsedRing(context, check, sentAddresses.translated);
    if (seen === undefined) return;
    check.equal(hex(missing([seen.page], seen.marked)), '', 'the guest page of the used ring, where it is not marked');
  },
});

export const event = defineCase({
  id: 'vhost-net/log/event-comes-with-marks',
  title: 'the event of SET_LOG_FD is signalled when a page is marked',
  proves: { 'vk-log/event-comes-with-marks': 'vhost-net-log-is-silent' },
  applies,
  unwatched,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vk-log/event-comes-with-marks');
    const { descriptors } = port;
    const log = logIn(port);
    log.tell(check, session);
    const fd = descriptors.eventfd();
    if (!takes(check, session.calls.setLogEvent(fd), 'SET_LOG_FD')) return;
    writeOverBoundary(driver, driver.attach(ring({ size: 16 })));
    session.fence();
    check.atLeast(descriptors.read(fd), 1, 'signals of the event');
  },
});
