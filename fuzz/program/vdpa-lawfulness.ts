import { vdpaRequests } from '../../reference-impl/wire/vdpa-structures.ts';
import type { KnownSession, KnownState } from './known-state.ts';
import { mdevRequestOf } from './mdev-request.ts';
import { payloadOf } from './message-payload.ts';
import type { CallOf } from './program.ts';
import { lawful, unfollowed, type Verdict } from './verdict.ts';

type MessageCall = CallOf<'message'>;

const byHand = unfollowed('session', 'a call by hand');
const numbers: Readonly<Record<string, number>> = vdpaRequests;
const packedRing = 1n << 34n;

/** The number of the ioctl that a message of a program stands for. */
export function vdpaRequestOf(request: number): number {
  const name = mdevRequestOf(request);
  return (name === undefined ? undefined : numbers[name]) ?? request >>> 0;
}

/** Calls that change nothing of rings with any argument: questions, and calls that are refused. */
const harmless: ReadonlySet<number> = new Set([
  vdpaRequests.VHOST_GET_FEATURES,
  vdpaRequests.VHOST_GET_BACKEND_FEATURES,
  vdpaRequests.VHOST_SET_LOG_BASE,
  vdpaRequests.VHOST_SET_LOG_FD,
  vdpaRequests.VHOST_GET_VRING_BASE,
  vdpaRequests.VHOST_VDPA_GET_DEVICE_ID,
  vdpaRequests.VHOST_VDPA_GET_STATUS,
  vdpaRequests.VHOST_VDPA_GET_CONFIG,
  vdpaRequests.VHOST_VDPA_GET_VRING_NUM,
  vdpaRequests.VHOST_VDPA_SET_CONFIG_CALL,
  vdpaRequests.VHOST_VDPA_GET_IOVA_RANGE,
  vdpaRequests.VHOST_VDPA_GET_CONFIG_SIZE,
  vdpaRequests.VHOST_VDPA_GET_AS_NUM,
  vdpaRequests.VHOST_VDPA_GET_VRING_GROUP,
  vdpaRequests.VHOST_VDPA_GET_VRING_DESC_GROUP,
  vdpaRequests.VHOST_VDPA_GET_VQS_COUNT,
  vdpaRequests.VHOST_VDPA_GET_GROUP_NUM,
  vdpaRequests.VHOST_VDPA_GET_VRING_SIZE,
]);
const allRequests: ReadonlySet<number> = new Set(Object.values(vdpaRequests));

/** How a call on a vhost-vdpa device stands to what its rings need. What it comes to is judged by itself. */
export function vdpaVerdict({ target }: KnownState, call: MessageCall, session: KnownSession): Verdict {
  const request = vdpaRequestOf(call.request);
  if (harmless.has(request) || !allRequests.has(request)) return lawful;
  if (session.tainted !== undefined || !session.hasNegotiated) return byHand;
  const payload = payloadOf(call, () => 0n);
  const view = new DataView(new ArrayBuffer(64));
  const written = payload.subarray(0, Math.min(call.truncate ?? payload.length, view.byteLength));
  for (const [at, byte] of written.entries()) view.setUint8(at, byte);
  const [index, number] = [view.getUint32(0, true), view.getUint32(4, true)];
  const isMissing = target.queues !== undefined && index >= target.queues;
  switch (request) {
    case vdpaRequests.VHOST_SET_OWNER:
      return lawful;
    case vdpaRequests.VHOST_VDPA_SUSPEND:
    case vdpaRequests.VHOST_VDPA_RESUME:
      return lawful;
    case vdpaRequests.VHOST_SET_VRING_NUM:
      return isMissing || number === 0 || number > 0xffff || (number & (number - 1)) !== 0 ? lawful : byHand;
    case vdpaRequests.VHOST_SET_VRING_ADDR:
      return isMissing || number > 1 || (view.getUint8(16) | view.getUint8(24) | view.getUint8(32)) % 2 === 1
        ? lawful
        : byHand;
    case vdpaRequests.VHOST_SET_VRING_BASE:
      return isMissing || (number > 0xffff && (session.accepted.device & packedRing) === 0n) ? lawful : byHand;
    case vdpaRequests.VHOST_SET_VRING_KICK:
    case vdpaRequests.VHOST_SET_VRING_CALL:
    case vdpaRequests.VHOST_SET_VRING_ERR:
      return isMissing || number <= 2 ? lawful : byHand;
    case vdpaRequests.VHOST_SET_BACKEND_FEATURES:
      return number !== 0 ? lawful : byHand;
    case vdpaRequests.VHOST_VDPA_SET_GROUP_ASID:
    case vdpaRequests.VHOST_VDPA_SET_VRING_ENABLE:
      return isMissing ? lawful : byHand;
  }
  return byHand;
}

/** A message of the IOTLB: what adds to what is mapped takes nothing from rings whose memory was shared before. */
export function iotlbVerdict(known: KnownState, call: CallOf<'iotlb'>, session: KnownSession): Verdict {
  const { request, truncate } = call;
  if (session.memory !== 0 && (truncate !== undefined || (request === update && session.unmapped.size === 0)))
    return lawful;
  const isFollowed = known.target.keepsChoices === true && session.tainted === undefined && session.memory !== 0;
  if (!isFollowed || !takesRegion(call) || call.memory !== session.memory)
    return unfollowed('session', 'mappings by hand');
  session.unmapped.add(known.regionOf(session, call.region));
  return lawful;
}

/** Whether a message takes a whole region away. */
export const takesRegion = ({
  request,
  truncate,
  asid,
  ioVirtualAddress,
  userAddress,
  size,
}: CallOf<'iotlb'>): boolean =>
  request === invalidation &&
  asid === 0 &&
  [truncate, ioVirtualAddress, userAddress, size].every((told) => told === undefined);

const update = 2;
const invalidation = 3;
