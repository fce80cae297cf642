import { defineCase } from '../case.ts';
import { growsNot } from '../resource-growth.ts';
import { channelFeatures, serveBackEnd, servedQueue } from './back-end-messages.ts';
import { restarts } from './ring-restarts.ts';

/** What a back-end holds of things that it makes at the start of a ring, to pass them to its front-end. */

const passedAtStart = {
  'host-notifiers': 'VHOST_USER_PROTOCOL_F_HOST_NOTIFIER',
  'shared-objects': 'VHOST_USER_PROTOCOL_F_SHARED_OBJECT',
  'shared-memory': 'VHOST_USER_PROTOCOL_F_SHMEM',
} as const;
type Passed = keyof typeof passedAtStart;

const applies = { transports: ['vhost-user'], needs: ['resources'] } as const;
const negotiated = (what: Passed) => [...channelFeatures, passedAtStart[what]] as const;

const restartedWith = (what: Passed) =>
  defineCase({
    id: `vhost-user/growth/restarted-ring-with-${what}-holds-nothing-more`,
    title: `with ${passedAtStart[what]} a ring that is stopped and set up anew leaves no more descriptors and mappings`,
    proves: {
      'vu-fds/repeated-request-holds-nothing-more': ['restarted-ring-leaks-descriptor', 'restarted-ring-leaks-mapping'],
    },
    // A network device may hold back transmit buffers while frames wait for a receive buffer.
    applies: { ...applies, start: 'negotiated', devices: ['block', 'entropy'], negotiate: negotiated(what) },
    run(context) {
      const check = context.requirement('vu-fds/repeated-request-holds-nothing-more');
      const { port, session } = context;
      serveBackEnd(session, check);
      const lives = restarts(context, check);
      let seen = 0;
      growsNot(port, check, 'descriptors and mappings held after a ring was stopped and set up anew', () => {
        lives(1);
        const passed = session.messages.backEndRequests.slice(seen);
        seen += passed.length;
        for (const fd of passed.flatMap(({ descriptors }) => descriptors)) port.descriptors.close(fd);
      });
    },
  });

export const restartedWithNotifiers = restartedWith('host-notifiers');
export const restartedWithObjects = restartedWith('shared-objects');
export const restartedWithMemory = restartedWith('shared-memory');

const endedWith = (what: Passed) =>
  defineCase({
    id: `vhost-user/growth/connections-with-${what}-leave-nothing`,
    title: `with ${passedAtStart[what]} connections that end with a ring running leave no descriptors and mappings`,
    proves: { 'vu-reconnect/dead-connection-resources-released': 'descriptors-outlive-connection' },
    applies: { ...applies, start: 'closed', negotiate: negotiated(what) },
    run({ port, connect, guest, driverOf, ring, requirement }) {
      const check = requirement('vu-reconnect/dead-connection-resources-released');
      growsNot(port, check, 'descriptors and mappings held after connections with running rings', () => {
        const mark = guest.mark();
        const session = connect('negotiated');
        serveBackEnd(session, check);
        servedQueue({ driver: driverOf(session), ring });
        session.close();
        guest.release(mark);
      });
    },
  });

export const endedWithNotifiers = endedWith('host-notifiers');
export const endedWithObjects = endedWith('shared-objects');
export const endedWithMemory = endedWith('shared-memory');
