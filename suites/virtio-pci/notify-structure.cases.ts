import type { PciStructure, VirtioPciSession } from '../../drivers/port/port.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { VIRTIO_PCI_CAP_SIZE, virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { fieldOf, ofType, queuesOf, told } from './function.ts';

/** Where queues are notified (virtio 4.1.4.4), for devices that offer NOTIFICATION_DATA and for those that do not. */

const applies = { start: 'negotiated', transports: ['virtio-pci'], ring: 'none' } as const;
const withData = { ...applies, offers: ['VIRTIO_F_NOTIFICATION_DATA'] } as const;

interface NotifyRules {
  readonly aligned: RequirementSlug;
  readonly multiplier: RequirementSlug;
  readonly least: RequirementSlug;
  readonly covers: RequirementSlug;
  readonly formula: RequirementSlug;
}

const isPowerOfTwo = (value: number): boolean => value > 0 && 2 ** Math.round(Math.log2(value)) === value;

/** @param bytes of a notification, to which all is aligned. */
function look(session: VirtioPciSession, bytes: 2 | 4, checks: { readonly [K in keyof NotifyRules]: Check }): void {
  const all = ofType(session, virtioPciCapabilities.VIRTIO_PCI_CAP_NOTIFY_CFG);
  for (const check of Object.values(checks))
    check.presumes(all.length > 0, 'a capability shows where queues are notified');
  for (const one of all) lookAt(session, one, bytes, checks);
}

function lookAt(
  session: VirtioPciSession,
  one: PciStructure,
  bytes: 2 | 4,
  { aligned, multiplier, least, covers, formula }: { readonly [K in keyof NotifyRules]: Check },
): void {
  const where = `at 0x${one.at.toString(16)}`;
  const multiplied = told(
    multiplier,
    session.pci.readConfigSpace(one.at + VIRTIO_PCI_CAP_SIZE, 4),
    'notify_off_multiplier',
  );
  const isSound = multiplied === 0 || (isPowerOfTwo(multiplied) && multiplied % bytes === 0);
  multiplier.holds(isSound, `notify_off_multiplier ${where}`, {
    expected: `0, or a power of two that is a multiple of ${bytes}`,
    actual: String(multiplied),
  });
  aligned.equal(one.offset % bytes, 0, `offset ${one.offset}, modulo ${bytes}, ${where}`);
  least.atLeast(one.length, bytes, `length ${where}`);
  const offsets = queuesOf(session, covers).map(
    (queue) => fieldOf(session, covers, queue, 'queueNotifyOff') * multiplied,
  );
  const last = Math.max(0, ...offsets);
  covers.holds(one.length > last, `length ${where}`, {
    expected: `it reaches behind ${last}, where the last queue is notified`,
    actual: String(one.length),
  });
  for (const [queue, offset] of offsets.entries()) {
    formula.atLeast(one.length, offset + bytes, `length ${where}, for queue ${queue}`);
  }
}

export const of16Bits = defineCase({
  id: 'virtio-pci/notify-structure/has-room-for-16-bits',
  title:
    'without NOTIFICATION_DATA in the offer: the place of each queue is aligned to 2 bytes and within the structure',
  proves: {
    'pci/notification-offset-aligned': 'pci-notify-structure-misaligned',
    'pci/notify-off-multiplier-even-power-of-two': 'pci-multiplier-is-odd',
    'pci/notification-length-at-least-two': 'pci-notify-length-of-one',
    'pci/notification-length-covers-queues': 'pci-notify-length-of-first-place',
    'pci/notification-length-formula': 'pci-notify-length-short-of-last-queue',
  },
  applies: { ...applies, unoffered: ['VIRTIO_F_NOTIFICATION_DATA'] },
  run({ session, requirement }) {
    look(session, 2, {
      aligned: requirement('pci/notification-offset-aligned'),
      multiplier: requirement('pci/notify-off-multiplier-even-power-of-two'),
      least: requirement('pci/notification-length-at-least-two'),
      covers: requirement('pci/notification-length-covers-queues'),
      formula: requirement('pci/notification-length-formula'),
    });
  },
});

export const of32Bits = defineCase({
  id: 'virtio-pci/notify-structure/has-room-for-32-bits',
  title: 'with NOTIFICATION_DATA in the offer: the place of each queue is aligned to 4 bytes and within the structure',
  proves: {
    'pci/notification-data-offset-aligned': 'pci-notify-structure-misaligned-for-data',
    'pci/notification-data-multiplier': 'pci-multiplier-too-small-for-data',
    'pci/notification-data-length-at-least-four': 'pci-notify-length-of-two-for-data',
    'pci/notification-data-length-covers-queues': 'pci-notify-length-of-first-place-for-data',
    'pci/notification-data-length-formula': 'pci-notify-length-short-of-data',
  },
  applies: withData,
  run({ session, requirement }) {
    look(session, 4, {
      aligned: requirement('pci/notification-data-offset-aligned'),
      multiplier: requirement('pci/notification-data-multiplier'),
      least: requirement('pci/notification-data-length-at-least-four'),
      covers: requirement('pci/notification-data-length-covers-queues'),
      formula: requirement('pci/notification-data-length-formula'),
    });
  },
});
