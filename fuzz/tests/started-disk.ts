import type { DriverPort, VhostUserSession } from '../../drivers/port/port.ts';
import type { Target } from '../../drivers/target.ts';
import { openSocketTarget } from '../../drivers/vhost-user/open-socket-target.ts';
import { firstContacts } from '../../judging/first-contact.ts';

export interface StartedDisk {
  readonly port: DriverPort<VhostUserSession>;
  readonly offer: Extract<ReturnType<typeof firstContacts>, { kind: 'served' }>['offer'];
}

/** Starts a back-end that is a disk, in a directory of its own below `runDirectory`, and asks it for a first transfer. */
export function startedDisk(
  command: string,
  words: readonly string[],
  workload: Target['facts']['workload'],
  runDirectory: string,
): StartedDisk {
  const port = openSocketTarget(
    {
      reach: { via: 'unix-socket', socket: 'disk.sock' },
      recovery: ['reconnect', 'restart'],
      facts: {
        transport: 'vhost-user',
        capabilities: [],
        ownedBy: {},
        requiredFeatures: [],
        deadlineScale: 1,
        name: 'disk',
        device: 'block',
        identity: command,
        workload,
      },
      start: { command, arguments: words, readyWithinMs: 120_000 },
    },
    { runDirectory },
  );
  const contact = firstContacts(port);
  if (contact.kind === 'served') return { port, offer: contact.offer };
  port.close();
  throw new Error(contact.why);
}
