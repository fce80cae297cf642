import type { VhostUserSession } from '../../drivers/port/port.ts';
import {
  faultOfRequest,
  requestsWhileRunning,
} from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { defineCase } from '../case.ts';
import { DirtyPages, hex, missing, pagesOf, wholeLog, writeOverBoundary } from './dirty-pages.ts';
import type { LawfulRequest } from './lawful-requests.ts';
import { negotiationOf, pointsOf } from './request-answers.ts';
import { RingByHand } from './ring-by-hand.ts';
import { addressesOf, setAddresses } from './ring-messages.ts';

/** Messages that come while rings run (vhost-user, "Ring states", "Migration"). */

const transports = ['vhost-user'] as const;
const loggedRing = 1;
const logAll = 1n << 26n;

export const lateMessages = defineCase({
  id: 'vhost-user/optional/ring-runs-on-after-messages-that-come-late',
  title: 'a running ring serves requests on after each message that a front-end may send at that time',
  proves: {
    'vu-ring-state/settings-change-while-ring-runs': requestsWhileRunning.map((request) =>
      faultOfRequest(request, 'while-running-stops-rings'),
    ),
  },
  applies: { start: 'closed', transports, memory: 'single-region', ring: 'split' },
  run(context) {
    const { port, guest, connect, driverOf, ring, points, requirement } = context;
    const check = requirement('vu-ring-state/settings-change-while-ring-runs');
    const opened = (of: LawfulRequest): VhostUserSession => {
      const session = connect('connected');
      session.negotiate(negotiationOf(of, port.facts, 'not negotiated'));
      session.shareMemory(guest);
      return session;
    };
    points(pointsOf(context, check, runsOn), ({ key, of }) => {
      // What closes the connection while no ring runs as well says nothing of rings.
      const atRest = opened(of);
      of.before?.({ port, session: atRest, guest });
      const first = of.message({ port, session: atRest, guest }, 0);
      if (of.answer === 'own-reply') atRest.messages.exchange(first);
      else atRest.messages.send(first);
      check.presumes(atRest.messages.fence().kind !== 'closed', `${key} is taken while no ring runs`);
      atRest.close();
      const session = opened(of);
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      driver.warmUp(queue, { seed: 1 });
      const setting = { port, session, guest };
      of.before?.(setting);
      for (const time of [0, 1]) {
        const message = of.message(setting, time);
        if (of.answer === 'own-reply') check.reply(session.messages.exchange(message), `the reply to ${key}`);
        else session.messages.send(message);
        check.reply(session.messages.fence(), `GET_FEATURES behind ${key}`);
        check.equal(driver.once(queue, { seed: 2 + time }), undefined, `what is wrong with a request after ${key}`);
      }
    });
  },
});

const logOrders = {
  'log-first': ['log', 'features', 'addresses'],
  'log-last': ['features', 'addresses', 'log'],
  'features-last': ['addresses', 'log', 'features'],
} as const;

