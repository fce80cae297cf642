import { vdpaRequests } from './vdpa-structures.ts';
import { vfioGroupRequests, vfioRequests } from './vfio-structures.ts';
import { vhostNetRequests, vhostRequests } from './vhost-requests.ts';

const names = new Map<number, string>(
  [
    ...Object.entries(vfioRequests),
    ...Object.entries(vfioGroupRequests),
    ...Object.entries(vdpaRequests),
    ...Object.entries(vhostRequests),
    ...Object.entries(vhostNetRequests),
  ].map(([name, request]) => [request, name]),
);

/** The name of a call of VFIO or of a message of vhost, or its number where it has none here. */
export function ioctlName(request: number): string {
  return names.get(request) ?? `request 0x${request.toString(16)}`;
}
