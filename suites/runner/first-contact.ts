import {
  DeadlineError,
  type DriverPort,
  IutGoneError,
  PeerProtocolError,
  type ReceivedMessage,
  type Session,
} from '../../drivers/driver-port.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REPLY_FLAGS } from '../../reference-impl/wire/vhost-user-constants.ts';
import { exitText } from '../check.ts';
import type { Offer } from './applicability.ts';

/** What the first session with a target shows. */
export type FirstContact =
  | { readonly kind: 'served'; readonly offer: Offer; readonly latencyUs: number }
  | { readonly kind: 'not-served'; readonly why: string };

const roundTrips = 50;
const firstAnswerMs = 10_000;
const protocolFeaturesBit = 30n;
const slowestDeadlineMs = 10_000;
const fastestDeadlineMs = 1_000;
const latenciesInDeadline = 2_000;
/** Version and reply flag; the bit between says that an acknowledgement is wanted. */
const replyMask = 0x7;
const shownBytes = 16;

/**
 * Connects, reads the offer and measures the median latency of GET_FEATURES. What does not speak the protocol is named
 * for what it does instead. The first answer may take ten seconds: some serve their first connection late.
 */
export function firstContact(port: DriverPort): FirstContact {
  const opened = port.connect();
  if (opened.kind === 'refused') return { kind: 'not-served', why: whyRefused(opened.why) };
  try {
    return converse(port, opened.session);
  } catch (error) {
    if (error instanceof PeerProtocolError || error instanceof DeadlineError || error instanceof IutGoneError) {
      return { kind: 'not-served', why: `it does not speak ${port.facts.transport}: ${error.message}` };
    }
    throw error;
  } finally {
    opened.session.close();
    port.releaseAll();
  }
}

function whyRefused(why: string): string {
  return why.includes('ECONNREFUSED') ? 'nobody serves this socket' : `it refuses the connection: ${why}`;
}

/** Milliseconds that a case waits for what is owed, scaled by the latency that was measured. */
export function deadlineFor(latencyUs: number, scale: number): number {
  const scaled = Math.max(fastestDeadlineMs, (latencyUs / 1000) * latenciesInDeadline);
  return Math.min(slowestDeadlineMs, Math.round(scaled * scale));
}

function converse(port: DriverPort, session: Session): FirstContact {
  const features = askFeatures(port, session);
  if (typeof features === 'string') return { kind: 'not-served', why: features };
  let protocolFeatures = 0n;
  if (port.facts.transport === 'vhost-user' && ((features >> protocolFeaturesBit) & 1n) === 1n) {
    const answer = ask(session, 'VHOST_USER_GET_PROTOCOL_FEATURES');
    if (typeof answer === 'string') return { kind: 'not-served', why: answer };
    protocolFeatures = answer;
  }
  const latencies: number[] = [];
  for (let count = 0; count < roundTrips; count++) {
    const from = port.nowMs();
    const answer = askFeatures(port, session);
    if (typeof answer === 'string') return { kind: 'not-served', why: answer };
    latencies.push((port.nowMs() - from) * 1000);
  }
  latencies.sort((a, b) => a - b);
  return { kind: 'served', offer: { features, protocolFeatures }, latencyUs: latencies[roundTrips / 2] ?? 0 };
}

/** The word of feature bits, or what came instead, in words. */
function askFeatures(port: DriverPort, session: Session): bigint | string {
  if (port.facts.transport === 'vhost-user') return ask(session, 'VHOST_USER_GET_FEATURES');
  const answer = session.readFeatures('features', firstAnswerMs);
  switch (answer.kind) {
    case 'word':
      return answer.word;
    case 'malformed':
      return answer.why;
    case 'closed':
      return 'the device is gone';
    case 'silent':
      return 'it does not answer GET_FEATURES';
    case 'died':
      return `it died at GET_FEATURES: ${exitText(answer.exit)}`;
  }
}

/** The u64 of the reply, or what came instead, in words. */
function ask(session: Session, request: string): bigint | string {
  const exchange = session.messages.exchange({ request }, firstAnswerMs);
  switch (exchange.kind) {
    case 'reply':
      return wordOf(exchange.message, request);
    case 'closed':
      return `it closed the connection at ${request}`;
    case 'silent':
      return `it did not answer ${request} within ${Math.round(exchange.waitedMs / 1000)} s`;
    case 'died':
      return `it died at ${request}: ${exitText(exchange.exit)}`;
  }
}

function wordOf(message: ReceivedMessage, request: string): bigint | string {
  const { payload, flags } = message;
  if ((flags & replyMask) !== VHOST_USER_REPLY_FLAGS) {
    const begin = beginOf(message);
    if (begin.toString('latin1').startsWith('HTTP/')) return 'it speaks HTTP and not vhost-user';
    const shown = begin
      .subarray(0, shownBytes)
      .toString('hex')
      .replace(/..(?=.)/g, '$& ');
    return `it answers ${request} with something that is not vhost-user: ${shown} …`;
  }
  if (payload.length !== 8) return `its answer to ${request} has ${payload.length} bytes in place of 8`;
  return new DataView(payload.buffer, payload.byteOffset, 8).getBigUint64(0, true);
}

/** The bytes with which a message came: its header, and what there is of a payload. */
function beginOf({ request, flags, size, payload }: ReceivedMessage): Buffer {
  const header = Buffer.alloc(VHOST_USER_HEADER_SIZE);
  for (const [at, word] of [request, flags, size].entries()) header.writeUInt32LE(word >>> 0, at * 4);
  return Buffer.concat([header, payload]);
}
