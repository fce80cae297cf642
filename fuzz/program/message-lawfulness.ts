import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import { decodeRequest } from '../../reference-impl/wire/decode-request.ts';
import { encodeHeaderInto } from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../../reference-impl/wire/vhost-user-constants.ts';
import { messageById, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { WireProblemName } from '../../reference-impl/wire/wire-problem.ts';
import { mdevPayloadSize, mdevRequestOf } from './mdev-request.ts';
import { payloadOf } from './message-payload.ts';
import type { CallOf } from './program.ts';

/** Any address that is well formed: what it means is not looked at here. */
const somewhere = 0x7e00_0010_0000n;

/** A rule that a message breaks. `kind` names it where the bytes of the message alone do. */
export interface MessageProblem {
  readonly kind: WireProblemName | undefined;
  readonly why: string;
}

/** The rule that a message breaks by its form, or because a feature is missing; undefined where it breaks none. */
export function problemOfMessage(
  call: CallOf<'message'>,
  transport: Transport,
  { offered, accepted }: { readonly offered: FeatureSet; readonly accepted: FeatureSet },
): MessageProblem | undefined {
  const payload = payloadOf(call, (address) => (address.kind === 'literal' ? address.value : somewhere));
  const { request, flags, declared = payload.length, truncate, descriptors } = call;
  if (transport !== 'vhost-user') {
    const known = mdevRequestOf(request);
    if (known === undefined) return { kind: undefined, why: 'a request that the transport does not have' };
    if (declared !== payload.length || truncate !== undefined) {
      return { kind: undefined, why: 'a size that is not that of the payload' };
    }
    if (payload.length === (mdevPayloadSize(known) ?? payload.length)) return undefined;
    return { kind: undefined, why: 'a payload of another size' };
  }
  const bytes = new Uint8Array(VHOST_USER_HEADER_SIZE + payload.length);
  encodeHeaderInto(new DataView(bytes.buffer), 0, request, flags, declared);
  bytes.set(payload, VHOST_USER_HEADER_SIZE);
  const decoded = decodeRequest('front-end', bytes.subarray(0, truncate ?? bytes.length), descriptors.length, {
    offeredFeatures: offered.device,
    features: accepted.device,
    protocolFeatures: accepted.protocol,
  });
  const found = decoded.ok ? decoded.remarks : decoded.problems;
  const [first] = found;
  // Of several problems none says alone why the message is refused.
  return first === undefined ? undefined : { kind: found.length === 1 ? first.name : undefined, why: first.detail };
}

const questions: ReadonlySet<number> = new Set([
  requestId.VHOST_USER_GET_FEATURES,
  requestId.VHOST_USER_GET_PROTOCOL_FEATURES,
  requestId.VHOST_USER_GET_QUEUE_NUM,
  requestId.VHOST_USER_GET_CONFIG,
  requestId.VHOST_USER_GET_MAX_MEM_SLOTS,
  requestId.VHOST_USER_GET_STATUS,
  requestId.VHOST_USER_GET_SHMEM_CONFIG,
]);

/** Whether a request changes nothing. */
export const isQuestion = (request: number): boolean => questions.has(request);

/** The name of a request, or its number in words. */
export const nameOfRequest = (request: number): string =>
  messageById('front-end', request)?.name ?? `request ${request}`;
