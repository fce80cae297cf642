import { wholeReset } from '../../../vhost-mdev/life-rules.ts';
import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { errno } from '../../../wire/errno.ts';
import { MDEV_HEADER_SIZE, MDEV_NEED_REPLY } from '../../../wire/mdev-messages.ts';
import { vhostRequests } from '../../../wire/vhost-requests.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault, mdevHandling, onMdevMessage } from './mdev-fault.ts';

const word = (bytes: number, ...words: readonly number[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(bytes));
  for (const [n, one] of words.entries()) view.setUint32(4 * n, one, true);
  return new Uint8Array(view.buffer);
};

const GET_VRING_BASE = BigInt(vhostRequests.VHOST_GET_VRING_BASE);
const SET_VRING_BASE = BigInt(vhostRequests.VHOST_SET_VRING_BASE);
const SET_LOG_BASE = BigInt(vhostRequests.VHOST_SET_LOG_BASE);

/** How messages are written. */
const writes = {
  'mdev-message-taken-in-part': mdevFault(
    'vm-channel/message-is-taken-whole',
    'the write of SET_LOG_BASE returns the size of its payload',
    inMdevTable('channel', ({ written }) => ({
      written: (count, error, request) =>
        request === SET_LOG_BASE && error === 0 ? count - MDEV_HEADER_SIZE : written(count, error, request),
    })),
  ),
  'mdev-message-taken-elsewhere': mdevFault(
    'vm-channel/write-elsewhere-refused',
    'a message is taken at any offset of the region',
    inMdevTable('channel', ({ acceptsOffset }) => ({
      acceptsOffset: (offset, access) => access === 'write' || acceptsOffset(offset, access),
    })),
  ),
  'mdev-message-elsewhere-acted-on': mdevFault(
    'vm-channel/write-elsewhere-has-no-effect',
    'a message at another offset is refused and carried out',
    inMdevTable('channel', { actsOnRefused: (offset) => offset !== 0 }),
  ),
  'mdev-part-of-header-taken': mdevFault(
    'vm-channel/part-of-header-refused',
    'a part of a header is taken and forgotten',
    inMdevTable('channel', { partOfHeader: (count) => count }),
  ),
  'mdev-shorter-message-taken': mdevFault(
    'vm-channel/shorter-than-told-refused',
    'a message shorter than its header says is taken',
    inMdevTable('channel', { acceptsLength: (size, count, largest) => size <= largest && 16 + size >= count }),
  ),
  'mdev-longer-message-taken': mdevFault(
    'vm-channel/longer-than-told-refused',
    'a message longer than its header says is taken',
    inMdevTable('channel', { acceptsLength: (size, count, largest) => size <= largest && 16 + size <= count }),
  ),
  'mdev-mistold-message-acted-on': mdevFault(
    'vm-channel/mistold-size-has-no-effect',
    'a message whose header is wrong about its size is refused and carried out',
    inMdevTable('channel', { actsOnRefused: (offset) => offset === 0 }),
  ),
  'mdev-payload-beyond-1024-taken': mdevFault(
    'vm-channel/l2-payload-beyond-1024-refused',
    'a message of any length is taken',
    inMdevTable('channel', { acceptsLength: (size, count) => MDEV_HEADER_SIZE + size === count }),
  ),
  'mdev-payload-of-1024-refused': mdevFault(
    'vm-channel/l2-payload-of-1024-taken',
    'a payload of 1024 bytes counts as too long',
    inMdevTable('channel', ({ acceptsLength }) => ({
      acceptsLength: (size, count, largest) => size !== 1024 && acceptsLength(size, count, largest),
    })),
  ),
  'mdev-huge-size-crashes': mdevFault(
    'vm-channel/huge-size-survived',
    'a size in the header with the highest bit set crashes the device',
    inMdevTable('channel', ({ acceptsLength }) => ({
      acceptsLength: (size, count, largest) => {
        if (size > 0x7fff_ffff) throw new BrokenDown('abort');
        return acceptsLength(size, count, largest);
      },
    })),
  ),
} as const satisfies Record<string, MdevFault>;

