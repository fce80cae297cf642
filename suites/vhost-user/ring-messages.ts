import type { Exchange, GuestRing, OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { payloadOf } from './words.ts';

/** The messages that tell of one ring, as a front-end sends them. */

const noDescriptor = 0x100n;

export const setNum = (index: number, num: number): OutgoingMessage => ({
  request: 'VHOST_USER_SET_VRING_NUM',
  payload: { index, num },
});

export const setBase = (index: number, num: number): OutgoingMessage => ({
  request: 'VHOST_USER_SET_VRING_BASE',
  payload: { index, num },
});

export const setEnable = (index: number, num: number): OutgoingMessage => ({
  request: 'VHOST_USER_SET_VRING_ENABLE',
  payload: { index, num },
});

/** 0 is little-endian, 1 big-endian. */
export const setEndian = (index: number, num: number): OutgoingMessage => ({
  request: 'VHOST_USER_SET_VRING_ENDIAN',
  payload: { index, num },
});

export interface AddressFields {
  readonly descriptor: bigint;
  readonly available: bigint;
  readonly used: bigint;
  readonly flags: number;
  readonly log: bigint;
}

export const addressesOf = ({ areas }: GuestRing): AddressFields => ({
  descriptor: areas.descriptor.userAddress,
  available: areas.driver.userAddress,
  used: areas.device.userAddress,
  flags: 0,
  log: 0n,
});

export const setAddresses = (index: number, fields: AddressFields): OutgoingMessage => ({
  request: 'VHOST_USER_SET_VRING_ADDR',
  payload: { index, ...fields },
});

/** Size, base and addresses of a ring: what comes before its descriptors. */
export function tellRing(session: VhostUserSession, index: number, ring: GuestRing): void {
  session.messages.send(setNum(index, ring.size));
  session.messages.send(setBase(index, encodeVringBase(ring.position)));
  session.messages.send(setAddresses(index, addressesOf(ring)));
}

/** With the no-fd bit where there is no descriptor. */
export const setDescriptor = (which: 'KICK' | 'CALL' | 'ERR', index: number, fd?: number): OutgoingMessage => ({
  request: `VHOST_USER_SET_VRING_${which}`,
  payload: { u64: BigInt(index) | (fd === undefined ? noDescriptor : 0n) },
  descriptors: fd === undefined ? [] : [fd],
});

/** What GET_VRING_BASE answered: the ring, and the base with all of its 32 bits. */
export interface ToldBase {
  readonly kind: 'base';
  readonly index: number;
  readonly num: number;
}

/**
 * GET_VRING_BASE or what else stops a ring, with any value in the field that a request leaves unused.
 * @throws PeerProtocolError for a reply that is too short.
 */
export function getBase(
  session: VhostUserSession,
  index: number,
  num = 0,
  request: 'VHOST_USER_GET_VRING_BASE' | 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN' = 'VHOST_USER_GET_VRING_BASE',
): ToldBase | Exclude<Exchange, { kind: 'reply' }> {
  const answer = session.messages.exchange({ request, payload: { index, num } });
  if (answer.kind !== 'reply') return answer;
  const view = payloadOf(answer.message, 8);
  return { kind: 'base', index: view.getUint32(0, true), num: view.getUint32(4, true) };
}
