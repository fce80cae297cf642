import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, Guest, PageServer, Queue, VhostUserSession } from '../../drivers/port/port.ts';
import type { Addresses } from '../../reference-impl/memory/addresses.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { writtenBefore } from '../premise.ts';
import { fieldsOf, type RegionFields, setMemTable, tableOf } from './memory-table.ts';
import {
  acknowledged,
  advised,
  faultsIn,
  listen,
  listening,
  memoryShared,
  nextFault,
  pagesOf,
  placed,
  placeOf,
  postcopyApplies,
  regionAdded,
  regionsOf,
  tableTold,
} from './postcopy.ts';
import { waited } from './ring-by-hand.ts';
import { wordOf } from './words.ts';

const addressesOf = ({ guestAddress, userAddress, ioVirtualAddress }: Addresses): Addresses => ({
  guestAddress,
  userAddress,
  ioVirtualAddress,
});

/** Migration that goes on while the device runs already (vhost-user, "Migration"). */

/** For each region of `late` a request whose pages are missing has its first page fault in one of them. */
function faultsLieWhereTold(
  port: DriverPort<VhostUserSession>,
  check: Check,
  server: PageServer,
  queue: Queue,
  late: Guest,
  driver: DeviceDriver,
): void {
  const requests = late.regions.map(({ index }) => driver.request({ readableWhere: { region: index, align: 4096 } }));
  // Once, ahead of all: a page that has arrived is not taken away any more.
  for (const region of late.regions) server.withhold(region);
  for (const [n, { segments }] of requests.entries()) {
    const arrived = server.faults.map(placeOf);
    const pages = pagesOf(late, segments).filter((page) => !arrived.includes(page));
    const fault = nextFault(server, late);
    server.hold(late.regions);
    queue.makeAvailable([segments]);
    queue.kick();
    const what = `a request in missing pages of region ${n}`;
    const hasCome = () => fault() !== undefined || queue.usedCount() > n;
    if (pages.length > 0 && !waited(port, check, what, 'a page fault', hasCome)) return;
    const seen = fault();
    const where = seen === undefined ? 'no page fault' : placeOf(seen);
    const both = { expected: pages.join(' or '), actual: where };
    if (pages.length > 0 && !check.holds(pages.includes(where), `where ${what} has its page fault`, both)) return;
    server.serveAll();
    check.equal(queue.waitForUsed(1).length, 1, `used elements of ${what}, once they are there`);
  }
}

export const advise = defineCase({
  id: 'vhost-user/postcopy/advise-hands-over-a-userfaultfd',
  title: 'POSTCOPY_ADVISE is answered with one descriptor, which is a userfaultfd',
  proves: { 'vu-postcopy/advise-returns-userfaultfd': ['advise-without-descriptor', 'advise-with-other-descriptor'] },
  applies: { ...postcopyApplies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-postcopy/advise-returns-userfaultfd');
    const reply = check.reply(session.messages.exchange({ request: 'VHOST_USER_POSTCOPY_ADVISE' }), 'POSTCOPY_ADVISE');
    if (!check.equal(reply.descriptors.length, 1, 'descriptors of the reply')) return;
    const isUserfault = port.descriptors.isUserfault(reply.descriptors[0] ?? -1);
    check.equal(isUserfault, true, 'whether the descriptor is a userfaultfd');
  },
});

