import type { Guest, PageServer, VhostUserSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { type CaseContext, defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { growsNot } from '../resource-growth.ts';
import { advised, listening, memoryShared, nextFault, postcopyApplies, tableTold } from './postcopy.ts';

/** Connections that end while memory arrives (vhost-user, "VHOST_USER_POSTCOPY_ADVISE" and those behind it). */

const stages = ['advised', 'listening', 'bases-told', 'acknowledged', 'page-missing'] as const;

type Running = Pick<CaseContext<never, Record<never, never>, VhostUserSession>, 'port' | 'driverOf' | 'ring'>;

/** A request in a page that is missing waits for it. */
function waitsForPage(
  { port, driverOf, ring }: Running,
  session: VhostUserSession,
  check: Check,
  server: PageServer,
  guest: Guest,
): void {
  const late = port.createGuest(guestLayouts['crossing-4gib']);
  memoryShared({ port, session }, check, server, guest, late);
  const mark = guest.mark();
  const driver = driverOf(session, guest);
  const queue = driver.attach(ring({ guest, size: 16 }));
  driver.warmUp(queue);
  const { segments } = driverOf(session, late).request();
  for (const region of late.regions) server.withhold(region);
  server.hold(late.regions);
  const fault = nextFault(server, late);
  queue.makeAvailable([segments]);
  queue.kick();
  const isWaiting = port.until(() => fault() !== undefined, port.deadlineMs) === 'true';
  check.presumes(isWaiting, 'a request in a missing page has a page fault');
  guest.release(mark);
}

export const leaveNothing = defineCase({
  id: 'vhost-user/postcopy/connections-that-end-leave-nothing',
  title: 'connections that end at any point of postcopy leave no descriptors and mappings',
  proves: {
    'vu-reconnect/dead-connection-resources-released': ['descriptors-outlive-connection', 'memory-outlives-connection'],
  },
  applies: { ...postcopyApplies, start: 'closed', needs: ['resources'] },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-reconnect/dead-connection-resources-released');
    const guest = port.createGuest(guestLayouts['single-region']);
    const comesTo = (stage: (typeof stages)[number]): void => {
      const session = connect('negotiated');
      const setting = { port, session };
      const server = stage === 'advised' ? advised(setting, check) : listening(setting, check);
      if (server === undefined) return;
      switch (stage) {
        case 'advised':
        case 'listening':
          break;
        case 'bases-told':
          tableTold(setting, check, server, guest);
          break;
        case 'acknowledged':
          memoryShared(setting, check, server, guest);
          break;
        case 'page-missing':
          waitsForPage(context, session, check, server, guest);
          break;
      }
      session.close();
    };
    points(
      stages.map((stage) => ({ key: stage, stage })),
      ({ key, stage }) => {
        const what = `descriptors and mappings held after connections that ended ${key}`;
        growsNot(port, check, what, () => comesTo(stage));
      },
    );
  },
});
