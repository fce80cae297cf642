import type { DriverPort, IotlbReport, VhostNetSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { featureMask } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import {
  VHOST_ACCESS_RO,
  VHOST_IOTLB_MISS,
  VHOST_IOTLB_MSG,
  VHOST_IOTLB_MSG_V2,
} from '../../reference-impl/wire/vdpa-structures.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { mapping } from '../vhost-kernel/iotlb-messages.ts';
import { takes } from '../vhost-kernel/refusal.ts';
import { servesAll } from '../virtio/service.ts';

/** Translations that are missing: vhost-net tells of each by a message that is read, and goes on once it has come. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-kernel'],
  negotiate: ['VIRTIO_F_ACCESS_PLATFORM'],
} as const;

const version2 = featureMask('VHOST_BACKEND_F_IOTLB_MSG_V2');

/** The next message, if one comes. */
function reported(port: DriverPort, { calls }: VhostNetSession): IotlbReport | undefined {
  let report: IotlbReport | undefined;
  port.until(() => {
    report ??= calls.report();
    return report !== undefined;
  }, seenWithinMs(port));
  return report;
}

/** Whether a message tells that a byte of this region is missing, for reading. */
function tellsOf(check: Check, report: IotlbReport | undefined, region: Region): boolean {
  if (report === undefined) {
    check.holds(false, 'a message for a translation that is missing', { expected: 'one', actual: 'none' });
    return false;
  }
  const { ioVirtualAddress: start, size } = region;
  const { ioVirtualAddress: at } = report;
  check.equal(report.request, VHOST_IOTLB_MISS, 'what the message tells');
  check.equal(report.permission, VHOST_ACCESS_RO, 'the access that it is wanted for');
  const isWithin = at >= start && at < start + BigInt(size);
  const shown = { expected: `within 0x${start.toString(16)}`, actual: `0x${at.toString(16)}` };
  return check.holds(isWithin, 'the address that it is about', shown);
}

export const missAndUpdate = defineCase({
  id: 'vhost-net/iotlb/miss-is-read-and-update-continues',
  title: 'a buffer without a translation is told of by a message, and used once its translation has come',
  proves: {
    'vk-iotlb/miss-readable-and-update-continues': [
      'vhost-net-misses-are-silent',
      'vhost-net-misses-are-of-other-addresses',
      'vhost-net-updates-continue-nothing',
    ],
  },
  applies,
  run({ port, session, driverOf, driver, ring, requirement }) {
    const check = requirement('vk-iotlb/miss-readable-and-update-continues');
    const more = port.createGuest(guestLayouts['single-region']);
    const [region] = more.regions as [Region];
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const before = queue.usedCount();
    queue.makeAvailable([driverOf(session, more).request({ seed: 2 }).segments]);
    queue.kick();
    if (!tellsOf(check, reported(port, session), region)) return;
    check.equal(queue.usedCount() - before, 0, 'chains that are used without the translation');
    if (!takes(check, session.calls.iotlb(mapping(region)), 'the update')) return;
    servesAll(port, check, queue, 1, 'chains that are used behind the update');
  },
});

export const versions = defineCase({
  id: 'vhost-net/iotlb/messages-have-the-version-that-was-accepted',
  title:
    'messages are of version 2 where VHOST_BACKEND_F_IOTLB_MSG_V2 is accepted, else of version 1; updates are of both',
  proves: {
    'vk-iotlb/message-version-is-as-accepted': [
      'vhost-net-messages-are-of-version-1',
      'vhost-net-messages-are-of-version-2',
    ],
  },
  applies,
  variants: { version: [1, 2] },
  run({ port, session, driverOf, driver, ring, variant, requirement }) {
    const check = requirement('vk-iotlb/message-version-is-as-accepted');
    const { calls } = session;
    const more = port.createGuest(guestLayouts['single-region']);
    const [region] = more.regions as [Region];
    const type = variant.version === 2 ? VHOST_IOTLB_MSG_V2 : VHOST_IOTLB_MSG;
    const accepted = calls.setBackendFeatures(variant.version === 2 ? version2 : 0n);
    check.presumes(accepted >= 0, 'SET_BACKEND_FEATURES is taken');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    queue.makeAvailable([driverOf(session, more).request({ seed: 2 }).segments]);
    queue.kick();
    const report = reported(port, session);
    check.presumes(report !== undefined, 'a message comes');
    check.equal(report?.type, type, 'the type of the message');
    takes(check, calls.iotlb(mapping(region), type), `an update of version ${variant.version}`);
  },
});
