import type { DriverPort, GuestRing, VhostMdevSession } from '../../drivers/port/port.ts';
import { areaAddresses, type SentAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { decodeStructure, encodeStructure } from '../../reference-impl/wire/structure.ts';
import type { VhostRequest } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';

/** The result of a message or call: `taken`, or the name of its error. */
export type Answer = string;

export const answerOf = (result: number | bigint | Uint8Array): Answer =>
  typeof result === 'number' && result < 0 ? errorName(result) : 'taken';

const tell = (session: VhostMdevSession, request: VhostRequest, payload: Uint8Array): Answer =>
  answerOf(session.channel.exchange(request, payload));

/** DEVICE_SET_STATE with all 64 bits: 0 stops, 1 starts. */
export const setState = (session: VhostMdevSession, state: number | bigint): Answer =>
  tell(session, 'VHOST_DEVICE_SET_STATE', encodeStructure(u64Payload, { u64: BigInt(state) }));

export const setFeatures = (session: VhostMdevSession, word: bigint): Answer =>
  tell(session, 'VHOST_SET_FEATURES', encodeStructure(u64Payload, { u64: word }));

export const setSize = (session: VhostMdevSession, index: number, num: number): Answer =>
  tell(session, 'VHOST_SET_VRING_NUM', encodeStructure(vringStatePayload, { index, num }));

export const setBase = (session: VhostMdevSession, index: number, num: number): Answer =>
  tell(session, 'VHOST_SET_VRING_BASE', encodeStructure(vringStatePayload, { index, num }));

export interface RingAddresses {
  readonly desc: bigint;
  readonly avail: bigint;
  readonly used: bigint;
}

/** Flags and log address besides those of the ring; 0 unless told. */
export interface RingLog {
  readonly flags?: number;
  readonly log?: bigint;
}

export const setAddresses = (
  session: VhostMdevSession,
  index: number,
  { desc, avail, used }: RingAddresses,
  { flags = 0, log = 0n }: RingLog = {},
): Answer => {
  const value = { index, flags, descriptor: desc, used, available: avail, log };
  return tell(session, 'VHOST_SET_VRING_ADDR', encodeStructure(vringAddressPayload, value));
};

/** GET_VRING_BASE with all 32 bits of its number: the base, or the name of the error. */
export function getBase(session: VhostMdevSession, index: number): number | Answer {
  const answer = session.channel.exchange(
    'VHOST_GET_VRING_BASE',
    encodeStructure(vringStatePayload, { index, num: 0 }),
  );
  if (typeof answer === 'number') return errorName(answer);
  const state = decodeStructure(vringStatePayload, answer);
  return state === undefined || state.index !== index ? `an answer for ring ${state?.index}` : state.num;
}

/** The spaces of ring addresses and of addresses in descriptors, as the device's layout has them. */
export const spacesOf = ({ places }: VhostMdevSession): SentAddresses =>
  places.memory === 'table' ? sentAddresses.shared : sentAddresses.translated;

/** Where the parts of a ring lie, as SET_VRING_ADDR tells it. */
export function addressesOf(session: VhostMdevSession, ring: GuestRing): RingAddresses {
  const { descriptor, driver, device } = areaAddresses(ring, spacesOf(session));
  return { desc: descriptor, avail: driver, used: device };
}

/** Tells of a ring in full: what came of the first message that was not taken, or of the last. */
export function tellRing(session: VhostMdevSession, index: number, ring: GuestRing): Answer {
  const answers = [
    setSize(session, index, ring.size),
    setBase(session, index, encodeVringBase(ring.position)),
    setAddresses(session, index, addressesOf(session, ring)),
  ];
  return answers.find((answer) => answer !== 'taken') ?? 'taken';
}

/** The driver side of a ring that is told message by message. */
export const ringDriver = (port: DriverPort, session: VhostMdevSession, index: number, ring: GuestRing): DriverRing =>
  port.driverSide(ring, index, { space: spacesOf(session).buffer });

/** Rings of the device: each has a page of doorbells. */
export function ringCount({ vfio, places, pageSize }: VhostMdevSession): number {
  const info = vfio.regionInfo(places.doorbells);
  return typeof info === 'number' ? 0 : Number(info.size) / pageSize;
}

/** Writes the number of a queue at its page; the result is not looked at. */
export function ringDoorbell({ vfio, places, pageSize }: VhostMdevSession, index: number): Answer {
  const data = new Uint8Array(Uint32Array.of(index).buffer);
  return answerOf(vfio.write(places.doorbells, index * pageSize, data));
}
