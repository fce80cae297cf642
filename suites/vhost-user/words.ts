import {
  type DriverPort,
  PeerProtocolError,
  type ReceivedMessage,
  type VhostUserSession,
} from '../../drivers/port/port.ts';
import { negotiationBeforeOffer } from '../../judging/negotiation.ts';

/** Flags of a request that wants an answer: version 1 and need_reply. */
export const needReply = 1 | 8;

/** Protocol feature bits that cases name in numbers. */
export const protocolBit = {
  MQ: 1n << 0n,
  LOG_SHMFD: 1n << 1n,
  REPLY_ACK: 1n << 3n,
  MTU: 1n << 4n,
  BACKEND_REQ: 1n << 5n,
  CONFIG: 1n << 9n,
  INFLIGHT_SHMFD: 1n << 12n,
  RESET_DEVICE: 1n << 13n,
  INBAND_NOTIFICATIONS: 1n << 14n,
  CONFIGURE_MEM_SLOTS: 1n << 15n,
  STATUS: 1n << 16n,
} as const;

export const featureBit = { PROTOCOL_FEATURES: 1n << 30n, VERSION_1: 1n << 32n } as const;

/** The payload of a message of the back-end. @throws PeerProtocolError when it has fewer bytes than will be read. */
export function payloadOf({ payload, request }: ReceivedMessage, bytes: number): DataView {
  if (payload.length < bytes) {
    throw new PeerProtocolError(`the message ${request} has ${payload.length} bytes of payload, and not ${bytes}`);
  }
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** The u64 that a reply consists of. @throws PeerProtocolError when the payload has another size. */
export function wordOf(message: ReceivedMessage): bigint {
  const { payload, request } = message;
  if (payload.length > 8) throw new PeerProtocolError(`the reply to ${request} has ${payload.length} bytes, not 8`);
  return payloadOf(message, 8).getBigUint64(0, true);
}

/** VERSION_1, bit 30, and what the target cannot do without, offered or not. */
export const leastFeatures = (port: DriverPort<VhostUserSession>): bigint =>
  negotiationBeforeOffer({}, port.facts).device;

/** Protocol features on with the bits given, the least of the device's features (of both what is offered), and no memory. */
export function negotiatedWith(
  port: DriverPort<VhostUserSession>,
  session: VhostUserSession,
  protocolFeatures: bigint,
): VhostUserSession {
  session.negotiate({ device: leastFeatures(port), protocol: protocolFeatures });
  return session;
}
