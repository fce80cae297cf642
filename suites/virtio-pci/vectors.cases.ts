import type { DriverPort, VirtioPciSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { PCI_LAST_BAR, VIRTIO_MSI_NO_VECTOR, virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { CountedEvent } from '../counted-event.ts';
import { statusOf } from '../virtio/device-parts.ts';
import { breaks, field, fieldOf, msixCapability, queuesOf, tableSize, told } from './function.ts';

/** Vectors of MSI-X, and what is mapped to them (virtio 4.1.5.1.2, 4.1.5.3, 4.1.5.4). */

const transports = ['virtio-pci'] as const;
const noRing = { start: 'negotiated', transports, ring: 'none' } as const;
const none = VIRTIO_MSI_NO_VECTOR;
const mostVectors = 0x800;

const text = (vector: number): string => (vector === none ? 'NO_VECTOR' : String(vector));

function mapsConfiguration({ pci }: VirtioPciSession, check: Check, vector: number): void {
  told(check, pci.write('configMsixVector', vector), 'config_msix_vector');
  const read = told(check, pci.read('configMsixVector'), 'config_msix_vector');
  check.equal(text(read), text(vector), `config_msix_vector behind ${text(vector)}`);
}

function mapsQueue(session: VirtioPciSession, check: Check, queue: number, vector: number): void {
  told(check, session.pci.write('queueSelect', queue), 'queue_select');
  told(check, session.pci.write('queueMsixVector', vector), 'queue_msix_vector');
  const read = field(session, check, 'queueMsixVector');
  check.equal(text(read), text(vector), `queue_msix_vector of queue ${queue} behind ${text(vector)}`);
}

/** One event for every vector. */
function eventOfAll(port: DriverPort, session: VirtioPciSession, check: Check): CountedEvent {
  // MSI-X is enabled first, and configuration mapped.
  session.takeConfigInterrupts();
  const event = new CountedEvent(port);
  const events = Array.from({ length: tableSize(session, check) }, () => event.fd);
  check.presumes(session.vfio.setIrqEvents(vfioPci.MSIX_IRQ_INDEX, 0, events) >= 0, 'every vector gets an event');
  event.take();
  return event;
}

export const vectorCount = defineCase({
  id: 'virtio-pci/vectors/there-are-two-or-more',
  title: 'a device with MSI-X has 2 to 2048 vectors',
  proves: { 'pci/msi-x-vector-count': 'pci-one-vector' },
  applies: noRing,
  run({ session, requirement }) {
    const check = requirement('pci/msi-x-vector-count');
    const count = tableSize(session, check);
    check.atLeast(count, 2, 'vectors');
    check.atMost(count, mostVectors, 'vectors');
  },
});

interface BarRange {
  readonly what: string;
  readonly bar: number;
  readonly offset: number;
  readonly length: number;
}

/** Structures that lie in BARs, but for the window, whose place is the driver's. */
const { VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_PCI_CAP_DEVICE_CFG } = virtioPciCapabilities;

/** The MSI-X table and the bits of pending vectors lie in BARs that have room for them, and over nothing else. */
function hasRoom(session: VirtioPciSession, check: Check, vectors: number): void {
  const { pci, vfio } = session;
  const part = (what: string, at: number, length: number): BarRange => {
    const place = told(check, pci.readConfigSpace(msixCapability(session, check) + at, 4), `where ${what} lies`);
    return { what, bar: place % 8, offset: place - (place % 8), length };
  };
  const parts = [
    part('the MSI-X table', 4, 16 * vectors),
    part('the array of pending vectors', 8, 8 * Math.ceil(vectors / 64)),
  ];
  const structures = pci
    .structures()
    .filter(({ type }) => type >= VIRTIO_PCI_CAP_COMMON_CFG && type <= VIRTIO_PCI_CAP_DEVICE_CFG)
    .map((one): BarRange => ({ ...one, what: `the structure of type ${one.type}` }));
  for (const [n, { what, bar, offset, length }] of parts.entries()) {
    const region = bar > PCI_LAST_BAR ? 0 : vfio.regionInfo(bar);
    const size = typeof region === 'number' ? 0 : Number(region.size);
    check.atLeast(size, offset + length, `bytes of BAR ${bar}, in which ${what} has ${length} from ${offset} on`);
    const over = [...parts.slice(0, n), ...structures].filter(
      (other) => other.bar === bar && other.offset < offset + length && offset < other.offset + other.length,
    );
    check.equal(over.map((other) => other.what).join(', '), '', `what ${what} lies over`);
  }
}

export const tableIsAsTold = defineCase({
  id: 'virtio-pci/vectors/the-table-is-as-large-as-told',
  title: 'the table has room for as many vectors as the MSI-X table size tells, and the last of them can be mapped',
  proves: { 'pci/msi-x-table-size-states-vectors': ['pci-table-is-smaller-than-told', 'pci-table-lies-in-no-bar'] },
  applies: noRing,
  run({ session, requirement }) {
    const check = requirement('pci/msi-x-table-size-states-vectors');
    session.takeConfigInterrupts();
    const count = tableSize(session, check);
    hasRoom(session, check, count);
    mapsConfiguration(session, check, count - 1);
  },
});

export const anyVector = defineCase({
  id: 'virtio-pci/vectors/anything-is-mapped-to-any',
  title: 'configuration and each queue are mapped to each of the first vectors and to the last, and unmapped',
  proves: {
    'pci/events-map-to-any-vector': [
      'pci-queue-not-mapped-to-first-vector',
      'pci-configuration-has-first-vector-alone',
    ],
    'pci/events-can-be-unmapped': 'pci-queue-is-not-unmapped',
    'pci/vector-reads-back': 'pci-vector-reads-of-another',
  },
  applies: noRing,
  run({ session, requirement }) {
    const ofMapping = requirement('pci/events-map-to-any-vector');
    const ofUnmapping = requirement('pci/events-can-be-unmapped');
    const ofReading = requirement('pci/vector-reads-back');
    session.takeConfigInterrupts();
    const count = tableSize(session, ofMapping);
    const vectors = [...new Set([0, 1, 2, 3, count - 1])].filter((vector) => vector < count);
    const queues = queuesOf(session, ofMapping);
    for (const vector of vectors) {
      // Configuration makes room: no two events need have one vector here.
      mapsConfiguration(session, ofUnmapping, none);
      for (const queue of queues) {
        mapsQueue(session, ofMapping, queue, vector);
        const read = fieldOf(session, ofReading, queue, 'queueMsixVector');
        ofReading.oneOf(
          text(read),
          [vector, none].map(text),
          `queue_msix_vector of queue ${queue}, mapped to ${vector}`,
        );
        mapsQueue(session, ofUnmapping, queue, none);
      }
      mapsConfiguration(session, ofMapping, vector);
    }
  },
});

export const queueSignals = defineCase({
  id: 'virtio-pci/vectors/a-queue-signals-its-vector',
  title: 'a queue that is mapped to a vector signals that one for a used buffer, for each of the first vectors',
  proves: { 'pci/events-map-to-any-vector': 'pci-queue-not-mapped-to-first-vector' },
  applies: { start: 'closed', transports },
  run({ connect, driverOf, points, port, guest, ring, requirement }) {
    const check = requirement('pci/events-map-to-any-vector');
    const first = connect('connected');
    const count = Math.min(tableSize(first, check), 4);
    first.close();
    const all = Array.from({ length: count }, (_, vector) => ({ key: `vector ${vector}`, vector }));
    points(all, ({ key, vector }) => {
      const session = connect('negotiated');
      const driver = driverOf(session, guest);
      session.useVector(driver.queueIndex, vector);
      const queue = driver.attach(ring({ size: 16 }));
      driver.warmUp(queue);
      const isCalled = queue.calls() > 0 || queue.waitForCalls(1, seenWithinMs(port));
      check.holds(isCalled, `signals of ${key} for a request`, { expected: 'at least 1', actual: '0' });
    });
  },
});

export const sharedVector = defineCase({
  id: 'virtio-pci/vectors/one-is-shared-by-all',
  title: 'configuration and all queues are mapped to one vector',
  proves: { 'pci/mapping-does-not-fail-without-need': 'pci-vectors-are-not-shared' },
  applies: noRing,
  run({ session, requirement }) {
    const check = requirement('pci/mapping-does-not-fail-without-need');
    session.takeConfigInterrupts();
    mapsConfiguration(session, check, 0);
    for (const queue of queuesOf(session, check).reverse()) mapsQueue(session, check, queue, 0);
    check.equal(text(field(session, check, 'configMsixVector')), text(0), 'config_msix_vector behind all of them');
  },
});

export const unmappedAfterReset = defineCase({
  id: 'virtio-pci/vectors/nothing-is-mapped-behind-a-reset',
  title: 'behind a reset of the device configuration and all queues read NO_VECTOR',
  proves: { 'pci/events-unmapped-after-reset': 'pci-events-stay-mapped' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('pci/events-unmapped-after-reset');
    driver.attach(ring({ size: 16 }));
    session.run();
    const mapped = fieldOf(session, check, driver.queueIndex, 'queueMsixVector');
    check.presumes(mapped !== none, 'a queue that runs is mapped to a vector');
    check.granted(statusOf(session).set(0), 'the reset');
    check.equal(text(field(session, check, 'configMsixVector')), text(none), 'config_msix_vector');
    for (const queue of queuesOf(session, check)) {
      const vector = fieldOf(session, check, queue, 'queueMsixVector');
      check.equal(text(vector), text(none), `queue_msix_vector of queue ${queue}`);
    }
  },
});

export const unmappedQueue = defineCase({
  id: 'virtio-pci/vectors/a-queue-without-one-signals-none',
  title: 'with MSI-X, a queue that is mapped to no vector signals none for used buffers',
  proves: { 'pci/unmapped-queue-not-interrupted': 'pci-unmapped-queue-interrupts' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('pci/unmapped-queue-not-interrupted');
    const event = eventOfAll(port, session, check);
    const queue = driver.attach(ring({ size: 16 }), { call: false });
    const mapped = fieldOf(session, check, driver.queueIndex, 'queueMsixVector');
    check.presumes(mapped === none, 'the queue is mapped to no vector');
    // Its configuration may change meanwhile.
    mapsConfiguration(session, check, none);
    event.take();
    for (let n = 0; n < 3; n++) driver.warmUp(queue);
    port.until(() => false, seenWithinMs(port));
    session.fence();
    check.equal(event.take(), 0, 'signals of any vector for 3 requests');
  },
});

export const unmappedConfiguration = defineCase({
  id: 'virtio-pci/vectors/configuration-without-one-signals-none',
  title: 'with MSI-X, configuration that is mapped to no vector signals none when the device shows DEVICE_NEEDS_RESET',
  proves: { 'pci/unmapped-config-not-interrupted': 'pci-unmapped-configuration-interrupts' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('pci/unmapped-config-not-interrupted');
    const event = eventOfAll(port, session, check);
    const queue = driver.attach(ring({ size: 16 }), { call: false });
    driver.warmUp(queue);
    mapsConfiguration(session, check, none);
    event.take();
    if (!breaks(port, session, queue, () => queue.driver.addHead(queue.ring.size + 5))) {
      check.inconclusive('a head out of range does not have the device show DEVICE_NEEDS_RESET');
      return;
    }
    port.until(() => false, seenWithinMs(port));
    session.fence();
    check.equal(event.take(), 0, 'signals of any vector');
  },
});

export const unmappedChange = defineCase({
  id: 'virtio-pci/vectors/a-change-without-one-signals-none',
  title:
    'with MSI-X, configuration that is mapped to no vector signals none when it changes from outside, and one once mapped',
  proves: { 'pci/unmapped-config-not-interrupted': 'pci-unmapped-configuration-interrupts' },
  applies: { start: 'negotiated', transports, devices: ['block', 'net'], needs: ['changes-config'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('pci/unmapped-config-not-interrupted');
    const event = eventOfAll(port, session, check);
    driver.attach(ring({ size: 16 }));
    mapsConfiguration(session, check, none);
    session.run();
    check.presumes(port.operator !== undefined, 'the configuration can be changed from here');
    event.take();
    port.operator?.changeConfig();
    port.until(() => false, seenWithinMs(port));
    session.fence();
    check.equal(event.take(), 0, 'signals of any vector for a change');
    mapsConfiguration(session, check, 0);
    // The second change takes back the first: cases that follow know the device as it was.
    port.operator?.changeConfig();
    check.presumes(event.wait() > 0, 'a change is signalled once configuration is mapped');
  },
});
