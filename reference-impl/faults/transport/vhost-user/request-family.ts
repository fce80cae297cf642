import type { Handled } from '../../../vhost-user/handled.ts';
import { u64Bytes } from '../../../vhost-user/reply-payloads.ts';
import type { OutgoingMessage } from '../../../vhost-user/reply-rules.ts';
import { isStarted } from '../../../vhost-user/ring-state.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import { type FrontEndMessageName, requestId } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, inTable } from './vhost-user-fault.ts';

/** The same fault for one request after the other: a family has a fault for each request of a list. */

type Dashed<Text extends string> = Text extends `${infer First}_${infer Rest}` ? `${First}-${Dashed<Rest>}` : Text;
type Short<Request extends string> = Request extends `VHOST_USER_${infer Rest}` ? Dashed<Lowercase<Rest>> : never;

/** `set-vring-num-unanswered` for VHOST_USER_SET_VRING_NUM. */
export type FaultOfRequest<Request extends string, What extends string> = `${Short<Request>}-${What}`;

/** Requests without a reply of their own that the reference serves. */
export const acknowledgedRequests = [
  'VHOST_USER_SET_FEATURES',
  'VHOST_USER_SET_OWNER',
  'VHOST_USER_RESET_OWNER',
  'VHOST_USER_SET_MEM_TABLE',
  'VHOST_USER_SET_LOG_FD',
  'VHOST_USER_SET_VRING_NUM',
  'VHOST_USER_SET_VRING_ADDR',
  'VHOST_USER_SET_VRING_BASE',
  'VHOST_USER_SET_VRING_KICK',
  'VHOST_USER_SET_VRING_CALL',
  'VHOST_USER_SET_VRING_ERR',
  'VHOST_USER_SET_PROTOCOL_FEATURES',
  'VHOST_USER_SET_VRING_ENABLE',
  'VHOST_USER_SEND_RARP',
  'VHOST_USER_NET_SET_MTU',
  'VHOST_USER_SET_BACKEND_REQ_FD',
  'VHOST_USER_SET_CONFIG',
  'VHOST_USER_SET_INFLIGHT_FD',
  'VHOST_USER_RESET_DEVICE',
  'VHOST_USER_VRING_KICK',
  'VHOST_USER_ADD_MEM_REG',
  'VHOST_USER_REM_MEM_REG',
  'VHOST_USER_SET_STATUS',
] as const;

/** Requests with a reply of their own that the reference serves. */
export const repliedRequests = [
  'VHOST_USER_GET_FEATURES',
  'VHOST_USER_SET_LOG_BASE',
  'VHOST_USER_GET_VRING_BASE',
  'VHOST_USER_GET_PROTOCOL_FEATURES',
  'VHOST_USER_GET_QUEUE_NUM',
  'VHOST_USER_GET_CONFIG',
  'VHOST_USER_GET_INFLIGHT_FD',
  'VHOST_USER_GET_MAX_MEM_SLOTS',
  'VHOST_USER_GET_STATUS',
  'VHOST_USER_GET_SHMEM_CONFIG',
  'VHOST_USER_GET_SHARED_OBJECT',
] as const;

/** Those whose reply has a payload by the text, but for GET_FEATURES and GET_PROTOCOL_FEATURES, which every session asks. */
export const sizedReplies = [
  'VHOST_USER_GET_VRING_BASE',
  'VHOST_USER_GET_QUEUE_NUM',
  'VHOST_USER_GET_CONFIG',
  'VHOST_USER_GET_INFLIGHT_FD',
  'VHOST_USER_GET_MAX_MEM_SLOTS',
  'VHOST_USER_GET_STATUS',
  'VHOST_USER_GET_SHMEM_CONFIG',
] as const;

/** Those of them that few cases send. */
export const rareReplies = [
  'VHOST_USER_GET_QUEUE_NUM',
  'VHOST_USER_GET_INFLIGHT_FD',
  'VHOST_USER_GET_MAX_MEM_SLOTS',
  'VHOST_USER_GET_STATUS',
  'VHOST_USER_GET_SHMEM_CONFIG',
] as const;

