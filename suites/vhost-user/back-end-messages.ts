import type { DriverPort, ReceivedMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { isSeen } from '../../judging/deadline.ts';
import type { FeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import { type BackEndMessageName, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { CaseContext } from '../case.ts';
import type { Check } from '../check.ts';
import { payloadOf } from './words.ts';

/** What a back-end asks of its front-end (vhost-user, "Back-end message types"). */

export const channelFeatures = [
  'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
  'VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD',
] as const satisfies readonly FeatureName[];

/** Those that came so far, of one kind. */
export const backEndMessages = (session: VhostUserSession, name: BackEndMessageName): ReceivedMessage[] =>
  session.messages.backEndRequests.filter(({ request }) => request === requestId[name]);

/** The back-end has a channel, and whatever it asks for is said to be done. */
export const serveBackEnd = (session: VhostUserSession, check: Check): void =>
  check.granted(session.messages.openBackEndChannel({ kind: 'serve' }), 'SET_BACKEND_REQ_FD');

const uuidBytes = 16;

/** The UUID of SHARED_OBJECT_ADD, _REMOVE and _LOOKUP. @throws PeerProtocolError where it is cut short. */
export function uuidOf(message: ReceivedMessage): Uint8Array {
  payloadOf(message, uuidBytes);
  return message.payload.subarray(0, uuidBytes);
}

type Running = Pick<CaseContext<never, Record<never, never>>, 'driver' | 'ring'>;

/** A ring that has served a request. */
export function servedQueue({ driver, ring }: Running) {
  const queue = driver.attach(ring({ size: 16 }));
  driver.warmUp(queue);
  return queue;
}

/** Waits for as many messages of one kind, which nothing says must come, and gives those that came. */
export function cameOf(
  port: DriverPort<VhostUserSession>,
  session: VhostUserSession,
  name: BackEndMessageName,
  count = 1,
): ReceivedMessage[] {
  isSeen(port, () => backEndMessages(session, name).length >= count);
  return backEndMessages(session, name);
}