export const migration = defineCase({
  id: 'vhost-user/log/logging-begins-and-ends-while-rings-run',
  title:
    'while a ring runs SET_LOG_BASE, VHOST_F_LOG_ALL and its log flag come in any order: each request is served, and once all have come its pages are marked',
  proves: {
    'vu-log/logging-switched-while-running': ['late-log-all-ignored', 'late-log-base-ignored'],
    // Behind the other: what throws is a request that is not served.
    'vu-ring-state/settings-change-while-ring-runs': [
      'log-flag-stops-running-ring',
      'log-all-stops-running-ring',
      'log-base-stops-running-ring',
    ],
  },
  applies: {
    start: 'negotiated',
    transports,
    memory: 'single-region',
    negotiate: ['VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
    without: ['VHOST_F_LOG_ALL'],
    offers: ['VHOST_F_LOG_ALL'],
  },
  variants: { order: ['log-first', 'log-last', 'features-last'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const runs = requirement('vu-ring-state/settings-change-while-ring-runs');
    const marks = requirement('vu-log/logging-switched-while-running');
    const log = new DirtyPages(port, { size: wholeLog });
    const queue = driver.attach(ring({ size: 16 }));
    const features = session.negotiated.accepted.device;
    const tell = {
      log: () => runs.reply(log.tell(session), 'SET_LOG_BASE'),
      features: (isOn: boolean) =>
        session.messages.send({
          request: 'VHOST_USER_SET_FEATURES',
          payload: { u64: isOn ? features | logAll : features },
        }),
      addresses: (isOn: boolean) =>
        session.messages.send(
          setAddresses(queue.index, {
            ...addressesOf(queue.ring),
            flags: isOn ? loggedRing : 0,
            log: queue.ring.areas.device.guestAddress,
          }),
        ),
    };
    const writes = driver.writes(queue);
    const served = (what: string): void => {
      runs.reply(session.messages.fence(), `GET_FEATURES behind ${what}`);
      writes.ask();
      writes.written.waitForUsed(1);
      runs.equal(writes.problem, undefined, `what is wrong with a request after ${what}`);
    };
    served('the start');
    marks.equal(hex(log.marked()), '', 'pages that are marked before the log is told of');
    for (const what of logOrders[variant.order]) {
      tell[what](true);
      served(what);
    }
    const written = writeOverBoundary(driver, queue);
    marks.reply(session.messages.fence(), 'GET_FEATURES');
    marks.equal(hex(missing(pagesOf(written), log.marked())), '', 'pages that were written and are not marked, log on');
    tell.features(false);
    served('the features without LOG_ALL');
    tell.addresses(false);
    served('addresses without the log flag');
    log.clear();
    writeOverBoundary(driver, queue);
    marks.reply(session.messages.fence(), 'GET_FEATURES');
    marks.equal(hex(log.marked()), '', 'pages that are marked, log off');
  },
});

export const usedRingLoggedLate = defineCase({
  id: 'vhost-user/log/used-ring-is-logged-from-a-late-flag-on',
  title: 'the used ring of a running ring is marked from the SET_VRING_ADDR on that sets the log flag',
  proves: { 'vu-log/used-ring-writes-marked-with-ring-flag': 'ring-log-flag-fixed-at-start' },
  applies: {
    start: 'negotiated',
    transports,
    memory: 'single-region',
    negotiate: ['VHOST_USER_PROTOCOL_F_LOG_SHMFD', 'VHOST_F_LOG_ALL'],
    ring: 'split',
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/used-ring-writes-marked-with-ring-flag');
    const log = new DirtyPages(port, { size: wholeLog });
    check.reply(log.tell(session), 'SET_LOG_BASE');
    driver.companions();
    // A page of its own, so that no buffer marks it.
    const vring = ring({ size: 16, placement: { device: { at: 'region-end' } } });
    const hand = new RingByHand(port, session, vring, { index: driver.queueIndex });
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    for (const isLogged of [false, true]) {
      if (isLogged) {
        const log = vring.used.guestAddress;
        session.messages.send(setAddresses(hand.index, { ...addressesOf(vring), flags: loggedRing, log }));
        check.reply(session.messages.fence(), 'GET_FEATURES');
      }
      hand.makeAvailable(driver.request().segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `a chain ${isLogged ? 'behind' : 'before'} the flag`) === undefined) return;
    }
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const unmarked = missing(pagesOf(vring.used), log.marked());
    check.equal(hex(unmarked), '', 'pages of the used ring that are not marked behind the flag');
  },
});

/** That nothing is called once there is no call descriptor is a requirement of its own. */
const runsOn = ({ isLawfulWhileRunning, request, form }: LawfulRequest): boolean =>
  isLawfulWhileRunning === true && !(request === 'VHOST_USER_SET_VRING_CALL' && form === 'no-fd');
