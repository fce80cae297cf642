import { type VhostRequest, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';

const isVhostRequest = (name: string): name is VhostRequest => Object.hasOwn(vhostRequests, name);

/** The request of vhost-mdev that a request number of vhost-user stands for, by its name. */
export function mdevRequestOf(request: number): VhostRequest | undefined {
  const name = messageById('front-end', request)?.name.replace('VHOST_USER_', 'VHOST_');
  return name !== undefined && isVhostRequest(name) ? name : undefined;
}

const numbers: ReadonlySet<number> = new Set(Object.values(vhostRequests));

/** Whether a vhost-mdev has it: by the name of vhost-user, or by its own number. */
export const isMdevRequest = (request: number): boolean => mdevRequestOf(request) !== undefined || numbers.has(request);
