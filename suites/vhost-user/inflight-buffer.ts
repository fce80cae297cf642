import type { DriverPort, OutgoingMessage, ReceivedMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { payloadOf } from './words.ts';

/** struct QueueRegionSplit (vhost-user, "Inflight I/O tracking"): a header of 16 bytes, then 16 for each descriptor. */
const headerSize = 16;
const entrySize = 16;
const field = { version: 8, descNum: 10, lastBatchHead: 12, usedIdx: 14 } as const;
const entryField = { inflight: 0, next: 6, counter: 8 } as const;

export interface InflightDescription {
  readonly mmapSize: bigint;
  readonly mmapOffset: bigint;
  readonly numQueues: number;
  readonly queueSize: number;
}

export const getInflight = (numQueues: number, queueSize: number): OutgoingMessage => ({
  request: 'VHOST_USER_GET_INFLIGHT_FD',
  payload: { mmapSize: 0n, mmapOffset: 0n, numQueues, queueSize },
});

export const setInflight = (description: InflightDescription, descriptors: readonly number[]): OutgoingMessage => ({
  request: 'VHOST_USER_SET_INFLIGHT_FD',
  payload: { ...description },
  descriptors,
});

/** The reply to GET_INFLIGHT_FD; undefined where it is too short to be one. */
export function describedBy(message: ReceivedMessage): InflightDescription | undefined {
  if (message.payload.length < 20) return undefined;
  const view = payloadOf(message, 20);
  return {
    mmapSize: view.getBigUint64(0, true),
    mmapOffset: view.getBigUint64(8, true),
    numQueues: view.getUint16(16, true),
    queueSize: view.getUint16(18, true),
  };
}

/** The least that a region of one queue takes. */
export const smallestRegion = (queueSize: number): number => headerSize + entrySize * queueSize;

/** The record of one split queue in the buffer of a back-end. The back-end owns the memory: it is read and written in its file. */
export class InflightQueue {
  readonly #port: DriverPort<VhostUserSession>;
  readonly #fd: number;
  readonly #at: number;

  constructor(port: DriverPort<VhostUserSession>, fd: number, description: InflightDescription, queue: number) {
    this.#port = port;
    this.#fd = fd;
    const stride = Number(description.mmapSize) / Math.max(1, description.numQueues);
    this.#at = Number(description.mmapOffset) + queue * Math.floor(stride);
  }

  get version(): number {
    return this.#u16(field.version);
  }
  get descNum(): number {
    return this.#u16(field.descNum);
  }
  get usedIdx(): number {
    return this.#u16(field.usedIdx);
  }

  get lastBatchHead(): number {
    return this.#u16(field.lastBatchHead);
  }

  isInflight(head: number): boolean {
    return this.#bytes(this.#entry(head) + entryField.inflight, 1).getUint8(0) !== 0;
  }

  counter(head: number): bigint {
    return this.#bytes(this.#entry(head) + entryField.counter, 8).getBigUint64(0, true);
  }

  /** Writes fields of the header. */
  set(values: Partial<Record<keyof typeof field, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      this.#store(field[name as keyof typeof field], Uint8Array.of(value & 0xff, (value >> 8) & 0xff));
    }
  }

  setEntry(head: number, { inflight = 0, next = 0, counter = 0n }): void {
    const entry = new DataView(new ArrayBuffer(entrySize));
    entry.setUint8(entryField.inflight, inflight);
    entry.setUint16(entryField.next, next, true);
    entry.setBigUint64(entryField.counter, counter, true);
    this.#store(this.#entry(head), new Uint8Array(entry.buffer));
  }

  #entry(head: number): number {
    return headerSize + entrySize * head;
  }

  #u16(at: number): number {
    return this.#bytes(at, 2).getUint16(0, true);
  }

  #bytes(at: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    bytes.set(this.#port.descriptors.load(this.#fd, this.#at + at, length));
    return new DataView(bytes.buffer);
  }

  #store(at: number, bytes: Uint8Array): void {
    this.#port.descriptors.store(this.#fd, this.#at + at, bytes);
  }
}
