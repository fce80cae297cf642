import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import type { Guest, GuestRing, Session, TargetFacts } from '../../../drivers/port/port.ts';
import type { Applies, RingRequest } from '../../case.ts';
import type { Check } from '../../check.ts';
import { VsockClient } from './vsock-client.ts';

/** What the cases on sockets share: what they need, and the client on a session. */

const applies = {
  start: 'negotiated',
  devices: ['vsock'],
  needs: ['device.config'],
} as const satisfies Applies;

/** The same where the host has a socket that gives back what it receives. */
export const withEcho = {
  ...applies,
  when: [
    {
      holds: ({ echoPort }: TargetFacts): boolean => echoPort !== undefined,
      missing: 'a socket of the host that gives back what it receives (echoPort of the target)',
    },
  ],
} as const satisfies Applies;

/** The port of that socket. */
export const echoPortOf = ({ echoPort = 0 }: TargetFacts): number => echoPort;

/** A port of the host at which no socket listens. */
export const closedPortOf = ({ echoPort = 1023 }: TargetFacts): number => echoPort + 1;

interface Context {
  readonly session: Session;
  readonly driver: DeviceDriver;
  readonly guest: Guest;
  ring(request: RingRequest): GuestRing;
}

const ringSize = 64;

/** Both queues run; the receive queue has buffers unless told. @throws CaseEnded where there is no CID */
export function clientOn({ session, driver, guest, ring }: Context, check: Check, hasBuffers = true): VsockClient {
  const client = new VsockClient({ session, driver, guest, tx: driver.attach(ring({ size: ringSize })) }, check);
  if (hasBuffers) client.giveBuffers();
  return client;
}
