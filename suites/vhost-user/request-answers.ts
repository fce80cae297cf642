import type {
  DriverPort,
  Exchange,
  OutgoingMessage,
  ReceivedMessage,
  TargetFacts,
  VhostUserSession,
} from '../../drivers/port/port.ts';
import { negotiationBeforeOffer } from '../../judging/negotiation.ts';
import {
  commonFeatures,
  type FeatureName,
  type FeatureSet,
  featureSet,
  hasFeature,
} from '../../reference-impl/catalogue/catalogue.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { Check } from '../check.ts';
import { type LawfulRequest, lawfulRequests, type RequestSetting } from './lawful-requests.ts';
import { wordOf } from './words.ts';

/** What opens sessions for single requests. */
export interface RequestContext {
  readonly port: DriverPort<VhostUserSession>;
  readonly guest: Guest;
  connect(start: 'connected'): VhostUserSession;
}

/** A request and the offer of the IUT, as a point of a sweep. */
export interface RequestPoint {
  readonly key: string;
  readonly of: LawfulRequest;
}

const replyAck: FeatureName = 'VHOST_USER_PROTOCOL_F_REPLY_ACK';
const withoutPrefix = (name: string): string => name.replace(/^VHOST_USER_/, '');
const nameOf = ({ request, form }: LawfulRequest): string =>
  form === undefined ? withoutPrefix(request) : `${withoutPrefix(request)},${form}`;

/** What the IUT offers, on a session without a message yet; that session is as good as new afterwards. */
export function offerOf(session: VhostUserSession, check: Check): FeatureSet {
  const ask = (request: string): bigint => wordOf(check.reply(session.messages.exchange({ request }), request));
  const device = ask('VHOST_USER_GET_FEATURES');
  const hasProtocol = (device & (1n << 30n)) !== 0n;
  return featureSet({ device, protocol: hasProtocol ? ask('VHOST_USER_GET_PROTOCOL_FEATURES') : 0n });
}

/** The lawful requests to a device with this offer. */
export function requestsWithin(
  facts: TargetFacts,
  offer: FeatureSet,
  isWanted: (request: LawfulRequest) => boolean = () => true,
): RequestPoint[] {
  return lawfulRequests
    .filter(({ needs = [], devices, holds }) => {
      const isOfDevice = devices === undefined || devices.includes(facts.device);
      return isOfDevice && holds?.(facts) !== false && needs.every((name) => hasFeature(offer, name, facts));
    })
    .filter(isWanted)
    .map((of) => ({ key: nameOf(of), of }));
}

/**
 * A session on which the request is lawful, everything before it sent and behind a fence. Features beyond its needs are
 * those that the target cannot do without.
 */
export function openFor(
  { port, guest, connect }: RequestContext,
  of: LawfulRequest,
  check: Check,
  acknowledgements: 'negotiated' | 'not negotiated' = 'negotiated',
): RequestSetting {
  const session = connect('connected');
  check.isBesideText = of.isNoLongerSent === true;
  const negotiation = negotiationOf(of, port.facts, acknowledgements);
  const setting = { port, session, guest };
  if (of.request === 'VHOST_USER_SET_OWNER') {
    // A back-end may take the owner but once: it is not told of it before.
    acknowledgeProtocolFeatures(session, check, negotiation);
  } else {
    session.negotiate(negotiation);
  }
  of.before?.(setting);
  check.reply(session.messages.fence(), `GET_FEATURES before ${withoutPrefix(of.request)}`);
  return setting;
}

/** What a session for the request negotiates. */
export function negotiationOf(
  { needs = [] }: LawfulRequest,
  facts: TargetFacts,
  acknowledgements: 'negotiated' | 'not negotiated',
): FeatureSet {
  const isLeftOut = acknowledgements === 'not negotiated' && !needs.includes(replyAck);
  const wants = isLeftOut ? { negotiate: needs, without: [replyAck] } : { negotiate: [...needs, replyAck] };
  return negotiationBeforeOffer(wants, facts);
}

function acknowledgeProtocolFeatures(session: VhostUserSession, check: Check, wanted: FeatureSet): void {
  const u64 = commonFeatures(wanted, offerOf(session, check)).protocol;
  session.messages.send({ request: 'VHOST_USER_SET_PROTOCOL_FEATURES', payload: { u64 } });
}

/** What came for one message. */
export interface Answers {
  /** The messages that came for it, in order; empty where it was not answered. */
  readonly messages: readonly ReceivedMessage[];
  /** What came in place of the answer to a fence behind it; undefined where that came. */
  readonly ended: Exclude<Exchange, { kind: 'reply' }> | undefined;
}

/** More messages than this for one request are not read. */
const mostAnswers = 4;

/**
 * Sends the message and two fences behind it, and takes what comes up to the answer to the second. The fences are two
 * requests that differ from each other: a stray answer with the number of one of them does not hide.
 */
export function answersTo(session: VhostUserSession, message: OutgoingMessage): Answers {
  const fences = ['VHOST_USER_GET_FEATURES', 'VHOST_USER_GET_PROTOCOL_FEATURES'] as const;
  session.messages.send(message);
  for (const request of fences) session.messages.send({ request });
  const came: ReceivedMessage[] = [];
  const isFenced = (): boolean =>
    came.at(-1)?.request === requestId[fences[1]] && came.at(-2)?.request === requestId[fences[0]];
  while (!isFenced() && came.length < fences.length + mostAnswers) {
    const next = session.messages.receive();
    if (next.kind !== 'reply') return { messages: came, ended: next };
    came.push(next.message);
  }
  return { messages: isFenced() ? came.slice(0, -fences.length) : came, ended: undefined };
}

export const isAcknowledged = ({ answer }: LawfulRequest): boolean => answer === 'acknowledgement';
export const hasOwnReply = ({ answer }: LawfulRequest): boolean => answer === 'own-reply';

/** The points of the requests that the IUT's offer allows. */
export function pointsOf(
  context: RequestContext,
  check: Check,
  isWanted: (of: LawfulRequest) => boolean = () => true,
): RequestPoint[] {
  const session = context.connect('connected');
  const offer = offerOf(session, check);
  session.close();
  return requestsWithin(context.port.facts, offer, isWanted);
}

/** Request numbers of what came, for people. */
export const numbersIn = ({ messages }: Answers): string => messages.map(({ request }) => String(request)).join(', ');

/** Request numbers of what came, and how it ended, for people. */
export const shown = (answers: Answers): string =>
  [numbersIn(answers), answers.ended?.kind].filter((part) => part !== undefined && part !== '').join(', ');

/** Whether the fences were not answered: recorded as a failure of the check. */
export function isEnded({ ended }: Answers, check: Check, what: string): boolean {
  if (ended === undefined) return false;
  check.failsBy(ended, what, 'answers to the fences behind it');
  return true;
}
