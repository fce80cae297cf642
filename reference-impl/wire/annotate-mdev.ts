import { sharedFeatureBits } from '../virtqueue/feature-bits.ts';
import { bitNames } from './annotation-notes.ts';
import { type Annotation, Annotator, numberText } from './annotator.ts';
import { ioctlName } from './ioctl-names.ts';
import { MDEV_HEADER_SIZE, MDEV_NEED_REPLY, mdevMessages } from './mdev-messages.ts';
import { type VhostRequest, vhostRequests } from './vhost-requests.ts';

const requestNames = new Map<bigint, VhostRequest>(
  (Object.keys(vhostRequests) as VhostRequest[]).map((name) => [BigInt(vhostRequests[name]), name]),
);

/** Name of the request that a message or an answer of at least 8 bytes begins with. */
export function mdevRequestName(bytes: Uint8Array): string {
  const number = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return requestNames.get(number) ?? ioctlName(Number(number));
}

/**
 * Says what every byte of a vhost-mdev message, or of the answer to one, is: header of 16 bytes, then the payload.
 * Copes with anything, as `annotate` does.
 */
export function annotateMdevMessage(bytes: Uint8Array, isAnswer: boolean): readonly Annotation[] {
  const annotator = new Annotator(bytes);
  if (bytes.length < MDEV_HEADER_SIZE) {
    annotator.raw(0, bytes.length, 'header', `cut: ${bytes.length} of ${MDEV_HEADER_SIZE} bytes`);
    return annotator.annotations;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const number = view.getBigUint64(0, true);
  const flags = annotator.u32(8);
  const size = annotator.u32(12);
  const request = requestNames.get(number);
  const present = bytes.length - MDEV_HEADER_SIZE;
  annotator.add(0, 8, 'request', `0x${number.toString(16)}`, request ?? 'no message of vhost-mdev has this number');
  annotator.add(8, 4, 'flags', numberText(flags), flagsNote(flags));
  annotator.add(12, 4, 'size', numberText(size), size === present ? undefined : `${present} bytes follow`);
  const end = MDEV_HEADER_SIZE + Math.min(size, present);
  let at = MDEV_HEADER_SIZE;
  if (request === undefined) {
    annotator.raw(at, end, 'payload', 'of an unknown request');
    at = end;
  } else {
    const { payload, reply } = mdevMessages[request];
    const { layout } = isAnswer ? (reply ?? payload) : payload;
    at = annotator.fields(layout, at, end, '', (field, value) => payloadNote(request, field, value));
    annotator.raw(at, end, 'payload', 'beyond the known payload');
  }
  annotator.raw(end, annotator.end, 'trailing', 'beyond the declared size');
  return annotator.annotations;
}

function flagsNote(flags: number): string | undefined {
  if (flags === 0) return undefined;
  const others = (flags & ~MDEV_NEED_REPLY) >>> 0;
  const unknown = others === 0 ? [] : [`unknown bits 0x${others.toString(16)}`];
  return [...((flags & MDEV_NEED_REPLY) === 0 ? [] : ['need reply']), ...unknown].join(', ');
}

function payloadNote(request: VhostRequest, field: string, value: number | bigint): string | undefined {
  if (field === 'u64' && (request === 'VHOST_GET_FEATURES' || request === 'VHOST_SET_FEATURES')) {
    return value === 0n ? 'no feature' : bitNames(BigInt(value), sharedFeatureBits);
  }
  if (field === 'u64' && request === 'VHOST_DEVICE_SET_STATE') return stateNames[Number(value)] ?? 'no such state';
  if (field === 'num' && request === 'VHOST_SET_VRING_NUM' && value === 0) return '0, out of use';
  return undefined;
}

const stateNames: Readonly<Record<number, string>> = { 0: 'stopped', 1: 'running' };
