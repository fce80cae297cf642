import type { IotlbFault } from '../memory/memory-map.ts';
import type { Codec } from '../wire/compile-layout.ts';
import { encodeMessage } from '../wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE, vhostIotlbPermissions, vhostIotlbType } from '../wire/vhost-user-constants.ts';
import { type BackEndMessageName, requestId } from '../wire/vhost-user-messages.ts';
import { emptyPayload, iotlbPayload, vringIndexPayload } from '../wire/vhost-user-payloads.ts';
import type { Decoded } from '../wire/wire-problem.ts';
import type { IotlbReport } from './iotlb-rules.ts';

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

/** A request of the back-end as it travels. */
export function backEndRequest<Value>(name: BackEndMessageName, codec: Codec<Value>, value: Value): Uint8Array {
  const message = new Uint8Array(VHOST_USER_HEADER_SIZE + codec.sizeOf(value));
  encodeMessage(message, { request: requestId[name], payload: { codec, value } });
  return message;
}

export const configChangeMessage = (): Uint8Array =>
  backEndRequest('VHOST_USER_BACKEND_CONFIG_CHANGE_MSG', emptyPayload, {});

/** A miss, or an access that no permission covers (struct vhost_iotlb_msg; size and user address mean nothing). */
export function iotlbReportMessage(kind: IotlbReport, { ioVirtualAddress, access }: IotlbFault): Uint8Array {
  return backEndRequest('VHOST_USER_BACKEND_IOTLB_MSG', iotlbPayload, {
    iova: ioVirtualAddress,
    size: 0n,
    userAddress: 0n,
    permissions: access === 'write' ? vhostIotlbPermissions.writeOnly : vhostIotlbPermissions.readOnly,
    type: kind === 'miss' ? vhostIotlbType.VHOST_IOTLB_MISS : vhostIotlbType.VHOST_IOTLB_ACCESS_FAIL,
  });
}

export const ringMessage = (
  name: 'VHOST_USER_BACKEND_VRING_CALL' | 'VHOST_USER_BACKEND_VRING_ERR',
  index: number,
  num: number,
): Uint8Array => backEndRequest(name, vringIndexPayload, { index, num });
