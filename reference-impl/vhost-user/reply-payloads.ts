import type { Codec } from '../wire/compile-layout.ts';
import { encodeMessage } from '../wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../wire/vhost-user-constants.ts';
import { requestId } from '../wire/vhost-user-messages.ts';
import { vringIndexPayload } from '../wire/vhost-user-payloads.ts';
import type { Decoded } from '../wire/wire-problem.ts';

export function encoded<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const bytes = new Uint8Array(codec.sizeOf(value));
  codec.encode(value, new DataView(bytes.buffer), 0);
  return bytes;
}

export function u64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** The first of the entry's forms that the payload fits; else why the last one does not. */
export function decodePayload<Value>(
  entry: { readonly payload: readonly Codec<Value>[] },
  payload: DataView,
): Decoded<Value> {
  let outcome: Decoded<Value> = { ok: false, problems: [] };
  for (const form of entry.payload) {
    outcome = form.decode(payload, 0, payload.byteLength);
    if (outcome.ok) return outcome;
  }
  return outcome;
}

/** A request of the back-end without payload. */
export function configChangeMessage(): Uint8Array {
  const message = new Uint8Array(VHOST_USER_HEADER_SIZE);
  encodeMessage(message, { request: requestId.VHOST_USER_BACKEND_CONFIG_CHANGE_MSG });
  return message;
}

export function ringMessage(
  name: 'VHOST_USER_BACKEND_VRING_CALL' | 'VHOST_USER_BACKEND_VRING_ERR',
  index: number,
  num: number,
): Uint8Array {
  const message = new Uint8Array(VHOST_USER_HEADER_SIZE + vringIndexPayload.size);
  encodeMessage(message, { request: requestId[name], payload: { codec: vringIndexPayload, value: { index, num } } });
  return message;
}
