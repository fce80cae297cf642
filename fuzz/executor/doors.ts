import {
  DriverUsageError,
  type Session,
  type VhostMdevSession,
  type VhostUserSession,
  type VhostVdpaSession,
  type VirtioPciSession,
} from '../../drivers/port/port.ts';
import type { TransportDoor } from './transport-door.ts';
import { VhostMdevDoor } from './vhost-mdev-door.ts';
import { VhostUserDoor } from './vhost-user-door.ts';
import { VhostVdpaDoor } from './vhost-vdpa-door.ts';
import { VirtioPciDoor } from './virtio-pci-door.ts';

export const isVhostUser = (session: Session): session is VhostUserSession => 'messages' in session;
const isVhostVdpa = (session: Session): session is VhostVdpaSession => 'calls' in session;
export const isVirtioPci = (session: Session): session is VirtioPciSession => 'pci' in session;
const isVhostMdev = (session: Session): session is VhostMdevSession => 'channel' in session;

/** Whether the memory of the session is not told to the device, but mapped into its container. */
export const isMappedByContainer = (session: Session): boolean =>
  isVhostVdpa(session) || isVirtioPci(session) || (isVhostMdev(session) && session.places.memory === 'container');

/** The door of the session's transport. @throws DriverUsageError for a transport that has none. */
export function doorOf(session: Session): TransportDoor {
  if (isVhostUser(session)) return new VhostUserDoor(session);
  if (isVhostMdev(session)) return new VhostMdevDoor(session);
  if (isVhostVdpa(session)) return new VhostVdpaDoor(session);
  if (isVirtioPci(session)) return new VirtioPciDoor(session);
  throw new DriverUsageError('the transport of this session has no raw door');
}
