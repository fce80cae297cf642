import type { Guest, OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { ioVirtualAddress } from '../../reference-impl/memory/addresses.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { vhostIotlbPermissions, vhostIotlbType } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { iotlbPayload, packedIotlbPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';

/** Sessions whose addresses are translated; the case shares the memory itself. */
export const translated = {
  start: 'negotiated',
  transports: ['vhost-user'],
  shareMemory: false,
  negotiate: ['VIRTIO_F_ACCESS_PLATFORM', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
} as const;

export type Permission = keyof typeof vhostIotlbPermissions;

/** Where an entry of the IOTLB leads; sizes in bytes. */
export interface Entry {
  readonly iova: bigint;
  readonly size: bigint;
  readonly userAddress: bigint;
}

export const update = (entry: Entry, permission: Permission = 'readWrite'): OutgoingMessage => ({
  request: 'VHOST_USER_IOTLB_MSG',
  payload: { ...entry, permissions: vhostIotlbPermissions[permission], type: vhostIotlbType.VHOST_IOTLB_UPDATE },
});

export const invalidation = ({ iova, size }: Pick<Entry, 'iova' | 'size'>): OutgoingMessage => ({
  request: 'VHOST_USER_IOTLB_MSG',
  payload: { iova, size, userAddress: 0n, permissions: 0, type: vhostIotlbType.VHOST_IOTLB_INVALIDATE },
});

/** An access that the back-end says it could not make. */
export interface Report {
  readonly type: number;
  readonly iova: bigint;
  readonly permissions: number;
}

/** What the back-end reported so far, in either form of the message. */
export function reportsOf({ messages }: VhostUserSession): Report[] {
  const reports: Report[] = [];
  for (const { request, payload } of messages.backEndRequests) {
    if (request !== requestId.VHOST_USER_BACKEND_IOTLB_MSG) continue;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    for (const form of [iotlbPayload, packedIotlbPayload]) {
      const decoded = form.decode(view, 0, payload.byteLength);
      if (!decoded.ok) continue;
      reports.push(decoded.value);
      break;
    }
  }
  return reports;
}

const pageSize = 4096n;
const distance = 0x100_0000n;

/** I/O-virtual addresses behind all of the guest's, which lead nowhere unless an entry says so. */
export class Window {
  readonly #start: bigint;
  /** The pages on which the buffer lies that was moved last. */
  entry: Entry = { iova: 0n, size: pageSize, userAddress: 0n };

  constructor(guest: Guest) {
    const ends = guest.regions.map(({ ioVirtualAddress: start, size }) => start + BigInt(size));
    const last = ends.reduce((most, end) => (end > most ? end : most), 0n);
    this.#start = (last / pageSize) * pageSize + distance;
  }

  /** The buffer, with an address in the window; `entry` would lead it back. */
  readonly moved = (segment: Segment): Segment => {
    const { userAddress, length } = segment;
    const first = (userAddress / pageSize) * pageSize;
    const inPage = userAddress - first;
    const pages = (inPage + BigInt(length) + pageSize - 1n) / pageSize;
    this.entry = { iova: this.#start, size: pages * pageSize, userAddress: first };
    return { ...segment, ioVirtualAddress: ioVirtualAddress(this.#start + inPage) };
  };

  /** As `moved`, for a buffer of data; a status byte stays where it is. */
  readonly movedData = (segment: Segment): Segment => (segment.length > 1 ? this.moved(segment) : segment);

  /** As `movedData`, to an address where another buffer was; `entry` stays as it is. */
  readonly at =
    (address: bigint) =>
    (segment: Segment): Segment =>
      segment.length > 1 ? { ...segment, ioVirtualAddress: ioVirtualAddress(address) } : segment;

  /** `entry` in two: its first page, and the pages behind it. */
  parts(): { readonly first: Entry; readonly rest: Entry } {
    const { iova, size, userAddress } = this.entry;
    return {
      first: { iova, size: pageSize, userAddress },
      rest: { iova: iova + pageSize, size: size - pageSize, userAddress: userAddress + pageSize },
    };
  }

  /** Reports of accesses in the window, or in a part of it. */
  reports(session: VhostUserSession, { iova, size }: Entry = this.entry): Report[] {
    return reportsOf(session).filter((report) => report.iova >= iova && report.iova < iova + size);
  }
}
