import type { DriverPort, VhostMdevSession } from '../../drivers/port/port.ts';
import { encodeMdevMessage } from '../../reference-impl/wire/mdev-messages.ts';
import { defineCase } from '../case.ts';
import { CountedEvent } from '../counted-event.ts';
import { servesAfresh } from '../virtio/running-queue.ts';
import { serves } from '../virtio/service.ts';
import { getBase, ringCount, setSize, setState } from './ring-messages.ts';
import { setEvents } from './vectors.ts';

/** Opening a device (docs/VHOST-MDEV.md, strict): one user at a time, each with a device as it was made. */

const transports = ['vhost-mdev'] as const;
const cycles = 200;
const answerLength = 24;

const askFeatures = encodeMdevMessage('VHOST_GET_FEATURES', new Uint8Array());

/** The result of one more open; nothing stays open, and the device gets no message. */
function openAgain(port: DriverPort<VhostMdevSession>): string {
  const opened = port.connect();
  if (opened.kind === 'refused') return opened.why;
  opened.session.abandon();
  return 'opened';
}

export const secondOpen = defineCase({
  id: 'vhost-mdev/open/second-open-is-busy',
  title: 'a device that is open is not opened a second time: EBUSY, stopped and running, until it is closed',
  proves: { 'vm-life/second-open-is-busy': 'mdev-opens-again' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-life/second-open-is-busy');
    const isBusy = (when: string): void => {
      const why = openAgain(port);
      check.holds(/\bEBUSY\b/.test(why), `a second open ${when}`, { expected: 'EBUSY', actual: why });
    };
    isBusy('of a device that was told of nothing');
    driver.warmUp(driver.attach(ring({ size: 16 })));
    isBusy('of a device that runs');
    setState(session, 0);
    isBusy('of a device that was stopped');
    session.close();
    check.equal(openAgain(port), 'opened', 'an open once it is closed');
  },
});

export const refusedOpen = defineCase({
  id: 'vhost-mdev/open/refused-open-disturbs-nobody',
  title: 'opens that are refused leave rings running, event descriptors armed and the answer that waits',
  proves: {
    'vm-life/refused-open-disturbs-nobody': [
      'mdev-refused-open-stops-device',
      'mdev-refused-open-takes-answer',
      'mdev-refused-open-drops-descriptors',
    ],
  },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-life/refused-open-disturbs-nobody');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    driver.warmUp(queue);
    session.channel.send(askFeatures);
    for (let time = 0; time < 3; time++) openAgain(port);
    const answer = session.channel.receive(answerLength);
    check.equal(typeof answer === 'number' ? answer : answer.length, answerLength, 'bytes of the answer that waited');
    event.take();
    if (!serves({ port, driver }, check, queue, 'a request on the ring that ran', { seed: 2 })) return;
    check.holds(event.wait() > 0, 'signals for it', { expected: 'at least 1', actual: '0' });
  },
});

export const manyCycles = defineCase({
  id: 'vhost-mdev/open/two-hundred-opens-and-closes',
  title: 'a device that was opened and closed two hundred times is opened once more and serves',
  proves: { 'vm-life/open-again-after-close': 'mdev-hundredth-idle-open-is-busy' },
  applies: { start: 'closed', transports },
  run(context) {
    const { port, requirement } = context;
    const check = requirement('vm-life/open-again-after-close');
    for (let cycle = 1; cycle <= cycles; cycle++) {
      if (!check.equal(openAgain(port), 'opened', `open ${cycle}`)) return;
    }
    servesAfresh(context, check, `after ${cycles} opens and closes`);
  },
});

export const asMade = defineCase({
  id: 'vhost-mdev/open/opened-device-is-as-made',
  title: 'a device whose user before went while it ran is stopped when it is opened, and knows no base of a ring',
  proves: { 'vm-life/opened-device-is-as-made': ['mdev-runs-again-when-reopened', 'mdev-close-keeps-bases'] },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, connect, driver, ring, requirement }) {
    const check = requirement('vm-life/opened-device-is-as-made');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed });
    session.abandon();
    const next = connect('connected');
    for (let index = 0; index < ringCount(next); index++) {
      check.equal(setSize(next, index, 16), 'taken', `a size for ring ${index}, as of a device that is stopped`);
      check.equal(getBase(next, index), 0, `base of ring ${index}`);
    }
  },
});
