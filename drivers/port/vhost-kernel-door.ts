/** The raw door of a vhost device file of the kernel, and that of /dev/vhost-net: calls and messages of the open file. */

import type { IotlbMessage } from '../../reference-impl/wire/vdpa-structures.ts';
import type { VhostMemoryRegion } from '../../reference-impl/wire/vhost-net-structures.ts';
import type { Session } from './session.ts';

/** An open device file. Every call answers a count or 0, or an error number negated; a refusal is never a throw. */
export interface VhostFile {
  /** The call gets the bytes with nothing behind them, and may write into them. */
  ioctl(request: number, argument: Uint8Array): number;
  write(bytes: Uint8Array): number;
  /** Idempotent. */
  close(): void;
}

/** The addresses of a ring, as VHOST_SET_VRING_ADDR has them. */
export interface VhostRingAddresses {
  readonly descriptor: bigint;
  readonly available: bigint;
  readonly used: bigint;
  readonly flags?: number;
  readonly log?: bigint;
}

/** The calls of every vhost device file, with structures for values. A negative number is an error number, negated. */
export interface VhostCalls {
  /** For calls that no method makes. They enter the log too. */
  readonly file: VhostFile;
  setOwner(): number;
  features(): bigint | number;
  setFeatures(word: bigint): number;
  backendFeatures(): bigint | number;
  setBackendFeatures(word: bigint): number;
  setSize(index: number, size: number): number;
  setAddresses(index: number, addresses: VhostRingAddresses): number;
  setBase(index: number, base: number): number;
  base(index: number): { readonly index: number; readonly num: number } | number;
  /** -1 takes the event away. */
  setEvent(use: 'kick' | 'call' | 'err', index: number, fd: number): number;
  /** Writes one message of the IOTLB, in version 2 unless told: bytes taken. */
  iotlb(message: IotlbMessage, type?: number): number;
}

/** A session on a vhost device file, whatever is behind it. */
export interface VhostFileSession extends Session {
  readonly calls: VhostCalls;
}

export interface VhostNetFile extends VhostFile {
  /** One read of that many bytes, or an error number negated: EAGAIN where no message waits. */
  read(length: number): Uint8Array | number;
}

/** A message of the IOTLB as it was read. */
export interface IotlbReport {
  /** VHOST_IOTLB_MSG, or VHOST_IOTLB_MSG_V2. */
  readonly type: number;
  /** VHOST_IOTLB_MISS, or any number. */
  readonly request: number;
  readonly ioVirtualAddress: bigint;
  readonly permission: number;
  readonly bytes: number;
}

/** What a memory table says of itself, where that is not what it holds. */
export interface MemoryTableHeader {
  readonly count?: number;
  readonly padding?: number;
}

/** The calls of /dev/vhost-net. */
export interface VhostNetCalls extends VhostCalls {
  readonly file: VhostNetFile;
  resetOwner(): number;
  setMemory(regions: readonly VhostMemoryRegion[], header?: MemoryTableHeader): number;
  /** @param userAddress of the log. */
  setLogBase(userAddress: bigint): number;
  /** -1 takes the event away. */
  setLogEvent(fd: number): number;
  /** @param fd a tap or a socket; -1 for none. */
  setBackend(index: number, fd: number): number;
  /** The next message; undefined where none waits. @throws PeerProtocolError for what is none. */
  report(): IotlbReport | undefined;
}

/** An open /dev/vhost-net. A ring is active while it has a backend. */
export interface VhostNetSession extends VhostFileSession {
  readonly calls: VhostNetCalls;
  /** The queue of the tap, which frames pass through. */
  readonly network: number;
  /** Closes the file as it is. */
  abandon(): void;
}