/** What is made of a request. */
const requests = {
  'mdev-unknown-request-taken': mdevFault(
    'vm-channel/unknown-request-refused',
    'a request that there is not is taken and ignored',
    inMdevTable('channel', { unknownRequest: 0 }),
  ),
  'mdev-unknown-request-answered': mdevFault(
    'vm-channel/unknown-request-has-no-answer',
    'a request that there is not is answered with 0',
    inMdevTable('channel', { unknownRequest: new Uint8Array(8) }),
  ),
  'mdev-request-cut-to-32-bits': mdevFault(
    'vm-channel/request-has-64-bits',
    'the upper half of a request number is ignored',
    inMdevTable('channel', { requestOf: (request) => BigInt.asUintN(32, request) }),
  ),
  'mdev-payload-size-unchecked': mdevFault(
    'vm-channel/payload-size-checked',
    'a payload may have any size: what is missing is 0',
    inMdevTable('channel', { checksPayloadSize: false }),
  ),
  'mdev-wrong-payload-acted-on': mdevFault(
    'vm-channel/wrong-payload-has-no-effect',
    'a message with a payload of a wrong size is refused and carried out',
    inMdevTable('channel', { actsOnWrongSize: true }),
  ),
  'mdev-state-of-4-bytes-refused': mdevFault(
    'vm-channel/state-of-4-bytes-taken',
    'DEVICE_SET_STATE must have 8 bytes',
    onMdevMessage('VHOST_DEVICE_SET_STATE', () => ({ acceptsSize: (size) => size === 8 })),
  ),
  'mdev-reset-owner-refused': mdevFault(
    'vm-channel/owner-messages-taken',
    'RESET_OWNER is refused',
    mdevHandling('VHOST_RESET_OWNER', () => errno.EINVAL),
  ),
  'mdev-reset-owner-resets': mdevFault(
    'vm-channel/reset-owner-has-no-effect',
    'RESET_OWNER resets the device',
    mdevHandling('VHOST_RESET_OWNER', (right, device) => {
      for (const change of wholeReset) change(device);
      return right();
    }),
  ),
  'mdev-log-base-refused': mdevFault(
    'vm-channel/log-base-taken',
    'SET_LOG_BASE is refused without a log',
    mdevHandling('VHOST_SET_LOG_BASE', () => errno.EINVAL),
  ),
} as const satisfies Record<string, MdevFault>;

/** Flags of the header, and the answer that waits. */
const answers = {
  'mdev-answers-when-asked-for-reply': mdevFault(
    'vm-channel/answer-without-need-reply',
    'a request is answered only where a reply is asked for',
    inMdevTable('channel', { answersAt: (flags) => (flags & MDEV_NEED_REPLY) !== 0 }),
  ),
  'mdev-acknowledges-on-need-reply': mdevFault(
    'vm-channel/no-answer-to-set-requests',
    'a message that asks for a reply and has none is acknowledged by one',
    inMdevTable('channel', {
      behindUnanswered: (waiting, request, flags, error) => {
        if ((flags & MDEV_NEED_REPLY) !== 0 && error === 0) waiting.answer = { request, payload: new Uint8Array(8) };
      },
    }),
  ),
  'mdev-unknown-flags-refused': mdevFault(
    'vm-channel/unknown-flags-ignored',
    'a message with flags beside need-reply is refused',
    inMdevTable('channel', { acceptsFlags: (flags) => (flags & ~MDEV_NEED_REPLY) === 0 }),
  ),
  'mdev-read-without-answer-waits': mdevFault(
    'vm-channel/read-without-answer-is-empty',
    'a read while no answer waits fails with EINVAL',
    inMdevTable('channel', { readWithoutAnswer: -errno.EINVAL }),
  ),
  'mdev-answer-read-elsewhere': mdevFault(
    'vm-channel/read-elsewhere-refused',
    'an answer can be read at any offset of the region',
    inMdevTable('channel', ({ acceptsOffset }) => ({
      acceptsOffset: (offset, access) => access === 'read' || acceptsOffset(offset, access),
    })),
  ),
  'mdev-read-elsewhere-loses-answer': mdevFault(
    'vm-channel/read-elsewhere-keeps-answer',
    'a read at another offset loses the answer',
    inMdevTable('channel', { losesAnswerElsewhere: true }),
  ),
  'mdev-longer-read-answered': mdevFault(
    'vm-channel/read-of-other-length-refused',
    'a read of more bytes than the answer has gets the answer',
    inMdevTable('channel', { acceptsReadLength: (count, answer) => count >= answer }),
  ),
  'mdev-wrong-read-loses-answer': mdevFault(
    'vm-channel/read-of-other-length-keeps-answer',
    'a read of another length loses the answer',
    inMdevTable('channel', { losesAnswerAtFailure: true }),
  ),
  'mdev-answer-stays': mdevFault(
    'vm-channel/answer-is-read-once',
    'an answer can be read again and again',
    inMdevTable('channel', { losesAnswerAtSuccess: false }),
  ),
  'mdev-answer-of-another-request': mdevFault(
    'vm-channel/answer-repeats-request',
    'the answer that tells a base beyond 32767 says SET_VRING_BASE',
    inMdevTable('channel', {
      answerRequest: (request, payload) =>
        request === GET_VRING_BASE && (payload[5] ?? 0) > 0x7f ? SET_VRING_BASE : request,
    }),
  ),
  'mdev-answer-with-flags': mdevFault(
    'vm-channel/answer-has-no-flags',
    'an answer has the flag of need-reply',
    inMdevTable('channel', { answerFlags: MDEV_NEED_REPLY }),
  ),
  'mdev-answer-with-size-zero': mdevFault(
    'vm-channel/answer-tells-its-size',
    'an answer says that it has no payload',
    inMdevTable('channel', { answerSize: () => 0 }),
  ),
  'mdev-older-answer-kept': mdevFault(
    'vm-channel/newer-answer-replaces-older',
    'an answer that waits keeps the next one out',
    inMdevTable('channel', { nextAnswer: (waiting, next) => waiting ?? next }),
  ),
  'mdev-other-message-loses-answer': mdevFault(
    'vm-channel/other-messages-keep-answer',
    'SET_LOG_BASE takes the answer away that waits',
    inMdevTable('channel', {
      behindUnanswered: (waiting, request, _, error) => {
        if (request === SET_LOG_BASE && error === 0) waiting.answer = undefined;
      },
    }),
  ),
  'mdev-refused-message-loses-answer': mdevFault(
    'vm-channel/refused-message-keeps-answer',
    'a message that is refused takes the answer away that waits',
    inMdevTable('channel', {
      behindUnanswered: (waiting, _request, _flags, error) => {
        if (error !== 0) waiting.answer = undefined;
      },
    }),
  ),
  'mdev-refused-request-answered': mdevFault(
    'vm-channel/refused-request-has-no-answer',
    'GET_VRING_BASE of a ring that there is not is refused and answered',
    inMdevTable('channel', {
      behindUnanswered: (waiting, request, _, error) => {
        if (request === GET_VRING_BASE && error !== 0) waiting.answer = { request, payload: new Uint8Array(8) };
      },
    }),
  ),
  'mdev-answer-made-when-read': mdevFault(
    'vm-channel/answer-is-of-its-request-time',
    'a base is told as it is when the answer is read',
    inMdevTable('channel', {
      answerPayload: ({ request, payload }, { rings }) => {
        const [index = 0] = payload;
        return request === GET_VRING_BASE ? word(8, index, rings.records[index]?.base ?? 0) : payload;
      },
    }),
  ),
  'mdev-base-answer-of-ring-zero': mdevFault(
    'vm-channel/base-answer-has-index',
    'the answer to GET_VRING_BASE with a number beside the index says ring 0',
    mdevHandling('VHOST_GET_VRING_BASE', (right, _, payload) => {
      const answer = right();
      return typeof answer === 'number' || payload.getUint32(4, true) === 0 ? answer : answer.fill(0, 0, 4);
    }),
  ),
} as const satisfies Record<string, MdevFault>;