/** Requests with a payload that the reference serves. */
export const sizedRequests = [
  'VHOST_USER_SET_FEATURES',
  'VHOST_USER_SET_MEM_TABLE',
  'VHOST_USER_SET_LOG_BASE',
  'VHOST_USER_SET_VRING_NUM',
  'VHOST_USER_SET_VRING_ADDR',
  'VHOST_USER_SET_VRING_BASE',
  'VHOST_USER_GET_VRING_BASE',
  'VHOST_USER_SET_VRING_KICK',
  'VHOST_USER_SET_VRING_CALL',
  'VHOST_USER_SET_VRING_ERR',
  'VHOST_USER_SET_PROTOCOL_FEATURES',
  'VHOST_USER_SET_VRING_ENABLE',
  'VHOST_USER_SEND_RARP',
  'VHOST_USER_NET_SET_MTU',
  'VHOST_USER_GET_CONFIG',
  'VHOST_USER_SET_CONFIG',
  'VHOST_USER_GET_INFLIGHT_FD',
  'VHOST_USER_SET_INFLIGHT_FD',
  'VHOST_USER_VRING_KICK',
  'VHOST_USER_ADD_MEM_REG',
  'VHOST_USER_REM_MEM_REG',
  'VHOST_USER_SET_STATUS',
  'VHOST_USER_SET_DEVICE_STATE_FD',
  'VHOST_USER_GET_SHARED_OBJECT',
] as const;

/** Requests that a front-end may send while rings run, but for GET_FEATURES, which every case sends then. */
export const requestsWhileRunning = [
  'VHOST_USER_SET_FEATURES',
  'VHOST_USER_SET_MEM_TABLE',
  'VHOST_USER_SET_LOG_BASE',
  'VHOST_USER_SET_LOG_FD',
  'VHOST_USER_SET_VRING_CALL',
  'VHOST_USER_SET_VRING_ERR',
  'VHOST_USER_GET_PROTOCOL_FEATURES',
  'VHOST_USER_GET_QUEUE_NUM',
  'VHOST_USER_SEND_RARP',
  'VHOST_USER_NET_SET_MTU',
  'VHOST_USER_SET_BACKEND_REQ_FD',
  'VHOST_USER_GET_CONFIG',
  'VHOST_USER_SET_CONFIG',
  'VHOST_USER_GET_INFLIGHT_FD',
  'VHOST_USER_GET_MAX_MEM_SLOTS',
  'VHOST_USER_ADD_MEM_REG',
  'VHOST_USER_REM_MEM_REG',
  'VHOST_USER_GET_SHMEM_CONFIG',
] as const;

/** Requests over which a back-end is seen to leak. */
export const leakingRequests = [
  'VHOST_USER_SET_FEATURES',
  'VHOST_USER_SET_MEM_TABLE',
  'VHOST_USER_SET_LOG_BASE',
  'VHOST_USER_SET_VRING_NUM',
  'VHOST_USER_SET_VRING_ADDR',
  'VHOST_USER_SET_BACKEND_REQ_FD',
  'VHOST_USER_GET_INFLIGHT_FD',
  'VHOST_USER_SET_INFLIGHT_FD',
  'VHOST_USER_ADD_MEM_REG',
] as const;

/** Requests over whose refusal a back-end is seen to leak. */
export const refusedRequests = [
  'VHOST_USER_SET_MEM_TABLE',
  'VHOST_USER_SET_LOG_BASE',
  'VHOST_USER_SET_VRING_NUM',
  'VHOST_USER_SET_INFLIGHT_FD',
  'VHOST_USER_ADD_MEM_REG',
  'VHOST_USER_REM_MEM_REG',
] as const;

