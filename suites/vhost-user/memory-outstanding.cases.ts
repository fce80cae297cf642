import type { ReceiveBuffer } from '../../drivers/devices/net-frames.ts';
import { userAddress } from '../../reference-impl/memory/addresses.ts';
import { type GuestLayout, guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import { presupposed } from '../premise.ts';
import { framesComeBack } from '../virtio/net/net-port.ts';
import { tableOf } from './memory-table.ts';

/** A memory table that changes while receive buffers wait in the memory that it is about. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  devices: ['net'],
  shareMemory: false,
  when: [framesComeBack],
} as const;
const frameBytes = 200;
const bufferBytes = 512;
const waiting = 4;

/** Not where the ring lies. */
const elsewhere = guestLayouts['below-and-above-4gib'];
/** The same for the guest, at other user addresses: a back-end may take a region for known that has the same of both. */
const moved: GuestLayout = {
  name: 'moved',
  regions: elsewhere.regions.map((region) => ({
    ...region,
    userAddress: userAddress(region.userAddress + 0x100_0000_0000n),
  })),
};

export const followsTable = defineCase({
  id: 'vhost-user/memory/waiting-receive-buffers-follow-a-new-table',
  title: 'frames for receive buffers that wait while a new table maps other memory at their addresses arrive there',
  proves: { 'vu-memory/mem-table-replaces-regions': 'table-keeps-regions-told-again' },
  applies,
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-memory/mem-table-replaces-regions');
    const kept = port.createGuest(guestLayouts['single-region']);
    const [before, after] = [port.createGuest(elsewhere), port.createGuest(moved)];
    const driver = driverOf(session, kept);
    check.granted(session.messages.acknowledged(tableOf(port, kept, before)), 'the first table');
    const { net } = driver;
    const transmit = driver.attach(ring({ guest: kept, size: 16 }));
    const receive = driver.companion(net.facts.receiveIndex);
    presupposed(port, check, 'a frame comes back before the change', () => {
      net.roundTrip(transmit, receive, net.frame(frameBytes, 1));
      return undefined;
    });
    const ofBefore = driverOf(session, before).net;
    const ofAfter = driverOf(session, after).net;
    // The same guest-physical addresses in both: each guest hands its memory out in the same order.
    const buffers: ReceiveBuffer[] = [];
    for (let n = 0; n < waiting; n++) {
      receive.makeAvailable([ofBefore.bufferOf(bufferBytes).request.segments]);
      buffers.push(ofAfter.bufferOf(bufferBytes));
    }
    receive.kick();
    check.granted(session.messages.acknowledged(tableOf(port, kept, after)), 'the second table');
    const left = snapshot(before);
    const sent = net.frame(frameBytes, 2);
    for (let tries = 0; tries < waiting; tries++) {
      transmit.makeAvailable([net.transmitFrame(sent).segments]);
      transmit.kickAndWaitForUsed(1);
      if (port.until(() => receive.usedCount() > 1, port.deadlineMs / waiting) === 'true') break;
    }
    const { headerSize } = driver.net;
    check.unchanged(before, changes(left), 'memory that the new table does not map');
    const [first] = buffers;
    const arrived = first?.load().subarray(headerSize, headerSize + frameBytes) ?? new Uint8Array(0);
    check.bytesEqual(arrived, net.returned(sent), 'the frame in the first buffer that waited');
  },
});
