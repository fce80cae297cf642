import { MDEV_HEADER_SIZE, mdevHeader } from '../../reference-impl/wire/mdev-messages.ts';
import { decodeStructure } from '../../reference-impl/wire/structure.ts';
import { vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import type { KnownSession, KnownState } from './known-state.ts';
import type { Call, CallOf } from './program.ts';
import { withinRegion } from './region-offset.ts';
import { lawful, unfollowed, type Verdict } from './verdict.ts';

type VfioCall = Extract<
  Call,
  { readonly kind: 'region-read' | 'region-write' | 'region-map' | 'device-call' | 'container-call' }
>;

/** In both layouts. */
const messagesRegion = 0;

/** How a call on a VFIO device stands to the text: what is refused, and what tells, changes nothing of rings. */
export function vfioVerdict(known: KnownState, call: VfioCall, session: KnownSession): Verdict {
  if (known.target.transport !== 'vhost-mdev') return lawful;
  switch (call.kind) {
    case 'region-read':
    case 'region-map':
      return lawful;
    case 'region-write':
      return call.region === messagesRegion ? writtenMessage(known, call, session) : lawful;
    case 'device-call':
      if (call.call === 'reset') return unfollowed('session', 'the device was reset');
      return lawful;
    case 'container-call':
      return containerVerdict(known, call, session);
  }
}

/** What is left out is that of the region. */
function containerVerdict(known: KnownState, call: CallOf<'container-call'>, session: KnownSession): Verdict {
  const { memory, region, flags, ioVirtualAddress, userAddress, size, argsz, truncate } = call;
  const isWhole = [flags, ioVirtualAddress, userAddress, size, argsz, truncate].every((told) => told === undefined);
  const isOfSession = isWhole && memory === session.memory && known.target.keepsChoices === true;
  if (call.call === 'map') {
    const number = known.regionOf(session, region);
    const isBack = isOfSession && session.unmapped.delete(number);
    // A mapping names user addresses, which a memory that was made later may have as well.
    if (isBack && known.hasLaterMemory(session)) return unfollowed('session', 'other memory has the same addresses');
    return flags === undefined ? lawful : unfollowed('session', 'memory is mapped with other permissions');
  }
  if (!isOfSession || session.tainted !== undefined) return unfollowed('session', 'memory is taken away');
  session.unmapped.add(known.regionOf(session, region));
  return lawful;
}

/** The state that a message by hand tells a device of vhost-mdev; undefined for another message. */
export function toldState({ region, offset, bytes }: CallOf<'region-write'>): bigint | undefined {
  const header =
    region === messagesRegion && withinRegion(offset) === 0 ? decodeStructure(mdevHeader, bytes) : undefined;
  const size = bytes.length - MDEV_HEADER_SIZE;
  if (header === undefined || header.size !== size || (size !== 4 && size !== 8)) return undefined;
  if (Number(header.request) !== vhostRequests.VHOST_DEVICE_SET_STATE) return undefined;
  const payload = new DataView(new ArrayBuffer(8));
  for (const [at, byte] of bytes.subarray(MDEV_HEADER_SIZE).entries()) payload.setUint8(at, byte);
  return payload.getBigUint64(0, true);
}

/** A message that is written by hand, where it surely changes nothing that the rings need. */
function writtenMessage(known: KnownState, call: CallOf<'region-write'>, session: KnownSession): Verdict {
  const { bytes, offset } = call;
  const header = decodeStructure(mdevHeader, bytes);
  // It is refused, and not carried out.
  if (withinRegion(offset) !== 0 || header === undefined || header.size !== bytes.length - MDEV_HEADER_SIZE)
    return lawful;
  const payload = new DataView(new ArrayBuffer(64));
  for (const [at, byte] of bytes.subarray(MDEV_HEADER_SIZE, MDEV_HEADER_SIZE + 64).entries())
    payload.setUint8(at, byte);
  const hasRings = [...session.queues.values()].some((id) => known.queues.get(id)?.isStopped === false);
  const isRunning = hasRings && !session.isHalted;
  const index = payload.getUint32(0, true);
  const isMissing = known.target.queues !== undefined && index >= known.target.queues;
  const keepsChoices = known.target.keepsChoices === true;
  switch (Number(header.request)) {
    case vhostRequests.VHOST_GET_FEATURES:
    case vhostRequests.VHOST_SET_OWNER:
    case vhostRequests.VHOST_SET_LOG_BASE:
      return lawful;
    case vhostRequests.VHOST_RESET_OWNER:
      return keepsChoices ? lawful : byHand;
    case vhostRequests.VHOST_SET_FEATURES: {
      const isUnoffered = (payload.getBigUint64(0, true) & ~known.target.offer.device) !== 0n;
      const isRefused = header.size !== 8 || isUnoffered || isRunning;
      return keepsChoices && isRefused && session.tainted === undefined ? lawful : byHand;
    }
    case vhostRequests.VHOST_DEVICE_SET_STATE: {
      if (!keepsChoices || (header.size !== 4 && header.size !== 8) || session.tainted !== undefined) return byHand;
      const state = payload.getBigUint64(0, true);
      if (state > 1n || (state === 1n) === isRunning) return lawful;
      if (!hasRings || (state === 1n && session.unmapped.size > 0)) return byHand;
      session.isHalted = state === 0n;
      return lawful;
    }
    case vhostRequests.VHOST_SET_VRING_NUM:
    case vhostRequests.VHOST_SET_VRING_BASE:
    case vhostRequests.VHOST_SET_VRING_ADDR:
      return keepsChoices && session.tainted === undefined && (isMissing || isRunning) ? lawful : byHand;
    case vhostRequests.VHOST_GET_VRING_BASE:
      return keepsChoices && (isMissing || !isRunning) ? lawful : byHand;
    case vhostRequests.VHOST_SET_MEM_TABLE:
      return byHand;
  }
  return keepsChoices ? lawful : byHand;
}

const byHand = unfollowed('session', 'a message by hand');