/** Requests with a reply that the text ties to a feature that was negotiated, not only offered. */
export const gatedReplies = [
  'VHOST_USER_GET_CONFIG',
  'VHOST_USER_GET_INFLIGHT_FD',
  'VHOST_USER_GET_MAX_MEM_SLOTS',
  'VHOST_USER_GET_STATUS',
  'VHOST_USER_GET_SHMEM_CONFIG',
] as const;

const shortName = (request: string): string =>
  request
    .replace(/^VHOST_USER_/, '')
    .toLowerCase()
    .replaceAll('_', '-');

export const faultOfRequest = <Request extends string, What extends string>(
  request: Request,
  what: What,
): FaultOfRequest<Request, What> => `${shortName(request)}-${what}` as FaultOfRequest<Request, What>;

/** The names of a family, in the order of its requests. */
export const familyNames = (requests: readonly FrontEndMessageName[], what: string): string[] =>
  requests.map((request) => faultOfRequest(request, what));

/** A fault for each of the requests. */
export function familyOf<const Requests extends readonly FrontEndMessageName[], const What extends string>(
  requests: Requests,
  what: What,
  make: (request: FrontEndMessageName, text: string) => VhostUserFault,
): { readonly [Request in Requests[number] as FaultOfRequest<Request, What>]: VhostUserFault } {
  const entries = requests.map((request) => [
    faultOfRequest(request, what),
    make(request, request.replace(/^VHOST_USER_/, '')),
  ]);
  return Object.fromEntries(entries);
}

/**
 * Requests that come more than once on a connection count from the second on: what every session sends first stays
 * right. SET_OWNER counts behind protocol features, which a session acknowledges after it; RESET_OWNER always.
 */
const earliest = (request: FrontEndMessageName): number =>
  request === 'VHOST_USER_SET_OWNER' || request === 'VHOST_USER_RESET_OWNER' ? 1 : 2;

/** Changes the answers to one request, given how it was handled. */
export function answering(
  request: FrontEndMessageName,
  change: (message: OutgoingMessage, requestFlags: number) => readonly OutgoingMessage[],
): Change[] {
  const times = new WeakMap<object, number>();
  return [
    handling(request, (right, session) => {
      times.set(session, (times.get(session) ?? 0) + 1);
      return right();
    }),
    inTable('reply', {
      leaving: (message, flags, session) =>
        message.request === requestId[request] && (times.get(session) ?? 0) >= earliest(request)
          ? change(message, flags)
          : [message],
    }),
  ];
}

/** Answers one request with 0 whether or not it asks. */
export function answeringUnasked(request: FrontEndMessageName): Change {
  const times = new WeakMap<object, number>();
  const answer: Handled = { kind: 'reply', payload: u64Bytes(0n) };
  return handling(request, (right, session) => {
    const time = (times.get(session) ?? 0) + 1;
    times.set(session, time);
    const handled = right();
    const isLate = request !== 'VHOST_USER_SET_OWNER' || session.protocolFeatures !== 0n;
    return handled.kind === 'done' && isLate && time >= earliest(request) ? answer : handled;
  });
}

const ringOfDescriptor = ({ u64 }: { readonly u64: bigint }): number => Number(u64 & 0xffn);

/** Whether the request is about a ring that runs; for those that are about no ring, whether one runs. */
function isLate(request: FrontEndMessageName, session: SessionState, value: unknown): boolean {
  if (request !== 'VHOST_USER_SET_VRING_CALL' && request !== 'VHOST_USER_SET_VRING_ERR') {
    return session.rings.someStarted;
  }
  const vring = session.ring(ringOfDescriptor(value as { u64: bigint }));
  return vring !== undefined && isStarted(vring.state);
}

/** From the request on, sent while a ring runs, no ring is served. */
export function stoppingRings(request: FrontEndMessageName, when: (value: never) => boolean = () => true): Change[] {
  const stopped = new WeakSet<object>();
  return [
    handling(request, (right, session, value) => {
      if (isLate(request, session, value) && when(value)) stopped.add(session);
      return right();
    }),
    inTable('deviceState', (right) => ({ isLive: (session) => right.isLive(session) && !stopped.has(session) })),
  ];
}