export const registers = defineCase({
  id: 'vhost-user/postcopy/missing-page-is-asked-for',
  title: 'behind POSTCOPY_LISTEN a request in a page that is missing waits for that page, and is then served',
  proves: { 'vu-postcopy/listen-registers-memory': ['postcopy-memory-not-registered', 'postcopy-listen-refused'] },
  applies: postcopyApplies,
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-postcopy/listen-registers-memory');
    const server = advised({ port, session }, check);
    if (server === undefined) return;
    check.accepted(session.messages.acknowledged(listen), 'POSTCOPY_LISTEN behind POSTCOPY_ADVISE');
    const guest = port.createGuest(guestLayouts['single-region']);
    const late = port.createGuest(guestLayouts['below-and-above-4gib']);
    memoryShared({ port, session }, check, server, guest, late);
    const queue = driverOf(session, guest).attach(ring({ guest, size: 16 }));
    const request = driverOf(session, late).request();
    for (const region of late.regions) server.withhold(region);
    server.hold(late.regions);
    const fault = nextFault(server, late);
    queue.makeAvailable([request.segments]);
    queue.kick();
    const what = 'a request in a missing page';
    if (!waited(port, check, what, 'a page fault', () => fault() !== undefined || queue.usedCount() > 0)) return;
    // Where it lies is another requirement's affair.
    check.equal(fault() === undefined ? 'a used element' : 'a page fault', 'a page fault', `what comes of ${what}`);
    server.serveAll();
    check.equal(queue.waitForUsed(1).length, 1, 'used elements, once the page is there');
    check.equal(request.problem(), undefined, 'the request that waited');
  },
});

export const bases = defineCase({
  id: 'vhost-user/postcopy/memory-table-is-answered-with-bases',
  title: 'in postcopy SET_MEM_TABLE is answered with its regions, and page faults lie where the reply has them',
  proves: {
    'vu-postcopy/mem-table-returns-mapped-bases': ['postcopy-bases-as-told', 'postcopy-bases-without-offset'],
  },
  applies: postcopyApplies,
  variants: { layout: ['below-and-above-4gib', 'one-file', 'adjacent-regions'] },
  run({ port, session, driverOf, ring, variant, requirement }) {
    const check = requirement('vu-postcopy/mem-table-returns-mapped-bases');
    const server = listening({ port, session }, check);
    if (server === undefined) return;
    const guest = port.createGuest(guestLayouts['single-region']);
    const late = port.createGuest(guestLayouts[variant.layout]);
    const shown = (list: readonly Pick<RegionFields, 'guestAddress' | 'size'>[]): string =>
      list.map(({ guestAddress, size }) => `${size} at 0x${guestAddress.toString(16)}`).join(', ');
    const told = tableTold({ port, session }, check, server, guest, late);
    const sent = regionsOf(guest, late).map(fieldsOf);
    if (!check.equal(shown(told), shown(sent), 'sizes and guest addresses of the regions in the reply')) return;
    acknowledged(session, check);
    const queue = driverOf(session, guest).attach(ring({ guest, size: 16 }));
    faultsLieWhereTold(port, check, server, queue, late, driverOf(session, late));
  },
});

export const addedBase = defineCase({
  id: 'vhost-user/postcopy/added-region-is-answered-with-its-base',
  title: 'in postcopy ADD_MEM_REG is answered with its region, and page faults lie where the reply has it',
  proves: { 'vu-postcopy/mem-table-returns-mapped-bases': 'postcopy-bases-as-told' },
  applies: {
    ...postcopyApplies,
    negotiate: [...postcopyApplies.negotiate, 'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS'],
  },
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-postcopy/mem-table-returns-mapped-bases');
    const server = listening({ port, session }, check);
    if (server === undefined) return;
    const guest = port.createGuest(guestLayouts['single-region']);
    const late = port.createGuest(guestLayouts['crossing-4gib']);
    memoryShared({ port, session }, check, server, guest);
    const told = regionAdded({ port, session }, check, server, late);
    const [sent] = regionsOf(late).map(fieldsOf);
    if (!check.equal(told?.guestAddress, sent?.guestAddress, 'guest address of the region in the reply')) return;
    if (!check.equal(told?.size, sent?.size, 'size of the region in the reply')) return;
    const queue = driverOf(session, guest).attach(ring({ guest, size: 16 }));
    faultsLieWhereTold(port, check, server, queue, late, driverOf(session, late));
  },
});

