import fc from 'fast-check';
import { eventIdx, indirectDesc, inOrder } from './feature-words.ts';
import { lastMessages, stoppedRingMessage } from './lawful-messages.ts';
import { ringSize, ringStart } from './lawful-step.ts';
import { commandFeatures } from './net-commands.ts';
import { protocolBits } from './told-message.ts';
import { shortMessage } from './unfit-messages.ts';

/** What a back-end shares with its front-end. */
const sharing =
  protocolBits.backEndRequests |
  protocolBits.backEndDescriptors |
  protocolBits.hostNotifiers |
  protocolBits.sharedObject |
  protocolBits.sharedMemory;

/** Protocol features beside MQ. */
const protocolWord = fc
  .subarray([
    protocolBits.replyAck,
    protocolBits.replyAck | protocolBits.config,
    protocolBits.config,
    protocolBits.logShmfd,
    protocolBits.rarp | protocolBits.mtu,
    protocolBits.backEndRequests,
    protocolBits.backEndRequests | protocolBits.replyAck | protocolBits.inband,
    sharing,
    protocolBits.backEndRequests | protocolBits.backEndDescriptors,
    sharing & ~protocolBits.backEndDescriptors,
    protocolBits.inflight,
    protocolBits.resetDevice,
    protocolBits.memorySlots,
    protocolBits.status,
    protocolBits.deviceState,
  ])
  .map((words) => words.reduce((all, word) => all | word, protocolBits.mq));
const wholeProtocol = Object.values(protocolBits).reduce((all, word) => all | word, 0n);

/** One in so many and one more: no, where a counterexample is made small. */
const seldom = (max: number): fc.Arbitrary<boolean> => fc.nat({ max }).map((n) => n === max);

export const setting = fc.record({
  features: fc
    .subarray([indirectDesc, eventIdx, inOrder, indirectDesc | eventIdx])
    .map((words) => words.reduce((all, word) => all | word, 0n)),
  protocol: fc.oneof(protocolWord, protocolWord, fc.constantFrom(wholeProtocol, wholeProtocol & ~protocolBits.inband)),
  /** Of block: VIRTIO_BLK_F_FLUSH is left out. */
  isWithoutFlush: seldom(4),
  /** With a log of dirty pages. */
  isLogged: seldom(5),
  /** Where a log begins in its file. */
  logOffset: fc.constantFrom(0, 0, 0x1000),
  /** Of what is logged, used rings as well. */
  logsUsedRings: fc.boolean(),
  /** The first used ring is marked where a page ends between its idx and its elements. */
  logsAcrossPages: fc.boolean(),
  /** With a buffer of requests in flight. */
  isRecorded: seldom(4),
  /** I/O-virtual addresses, with translations that are told and asked for. */
  isTranslated: seldom(3),
  /** Of I/O-virtual addresses, translations are asked for. */
  isUntold: fc.nat({ max: 2 }).map((n) => n === 2),
  /** Where translations are told, none is given that is asked for. */
  isRefusing: fc.nat({ max: 2 }).map((n) => n > 0),
  /** Requests of the back-end are served, also where it asks for no translations. */
  hasChannel: seldom(1),
  /** Calls of rings go to a descriptor that comes while they run. */
  isLateCall: seldom(6),
  /** A ring begins so many chains or slots behind those that are used. */
  ahead: fc.oneof({ weight: 7, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 1, 2) }),
  /** Without VHOST_USER_F_PROTOCOL_FEATURES. */
  isOld: seldom(9),
  /** In front of the first ring. */
  prologue: fc.array(stoppedRingMessage, { maxLength: 3 }),
  tellsAddresses: seldom(7),
  /** Behind the last ring: the objects that the back-end exports. */
  asksForObjects: fc.boolean(),
  /** Behind the last ring, and one that is cut. */
  epilogue: lastMessages,
  short: fc.option(shortMessage, { nil: undefined }),
  memory: fc.constantFrom(
    'single-region' as const,
    'single-region' as const,
    'adjacent-regions' as const,
    'one-file' as const,
    'below-and-above-4gib' as const,
    'eight-regions' as const,
    'crossing-4gib' as const,
    'crossed' as const,
  ),
  size: ringSize,
  start: ringStart,
  /** A packed ring has an entry less than the power of two. */
  isOdd: seldom(3),
  kicksWhenAsked: fc.boolean(),
  /** The first ring is not enabled before a chain is there. */
  isDormant: seldom(9),
  /** Of one that is dormant, with a device status: the chain is there ahead of DRIVER_OK. */
  isReadyLate: fc.boolean(),
  order: fc.constantFrom(
    'usual' as const,
    'usual' as const,
    'without-error' as const,
    'enable-first' as const,
    'without-call' as const,
  ),
  /** Of vhost-mdev: kicks are stores into pages of the device, where it has such. */
  kicksByStore: seldom(5),
  /** A second ring of requests, where the device has one; of net, a second pair of rings that stays idle. */
  hasSecond: fc.boolean(),
  /** Of net over vhost-vdpa: a queue for commands, with so much that they are for. */
  commands: fc.oneof({ weight: 1, arbitrary: fc.constant(0n) }, { weight: 4, arbitrary: commandFeatures }),
  room: fc.constantFrom(1600, 1600, 1600, 1600, 256, 128, 12 + 60, 16, 0x1_0000),
  placement: fc.constantFrom('contiguous' as const, 'apart' as const),
});

export type Setting = typeof setting extends fc.Arbitrary<infer Value> ? Value : never;
