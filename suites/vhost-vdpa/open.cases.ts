import type { DriverPort, VhostVdpaSession } from '../../drivers/port/port.ts';
import { VHOST_ACCESS_RO, VHOST_ACCESS_RW, VHOST_ACCESS_WO } from '../../reference-impl/wire/vdpa-structures.ts';
import { defineCase } from '../case.ts';
import { mapping } from '../vhost-kernel/iotlb-messages.ts';
import { takes } from '../vhost-kernel/refusal.ts';

/** Opening and closing a device: one user at a time, each with a device as it was made. */

const transports = ['vhost-vdpa'] as const;

/** No guest has its memory so far behind that of another. */
const awayFromGuests = 0x10_0000_0000n;

/** The result of one more open; nothing stays open, and the device gets no call. */
function openAgain(port: DriverPort<VhostVdpaSession>): string {
  const opened = port.connect();
  if (opened.kind === 'refused') return opened.why;
  opened.session.abandon();
  return 'opened';
}

export const secondOpen = defineCase({
  id: 'vhost-vdpa/open/second-open-is-busy',
  title: 'a device that is open is not opened a second time: EBUSY, until it is closed',
  proves: { 'vk-open/second-open-is-busy': 'vdpa-opens-again' },
  applies: { start: 'negotiated', transports, ring: 'none' },
  run({ session, port, requirement }) {
    const check = requirement('vk-open/second-open-is-busy');
    const why = openAgain(port);
    check.holds(/\bEBUSY\b/.test(why), 'a second open', { expected: 'EBUSY', actual: why });
    session.close();
    check.equal(openAgain(port), 'opened', 'an open once it is closed');
  },
});

export const openResets = defineCase({
  id: 'vhost-vdpa/open/status-reads-zero',
  title: 'behind an open the status reads 0, whatever the user before left',
  proves: { 'vk-open/open-resets-device': 'vdpa-open-leaves-status' },
  applies: { start: 'negotiated', transports, ring: 'none' },
  run({ session, connect, requirement }) {
    const check = requirement('vk-open/open-resets-device');
    check.atLeast(session.calls.status(), 1, 'the status of a session that negotiated');
    session.close();
    check.equal(connect('connected').calls.status(), 0, 'the status behind the next open');
  },
});

export const closeForgets = defineCase({
  id: 'vhost-vdpa/close/mappings-and-owner-are-gone',
  title: 'who opens next becomes owner, and maps the same addresses',
  proves: { 'vk-close/close-resets-and-unmaps': 'vdpa-mappings-outlive-close' },
  applies: { start: 'prepared', transports, ring: 'none' },
  run({ session, guest, connect, requirement }) {
    const check = requirement('vk-close/close-resets-and-unmaps');
    const [region] = guest.regions;
    if (region === undefined) return check.inconclusive('the guest has no memory');
    const size = 4096n;
    const pages = [VHOST_ACCESS_RO, VHOST_ACCESS_WO, VHOST_ACCESS_RW].map((permission, n) =>
      mapping(region, {
        permission,
        size,
        ioVirtualAddress: region.ioVirtualAddress + awayFromGuests + size * BigInt(n),
        userAddress: region.userAddress + size * BigInt(n),
      }),
    );
    for (const page of pages) check.presumes(session.calls.iotlb(page) >= 0, 'a page is mapped');
    session.close();
    const next = connect('prepared');
    for (const page of pages) {
      takes(check, next.calls.iotlb(page), `a page that the user before had mapped with permission ${page.permission}`);
    }
  },
});
