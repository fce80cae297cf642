import type { VirtioPciSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { statusOf } from '../virtio/device-parts.ts';
import { staysQuiet } from '../virtio/quiet-ring.ts';
import { serves } from '../virtio/service.ts';
import { field, fieldOf, queuesOf, told } from './function.ts';

/** Queues that are reset alone (virtio 2.6.1, 4.1.4.3). */

const applies = { start: 'negotiated', transports: ['virtio-pci'], negotiate: ['VIRTIO_F_RING_RESET'] } as const;
/** Reads behind the first that shows the reset done. */
const readsBehind = 8;

const resets = (session: VirtioPciSession, check: Check, queue: number): boolean =>
  check.accepted(session.resetQueue(queue), `queue_reset of queue ${queue} reads 0 within the deadline`);

export const fieldsBehind = defineCase({
  id: 'virtio-pci/queue-reset/fields-are-as-at-first',
  title: 'behind the reset of a queue queue_reset and queue_enable read 0, and queue_size what it was at first',
  proves: {
    'pci/queue-reset-and-enable-zero-when-done': 'pci-queue-reset-leaves-enable',
    'pci/queue-reset-one-resets-queue': 'pci-queue-reset-leaves-size',
  },
  applies,
  run({ session, driver, ring, requirement }) {
    const ofDone = requirement('pci/queue-reset-and-enable-zero-when-done');
    const ofReset = requirement('pci/queue-reset-one-resets-queue');
    const { queueIndex } = driver;
    const largest = fieldOf(session, ofReset, queueIndex, 'queueSize');
    driver.attach(ring({ size: 16 }));
    session.run();
    if (!resets(session, ofReset, queueIndex)) return;
    ofDone.equal(fieldOf(session, ofDone, queueIndex, 'queueReset'), 0, 'queue_reset when it is done');
    ofDone.equal(fieldOf(session, ofDone, queueIndex, 'queueEnable'), 0, 'queue_enable when it is done');
    ofReset.equal(fieldOf(session, ofReset, queueIndex, 'queueSize'), largest, 'queue_size behind the reset');
  },
});

export const progress = defineCase({
  id: 'virtio-pci/queue-reset/one-until-it-is-done',
  title: 'queue_reset reads 1 until the reset of a queue is done, and 0 from then on',
  proves: { 'pci/queue-reset-one-while-in-progress': 'pci-queue-reset-shown-done-early' },
  applies,
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('pci/queue-reset-one-while-in-progress');
    const { queueIndex } = driver;
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    // Work that the reset meets.
    queue.makeAvailable([1, 2, 3, 4].map((seed) => driver.request({ seed }).segments));
    queue.kick();
    told(check, session.pci.write('queueSelect', queueIndex), 'queue_select');
    told(check, session.pci.write('queueReset', 1), 'queue_reset');
    const before: number[] = [];
    let isDone = false;
    const look = (): boolean => {
      const value = isDone ? 0 : field(session, check, 'queueReset');
      if (value !== 0) before.push(value);
      isDone = value === 0;
      return isDone;
    };
    if (!check.equal(port.until(look, port.deadlineMs), 'true', 'queue_reset reads 0 within the deadline')) return;
    check.sameSequence(
      [...new Set(before)].filter((value) => value !== 1),
      [],
      'what it reads before that, but for 1',
    );
    const behind = Array.from({ length: readsBehind }, () => field(session, check, 'queueReset'));
    check.sameSequence(
      behind,
      behind.map(() => 0),
      'what it reads behind that',
    );
  },
});

export const noWork = defineCase({
  id: 'virtio-pci/queue-reset/no-work-behind-it',
  title:
    'behind the reset of a queue no chain of its ring is used and no call comes for it, while another queue is served',
  proves: { 'queue-reset/no-work-after-queue-reset': 'pci-reset-queue-is-served' },
  applies,
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('queue-reset/no-work-after-queue-reset');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    if (!resets(session, check, driver.queueIndex)) return;
    staysQuiet(port, session, queue, check, driver.request({ seed: 2 }).segments, 'behind the reset of the queue');
  },
});

export const defaults = defineCase({
  id: 'virtio-pci/queue-reset/the-next-ring-begins-at-its-start',
  title: 'a queue that was reset after some chains and enabled with a fresh ring begins at the start of that',
  proves: { 'queue-reset/queue-state-returns-to-defaults': 'pci-reset-queue-goes-on' },
  applies,
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('queue-reset/queue-state-returns-to-defaults');
    const first = driver.attach(ring({ size: 16 }));
    for (let n = 0; n < 3; n++) driver.warmUp(first);
    if (!resets(session, check, driver.queueIndex)) return;
    serves({ port, driver }, check, driver.attach(ring({ size: 16 })), 'the first request on the next ring');
  },
});

export const newSettings = defineCase({
  id: 'virtio-pci/queue-reset/the-next-ring-has-another-size',
  title:
    'a queue that was reset and enabled with a ring of another size and place serves twice as many chains as that has',
  proves: { 'queue-reset/re-enabled-queue-uses-new-settings': 'pci-reset-queue-keeps-to-largest-size' },
  applies,
  variants: { sizes: ['16, then 4', '4, then 16'] },
  run({ session, port, driver, ring, variant, requirement }) {
    const check = requirement('queue-reset/re-enabled-queue-uses-new-settings');
    const [before = 0, after = 0] = variant.sizes === '16, then 4' ? [16, 4] : [4, 16];
    driver.warmUp(driver.attach(ring({ size: before })));
    if (!resets(session, check, driver.queueIndex)) return;
    const queue = driver.attach(ring({ size: after }));
    for (let n = 1; n <= 2 * after; n++) {
      if (!serves({ port, driver }, check, queue, `request ${n} on a ring of ${after}`)) return;
    }
  },
});

export const zeroWhenEnabled = defineCase({
  id: 'virtio-pci/queue-reset/zero-once-enabled',
  title: 'queue_reset reads 0 of a queue that is enabled, for the first time and behind its reset',
  proves: { 'pci/queue-reset-zero-after-enable': 'pci-queue-reset-reads-one-when-enabled' },
  applies,
  run({ session, driver, ring, requirement }) {
    const check = requirement('pci/queue-reset-zero-after-enable');
    for (const when of ['for the first time', 'behind its reset']) {
      driver.attach(ring({ size: 16 }));
      session.run();
      check.equal(fieldOf(session, check, driver.queueIndex, 'queueReset'), 0, `queue_reset once enabled ${when}`);
      if (when === 'for the first time' && !resets(session, check, driver.queueIndex)) return;
    }
  },
});

export const zeroAfterReset = defineCase({
  id: 'virtio-pci/queue-reset/zero-behind-a-reset-of-the-device',
  title: 'queue_reset of each queue reads 0 behind a reset of the device, of a queue that had been reset as well',
  proves: { 'pci/queue-reset-zero-after-reset': 'pci-queue-reset-reads-one-after-reset' },
  applies,
  run({ session, driver, ring, requirement }) {
    const check = requirement('pci/queue-reset-zero-after-reset');
    driver.attach(ring({ size: 16 }));
    session.run();
    if (!resets(session, check, driver.queueIndex)) return;
    const { accepted } = session.negotiated;
    check.granted(statusOf(session).set(0), 'the reset of the device');
    // The field is there once VIRTIO_F_RING_RESET is accepted again.
    session.negotiate({ device: accepted.device });
    for (const queue of queuesOf(session, check)) {
      check.equal(fieldOf(session, check, queue, 'queueReset'), 0, `queue_reset of queue ${queue}`);
    }
  },
});
