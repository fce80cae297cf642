import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { Guest, Queue } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { servedBeside } from '../premise.ts';
import { growsNot, memoryGrowsNot } from '../resource-growth.ts';
import { restarts } from './ring-restarts.ts';

/** What a back-end holds over requests that it serves, over toggles of a ring that runs, and over connections. */

const transports = ['vhost-user'] as const;
const applies = { start: 'negotiated', transports, needs: ['resources'] } as const;
/** A network device may hold back transmit buffers while frames wait for a receive buffer. */
const devices = ['block', 'entropy'] as const;
const size = 16;
const batch = 128;
/** Each is acknowledged: on a busy machine that takes milliseconds, where a ring's lock is held by a thread that waits. */
const togglesOfBatch = 32;
const livesOfBatch = 16;
const connectionsOfBatch = 16;

/** Requests one after the other, in memory that is ours again afterwards. */
function servesBatch(driver: DeviceDriver, guest: Guest, queue: Queue): void {
  const mark = guest.mark();
  for (let seed = 1; seed <= batch; seed++) driver.warmUp(queue, { seed });
  guest.release(mark);
}

export const servedRequests = defineCase({
  id: 'vhost-user/growth/served-requests-hold-nothing-more',
  title: 'a thousand requests that are served leave no more descriptors, mappings and memory than before',
  proves: {
    'vu-fds/served-requests-hold-nothing-more': ['served-requests-leak-descriptors', 'served-requests-leak-mappings'],
  },
  applies: { ...applies, devices },
  run({ port, guest, driver, ring, requirement }) {
    const check = requirement('vu-fds/served-requests-hold-nothing-more');
    const queue = driver.attach(ring({ size }));
    const body = (): void => servesBatch(driver, guest, queue);
    growsNot(port, check, `descriptors and mappings held after repeating ${batch} requests`, body);
    memoryGrowsNot(port, check, `memory after repeating ${batch} requests`, body);
  },
});

export const sameHead = defineCase({
  id: 'vhost-user/growth/same-head-shown-again-holds-nothing-more',
  title: 'one head that is shown again a thousand times, each time once it was used, leaves no more held than before',
  proves: {
    'vu-fds/served-requests-hold-nothing-more': ['served-requests-leak-descriptors', 'served-requests-leak-mappings'],
  },
  applies: { ...applies, devices, ring: 'split' },
  unwatched: 'it writes the available ring itself',
  run({ port, driver, ring, requirement }) {
    const check = requirement('vu-fds/served-requests-hold-nothing-more');
    const queue = driver.attach(ring({ size }), { kicks: 'always' });
    const head = Number(queue.driver.add(driver.request().segments));
    let shown = 1;
    const isServed = (): boolean => queue.ring.usedIdx() === (shown & 0xffff);
    const show = (): void => {
      queue.driver.publish();
      queue.kick();
      check.presumes(port.until(isServed, port.deadlineMs) === 'true', 'a head that is shown again is served');
    };
    show();
    const body = (): void => {
      for (let n = 0; n < batch; n++) {
        queue.driver.addHead(head);
        shown++;
        show();
      }
    };
    growsNot(port, check, 'descriptors and mappings held after a head was shown again', body);
    memoryGrowsNot(port, check, 'memory after a head was shown again', body);
  },
});

export const toggledRing = defineCase({
  id: 'vhost-user/growth/toggled-ring-holds-nothing-more',
  title: 'a ring that runs and is disabled and enabled hundreds of times leaves no more descriptors and memory',
  proves: {
    'vu-fds/repeated-request-holds-nothing-more': ['disabled-ring-leaks-descriptor', 'disabled-ring-leaks-mapping'],
  },
  applies: { ...applies, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-fds/repeated-request-holds-nothing-more');
    const queue = driver.attach(ring({ size }));
    const toggled = (times: number): void => {
      const mark = guest.mark();
      for (let n = 0; n < times; n++) {
        queue.setEnabled(false);
        queue.setEnabled(true);
      }
      driver.warmUp(queue);
      check.reply(session.messages.fence(), 'GET_FEATURES behind SET_VRING_ENABLE');
      guest.release(mark);
    };
    growsNot(port, check, 'descriptors and mappings held after a ring was toggled', () => toggled(2));
    memoryGrowsNot(port, check, 'memory after a ring was toggled', () => toggled(togglesOfBatch));
  },
});

export const restartedRing = defineCase({
  id: 'vhost-user/growth/restarted-ring-holds-nothing-more',
  title: 'a ring that is stopped and set up anew hundreds of times leaves no more descriptors, mappings and memory',
  proves: {
    'vu-fds/repeated-request-holds-nothing-more': ['restarted-ring-leaks-descriptor', 'restarted-ring-leaks-mapping'],
  },
  applies: { ...applies, devices },
  run(context) {
    const check = context.requirement('vu-fds/repeated-request-holds-nothing-more');
    const { port } = context;
    const lives = restarts(context, check);
    growsNot(port, check, 'descriptors and mappings held after a ring was stopped and set up anew', () => lives(1));
    memoryGrowsNot(port, check, 'memory after a ring was stopped and set up anew', () => lives(livesOfBatch));
  },
});

export const indirectRequests = defineCase({
  id: 'vhost-user/growth/served-indirect-tables-hold-nothing-more',
  title: 'a thousand requests in indirect tables leave no more descriptors, mappings and memory than before',
  proves: {
    'vu-fds/served-requests-hold-nothing-more': ['served-requests-leak-descriptors', 'served-requests-leak-mappings'],
  },
  applies: { ...applies, devices, negotiate: ['VIRTIO_F_INDIRECT_DESC'] },
  run({ port, guest, driver, ring, requirement }) {
    const check = requirement('vu-fds/served-requests-hold-nothing-more');
    const queue = driver.attach(ring({ size }), { indirect: true });
    const body = (): void => {
      const mark = guest.mark();
      for (let seed = 1; seed <= batch; seed++) {
        queue.makeAvailable([driver.request({ seed }).segments], { indirect: 'all' });
        servedBeside(queue, () => queue.kickAndWaitForUsed(1));
      }
      guest.release(mark);
    };
    growsNot(port, check, `descriptors and mappings held after repeating ${batch} requests in tables`, body);
    memoryGrowsNot(port, check, `memory after repeating ${batch} requests in tables`, body);
  },
});

export const connections = defineCase({
  id: 'vhost-user/growth/connections-take-no-more-memory',
  title: 'the memory of a back-end does not grow without end over hundreds of connections that serve a request',
  proves: { 'vu-reconnect/dead-connection-resources-released': 'memory-outlives-connection' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, guest, driverOf, ring, requirement }) {
    const check = requirement('vu-reconnect/dead-connection-resources-released');
    memoryGrowsNot(port, check, 'memory after connections that ended with a ring running', () => {
      for (let n = 0; n < connectionsOfBatch; n++) {
        const mark = guest.mark();
        const session = connect('negotiated');
        const driver = driverOf(session);
        driver.warmUp(driver.attach(ring({ size })));
        session.close();
        guest.release(mark);
      }
    });
  },
});
