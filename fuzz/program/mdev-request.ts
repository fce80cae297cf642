import { mdevMessages } from '../../reference-impl/wire/mdev-messages.ts';
import { type VhostRequest, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';

const isVhostRequest = (name: string): name is VhostRequest => Object.hasOwn(vhostRequests, name);
const byNumber: ReadonlyMap<number, VhostRequest> = new Map(
  Object.entries(vhostRequests).flatMap(([name, number]) => (isVhostRequest(name) ? [[number, name] as const] : [])),
);

/** The request of vhost-mdev that a number stands for: its own, or that of the vhost-user request of the same name. */
export function mdevRequestOf(request: number): VhostRequest | undefined {
  const name = messageById('front-end', request)?.name.replace('VHOST_USER_', 'VHOST_');
  return name !== undefined && isVhostRequest(name) ? name : byNumber.get(request);
}

/** Bytes of the payload; undefined where the request has payloads of several sizes. */
export function mdevPayloadSize(request: VhostRequest): number | undefined {
  const isVariable = request === 'VHOST_SET_MEM_TABLE' || request === 'VHOST_DEVICE_SET_STATE';
  return isVariable ? undefined : mdevMessages[request].payload.size;
}