export const untouched = defineCase({
  id: 'vhost-user/postcopy/regions-are-left-alone-before-the-acknowledgement',
  title: 'between the reply to SET_MEM_TABLE in postcopy and its acknowledgement no page of the regions is accessed',
  proves: { 'vu-postcopy/regions-untouched-before-acknowledgement': 'postcopy-memory-touched-early' },
  applies: postcopyApplies,
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-postcopy/regions-untouched-before-acknowledgement');
    const server = listening({ port, session }, check);
    if (server === undefined) return;
    const guest = port.createGuest(guestLayouts['single-region']);
    memoryShared({ port, session }, check, server, guest);
    const driver = driverOf(session, guest);
    driver.warmUp(driver.attach(ring({ guest, size: 16 })));
    // A second table, while the ring runs.
    const late = port.createGuest(guestLayouts['below-and-above-4gib']);
    tableTold({ port, session }, check, server, guest, late);
    for (const region of late.regions) {
      check.equal(server.hasPages(region), false, `whether a page of region ${region.index} came into being`);
      check.equal(faultsIn(server, region).length, 0, `page faults in region ${region.index}`);
    }
    // What becomes of the ring then is another case's affair.
    session.messages.send(setMemTable([], []));
  },
});

export const ringGoesOn = defineCase({
  id: 'vhost-user/postcopy/ring-goes-on-in-a-second-table',
  title:
    'a second memory table in postcopy, while the ring runs, is refused, or moves its memory: the next request is served there',
  proves: { 'vu-postcopy/second-table-refused-or-followed': 'postcopy-table-stops-rings' },
  applies: postcopyApplies,
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-postcopy/second-table-refused-or-followed');
    const server = listening({ port, session }, check);
    if (server === undefined) return;
    const guest = port.createGuest(guestLayouts['single-region']);
    memoryShared({ port, session }, check, server, guest);
    const driver = driverOf(session, guest);
    const queue = driver.attach(ring({ guest, size: 16 }));
    driver.warmUp(queue);
    const late = port.createGuest(guestLayouts['below-and-above-4gib']);
    // The text tells of a guest that starts behind the acknowledgement, and of no table while it runs: it may be refused.
    const answer = session.messages.exchange(tableOf(port, guest, late));
    if (answer.kind === 'closed') {
      check.oneOf('a closed connection', ['a closed connection', 'a reply'], 'what comes of a second table');
      return;
    }
    placed(server, check.reply(answer, 'a second SET_MEM_TABLE in postcopy'), guest, late);
    acknowledged(session, check);
    for (const seed of [2, 3]) check.equal(driver.once(queue, { seed }), undefined, `request ${seed}`);
  },
});

export const ends = defineCase({
  id: 'vhost-user/postcopy/end-drops-the-userfaultfd',
  title: 'POSTCOPY_END is answered with 0, and no access waits for a page any more',
  proves: { 'vu-postcopy/end-drops-userfaultfd': ['postcopy-end-keeps-userfaultfd', 'postcopy-end-fails'] },
  applies: { ...postcopyApplies, devices: ['block', 'net'] },
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-postcopy/end-drops-userfaultfd');
    const server = listening({ port, session }, check);
    if (server === undefined) return;
    const guest = port.createGuest(guestLayouts['single-region']);
    const late = port.createGuest(guestLayouts['below-and-above-4gib']);
    memoryShared({ port, session }, check, server, guest, late);
    const driver = driverOf(session, guest);
    const queue = driver.attach(ring({ guest, size: 16 }));
    const writes = driver.writes(queue);
    writtenBefore(port, check, writes);
    const answer = check.reply(session.messages.exchange({ request: 'VHOST_USER_POSTCOPY_END' }), 'POSTCOPY_END');
    check.equal(wordOf(answer), 0n, 'the answer to POSTCOPY_END');
    server.drop();
    const page = late.allocate({ size: 4096, align: 4096 });
    writes.ask({ change: (segment) => (segment.length > 1 ? { ...segment, ...addressesOf(page) } : segment) });
    check.equal(writes.written.waitForUsed(1).length, 1, 'used elements for a buffer in a page that never came');
  },
});
