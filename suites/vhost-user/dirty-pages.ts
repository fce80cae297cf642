import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { RequestShape } from '../../drivers/devices/request.ts';
import { unmet } from '../../drivers/devices/request-needs.ts';
import type { DriverPort, Exchange, Guest, OutgoingMessage, Queue, VhostUserSession } from '../../drivers/port/port.ts';
import type { Check } from '../check.ts';

/** Bytes of a page of a log. */
export const pageSize = 4096n;

/** Numbers of the pages that are marked in these bytes of a log, in order. */
export function markedPages(log: Uint8Array): number[] {
  const pages: number[] = [];
  for (const [at, byte] of log.entries()) {
    for (let bit = 0; byte >> bit !== 0; bit++) if (((byte >> bit) & 1) === 1) pages.push(8 * at + bit);
  }
  return pages;
}

export interface DirtyPagesOptions {
  /** Bytes of the log: each covers 8 pages of 4096 bytes. */
  readonly size: number;
  /** Where in its file the log begins; a multiple of 4096. */
  readonly offset?: number;
  /** Bytes of the file; up to the end of the log unless given. */
  readonly fileSize?: number;
}

/** A log of dirty pages in a file of ours (vhost-user, "Migration"). */
export class DirtyPages {
  readonly fd: number;
  readonly size: number;
  readonly offset: number;
  readonly fileSize: number;
  readonly #port: DriverPort<VhostUserSession>;

  constructor(port: DriverPort<VhostUserSession>, { size, offset = 0, fileSize = offset + size }: DirtyPagesOptions) {
    this.#port = port;
    this.size = size;
    this.offset = offset;
    this.fileSize = fileSize;
    this.fd = port.descriptors.memoryFile(fileSize);
  }

  get message(): OutgoingMessage {
    return {
      request: 'VHOST_USER_SET_LOG_BASE',
      payload: { logSize: BigInt(this.size), logOffset: BigInt(this.offset) },
      descriptors: [this.fd],
    };
  }

  /** SET_LOG_BASE, and what came of it. */
  tell(session: VhostUserSession): Exchange {
    return session.messages.exchange(this.message);
  }

  /** Numbers of the pages that are marked, in order. */
  marked(): number[] {
    return markedPages(this.#port.descriptors.load(this.fd, this.offset, this.size));
  }

  /** Bytes of the file outside the log that are not zero. */
  bytesOutside(): number {
    const { descriptors } = this.#port;
    const end = this.offset + this.size;
    const outside = [
      ...descriptors.load(this.fd, 0, this.offset),
      ...descriptors.load(this.fd, end, this.fileSize - end),
    ];
    return outside.filter((byte) => byte !== 0).length;
  }

  byteOf(page: number): number {
    return this.#port.descriptors.load(this.fd, this.offset + (page >> 3), 1)[0] ?? 0;
  }

  setByteOf(page: number, value: number): void {
    this.#port.descriptors.store(this.fd, this.offset + (page >> 3), Uint8Array.of(value));
  }

  clear(): void {
    this.#port.descriptors.store(this.fd, 0, new Uint8Array(this.fileSize));
  }
}

/** Bytes that the device wrote, from a guest-physical address on. */
export interface Written {
  readonly guestAddress: bigint;
  readonly length: number;
}

/** Pages that those bytes lie in. */
export function pagesOf({ guestAddress, length }: Written): number[] {
  const first = Number(guestAddress / pageSize);
  const last = Number((guestAddress + BigInt(length) - 1n) / pageSize);
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}

/** Bytes of a log that covers all of a guest, in whole pages. */
export function logOf({ regions }: Guest): number {
  const ends = regions.map(({ guestAddress, size }) => Number(guestAddress) + size);
  const pages = Math.max(...ends) / Number(pageSize);
  return Math.ceil(pages / 8 / Number(pageSize)) * Number(pageSize);
}

/** Covers the guest of the layout `single-region`, whose pages begin at byte 0x8000, and some more. */
export const wholeLog = 0x9000;

const overPages = { crossing: 'page' } as const;

/**
 * Has the device write over the boundary of two pages, or where it is told, and waits for it: the span that it wrote.
 * @throws as `waitForUsed`.
 */
export function writeOverBoundary(
  driver: DeviceDriver,
  queue: Queue,
  where: NonNullable<RequestShape['writableWhere']> = overPages,
): Written {
  if (driver.kind !== 'net') {
    const { segments } = driver.request({
      bytes: Math.min(8192, driver.largestRequest),
      writableWhere: where,
    });
    const [target] = segments.filter((segment) => segment.writable);
    if (target === undefined) throw unmet('written-buffers');
    queue.makeAvailable([segments]);
    const length = queue.kickAndWaitForUsed(1)[0]?.len ?? 0;
    return { guestAddress: target.guestAddress, length };
  }
  const { net } = driver;
  const frame = net.transmit({ bytes: 1000 });
  const length = net.headerSize + 1000;
  const { segments } = net.receiveBuffer(length, { writableWhere: where }).request;
  const receive = driver.companion(net.facts.receiveIndex);
  receive.makeAvailable([segments]);
  receive.kick();
  queue.makeAvailable([frame.segments]);
  queue.kickAndWaitForUsed(1);
  receive.waitForUsed(1);
  return { guestAddress: segments[0]?.guestAddress ?? 0n, length };
}

/** Pages that should be marked and are not. */
export const missing = (expected: readonly number[], marked: readonly number[]): number[] =>
  expected.filter((page) => !marked.includes(page));

/** Page numbers for people. */
export const hex = (pages: readonly number[]): string => pages.map((page) => `0x${page.toString(16)}`).join(', ');

/** The log is told of, and answered. */
export function loggedBy(session: VhostUserSession, log: DirtyPages, check: Check): DirtyPages {
  check.reply(log.tell(session), 'SET_LOG_BASE');
  return log;
}
