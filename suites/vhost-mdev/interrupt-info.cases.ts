import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { vfioIrqInfo, vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import { defineCase } from '../case.ts';
import { refusesCall } from './refusal.ts';
import { type Answer, answerOf } from './ring-messages.ts';

/** VFIO_DEVICE_GET_IRQ_INFO. */

const transports = ['vhost-mdev'] as const;

/** Whether the call is taken for an index, with any `argsz`. */
function infoAnswer({ vfio }: VhostMdevSession, index: number, argsz = vfioIrqInfo.size): Answer {
  const argument = encodeStructure(vfioIrqInfo, { argsz, flags: 0, index, count: 0 });
  return answerOf(vfio.file.ioctl(vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, argument));
}

/** Interrupt indices of the device, by VFIO_DEVICE_GET_INFO. */
function indexCount({ vfio }: VhostMdevSession): number {
  const info = vfio.deviceInfo();
  return typeof info === 'number' ? 0 : info.numIrqs;
}

export const vectorForEachRing = defineCase({
  id: 'vhost-mdev/interrupts/vector-for-each-ring',
  title:
    'the interrupt index of the rings counts a vector for each page of doorbells, before a ring is told of and after',
  proves: { 'vm-irq/vector-for-each-ring': 'mdev-vectors-of-rings-in-use' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vm-irq/vector-for-each-ring');
    const { vfio, places } = session;
    const region = vfio.regionInfo(places.doorbells);
    const bytes = typeof region === 'number' ? 0 : Number(region.size);
    const count = (): number => {
      const info = vfio.irqInfo(places.interrupts);
      return typeof info === 'number' ? info : info.count;
    };
    const before = count();
    const page = before > 0 ? bytes / before : 0;
    const isPage = page >= 4096 && Number.isInteger(Math.log2(page));
    check.holds(isPage, 'vectors before a ring is told of', {
      expected: `one for each page in ${bytes} bytes of doorbells`,
      actual: String(before),
    });
    check.atLeast(before, driver.queueIndex + 1, 'vectors');
    driver.attach(ring({ size: 16 }));
    check.equal(count(), before, 'vectors once a ring runs');
  },
});

export const vectorsAreEvents = defineCase({
  id: 'vhost-mdev/interrupts/vectors-are-event-descriptors',
  title: "the flags of the rings' interrupt index say event descriptors; in layout L2 they say nothing else",
  proves: { 'vm-irq/vectors-are-events': ['mdev-interrupt-without-eventfd', 'mdev-interrupt-maskable'] },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-irq/vectors-are-events');
    const { vfio, places } = session;
    const info = vfio.irqInfo(places.interrupts);
    const flags = typeof info === 'number' ? info : info.flags;
    // What else a PCI device may say of its MSI-X was nowhere found.
    if (places.name === 'l1') check.equal(flags & 1, 1, 'bit 0 of the flags of MSI-X');
    else check.equal(flags, 1, 'flags of the interrupt index');
  },
});

export const unknownIndex = defineCase({
  id: 'vhost-mdev/interrupts/info-of-unknown-index-is-refused',
  title: 'VFIO_DEVICE_GET_IRQ_INFO fails with EINVAL for every kind of index that there is not',
  proves: { 'vm-irq/info-of-unknown-index-refused': 'mdev-last-interrupt-for-unknown-index' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, requirement } = context;
    const check = requirement('vm-irq/info-of-unknown-index-refused');
    const probe = connect('connected');
    const count = indexCount(probe);
    const { interrupts } = probe.places;
    check.atLeast(count, interrupts + 1, 'interrupt indices');
    for (const index of [count, count + 1, 0xff, 0x100, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      refusesCall(context, check, {
        what: `index 0x${index.toString(16)}`,
        open: () => connect('connected'),
        flawed: (session) => infoAnswer(session, index),
        control: (session) => infoAnswer(session, interrupts),
        controlName: "the rings' index",
      });
    }
  },
});

export const shortArgsz = defineCase({
  id: 'vhost-mdev/interrupts/info-with-short-argsz-is-refused',
  title: 'VFIO_DEVICE_GET_IRQ_INFO with an argsz below 16 fails with EINVAL, and with more than 16 is answered',
  proves: { 'vm-irq/info-short-argsz-refused': 'mdev-short-argsz-of-interrupt-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, requirement } = context;
    const check = requirement('vm-irq/info-short-argsz-refused');
    for (const argsz of [0, 1, 4, 8, 12, 15]) {
      refusesCall(context, check, {
        what: `argsz ${argsz}`,
        open: () => connect('connected'),
        flawed: (session) => infoAnswer(session, session.places.interrupts, argsz),
        control: (session) => infoAnswer(session, session.places.interrupts, 16),
        controlName: 'argsz 16',
      });
    }
    const session = connect('connected');
    const { interrupts } = session.places;
    for (const argsz of [16, 17, 64, 0xffff_ffff]) {
      check.equal(infoAnswer(session, interrupts, argsz), 'taken', `argsz ${argsz}`);
    }
  },
});

export const otherIndices = defineCase({
  id: 'vhost-mdev/interrupts/other-indices-of-l1-have-no-vectors',
  title: 'the interrupt indices of layout L1 beside MSI-X have no vectors, or are not there',
  proves: { 'vm-irq/l1-other-indices-have-no-vectors': 'mdev-vector-of-every-index' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-irq/l1-other-indices-have-no-vectors');
    for (let index = 0; index < indexCount(session); index++) {
      if (index === session.places.interrupts) continue;
      const info = session.vfio.irqInfo(index);
      const told = typeof info === 'number' ? answerOf(info) : `${info.count} vectors`;
      check.oneOf(told, ['EINVAL', '0 vectors'], `interrupt index ${index}`);
    }
  },
});