/** GET_FEATURES and SET_FEATURES. */
const features = {
  'mdev-offer-shrinks': mdevFault(
    'vm-channel/features-are-the-same-again',
    'features that were not accepted are offered no more',
    inMdevTable('features', ({ offered }) => ({
      offered: (ofParent, accepted) => offered(ofParent, accepted) & (accepted === 0n ? -1n : accepted),
      remembered: (word, isTaken) => (isTaken ? word : 0n),
    })),
  ),
  'mdev-no-features-refused': mdevFault(
    'vm-channel/offered-features-taken',
    'SET_FEATURES without any bit is refused',
    inMdevTable('features', ({ accepts }) => ({ accepts: (word, offered) => word !== 0n && accepts(word, offered) })),
  ),
  'mdev-unoffered-features-masked': mdevFault(
    'vm-channel/unoffered-features-refused',
    'bits that are not offered are left out, and the rest is taken',
    inMdevTable('features', { accepts: () => true, taken: (_, word, offered) => word & offered }),
  ),
  'mdev-refused-features-clear': mdevFault(
    'vm-channel/refused-features-change-nothing',
    'SET_FEATURES that is refused leaves no feature accepted',
    inMdevTable('features', { leftByRefused: () => 0n }),
  ),
  'mdev-features-add-up': mdevFault(
    'vm-channel/features-change-while-stopped',
    'features of before stay beside those of a second SET_FEATURES',
    inMdevTable('features', { taken: (before, word) => before | word }),
  ),
  'mdev-features-taken-while-running': mdevFault(
    'vm-channel/features-while-running-refused',
    'SET_FEATURES is taken while the device runs',
    inMdevTable('features', { changesWhileRunning: true }),
  ),
  'mdev-l1-offers-access-platform': mdevFault(
    'vm-channel/l1-has-no-access-platform',
    'ACCESS_PLATFORM is offered in every layout',
    inMdevTable('features', { offered: (ofParent) => ofParent }),
  ),
} as const satisfies Record<string, MdevFault>;

export const mdevChannelFaults = { ...writes, ...requests, ...answers, ...features } as const;
