import { type DriverPort, isOfIut, type OfferWord, type Session } from '../drivers/port/port.ts';
import { type FeatureSet, featureSet, hasFeature } from '../reference-impl/catalogue/catalogue.ts';
import { exitText } from './failure.ts';

/** What the first session with a target shows. */
export type FirstContact =
  | { readonly kind: 'served'; readonly offer: FeatureSet; readonly latencyUs: number }
  | { readonly kind: 'not-served'; readonly why: string };

const mostRoundTrips = 50;
/** A slow target is measured by fewer of them, but by these. */
const leastRoundTrips = 3;
const measuredWithinMs = 2000;
const longestFirstAnswerMs = 10_000;

/**
 * Connects, reads the offer and measures the median latency of GET_FEATURES. Where the peer does not speak the protocol,
 * `why` says what it does instead. Each answer may take ten seconds unless told: some serve their first connection late.
 */
export function firstContact(port: DriverPort, answersWithinMs = longestFirstAnswerMs): FirstContact {
  const opened = port.connect();
  if (opened.kind === 'refused') return { kind: 'not-served', why: whyRefused(opened.why) };
  try {
    return converse(port, opened.session, answersWithinMs);
  } catch (error) {
    if (!isOfIut(error)) throw error;
    return { kind: 'not-served', why: `it does not speak ${port.facts.transport}: ${error.message}` };
  } finally {
    opened.session.close();
    port.releaseAll();
  }
}

/** As `firstContact`, and finds out how the target takes further connections. */
export function firstContacts(port: DriverPort): FirstContact {
  const contact = firstContact(port);
  if (contact.kind === 'served') port.learnReconnection();
  port.releaseAll();
  return contact;
}

function whyRefused(why: string): string {
  return why.includes('ECONNREFUSED') ? 'no process listens on this socket' : `it refuses the connection: ${why}`;
}

function converse(port: DriverPort, session: Session, withinMs: number): FirstContact {
  const features = ask(session, 'features', withinMs);
  if (typeof features === 'string') return { kind: 'not-served', why: features };
  let protocolFeatures = 0n;
  if (hasFeature(featureSet({ device: features }), 'VHOST_USER_F_PROTOCOL_FEATURES', port.facts)) {
    const answer = ask(session, 'protocol-features', withinMs);
    if (typeof answer === 'string') return { kind: 'not-served', why: answer };
    protocolFeatures = answer;
  }
  let backendFeatures = 0n;
  if (port.facts.transport === 'vhost-vdpa') {
    const answer = ask(session, 'backend-features', withinMs);
    if (typeof answer === 'string') return { kind: 'not-served', why: answer };
    backendFeatures = answer;
  }
  const latencies: number[] = [];
  const began = port.nowMs();
  for (let count = 0; count < mostRoundTrips; count++) {
    if (count >= leastRoundTrips && port.nowMs() - began > measuredWithinMs) break;
    const from = port.nowMs();
    const answer = ask(session, 'features', withinMs);
    if (typeof answer === 'string') return { kind: 'not-served', why: answer };
    latencies.push((port.nowMs() - from) * 1000);
  }
  latencies.sort((a, b) => a - b);
  return {
    kind: 'served',
    offer: featureSet({ device: features, protocol: protocolFeatures, backend: backendFeatures }),
    latencyUs: latencies[latencies.length >> 1] ?? 0,
  };
}

/** The word of feature bits, or what came instead, in words. */
function ask(session: Session, which: OfferWord, withinMs: number): bigint | string {
  const answer = session.readFeatures(which, withinMs);
  const request = `GET_${which.toUpperCase().replace('-', '_')}`;
  switch (answer.kind) {
    case 'word':
      return answer.word;
    case 'malformed':
      return answer.why;
    case 'closed':
      return `it closed the connection at ${request}`;
    case 'silent':
      return `it did not answer ${request} within ${Math.round(answer.waitedMs / 1000)} s`;
    case 'died':
      return `it died at ${request}: ${exitText(answer.exit)}`;
  }
}
