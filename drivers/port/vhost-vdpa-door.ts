/** The raw door of vhost-vdpa: calls, messages and mappings of the open device file. */
import type { IotlbMessage } from '../../reference-impl/wire/vdpa-structures.ts';
import type { ControlOutcome } from './outcome.ts';
import type { Session } from './session.ts';

/** A page of a device file to be mapped. */
export interface VdpaPageRequest {
  /** The page's number in the file: that of the queue. */
  readonly page: number;
  readonly length: number;
  /** Shared unless told. */
  readonly isShared?: boolean;
  /** Writable alone unless told. */
  readonly isReadable?: boolean;
}

export interface VdpaMapping {
  readonly bytes: Uint8Array;
  /** Idempotent. */
  unmap(): void;
}

/** An open vhost-vdpa file. Every call answers a count or 0, or an error number negated; a refusal is never a throw. */
export interface VdpaFile {
  /** The call gets the bytes with nothing behind them, and may write into them. */
  ioctl(request: number, argument: Uint8Array): number;
  write(bytes: Uint8Array): number;
  map(request: VdpaPageRequest): VdpaMapping | number;
  /** Idempotent. */
  close(): void;
}

export interface VdpaRange {
  readonly first: bigint;
  readonly last: bigint;
}

export type VdpaIotlbMessage = IotlbMessage;

/** The addresses of a ring, as VHOST_SET_VRING_ADDR has them. */
export interface VdpaRingAddresses {
  readonly descriptor: bigint;
  readonly available: bigint;
  readonly used: bigint;
  readonly flags?: number;
  readonly log?: bigint;
}

/** The calls of vhost-vdpa, with structures for values. A negative number is an error number, negated. */
export interface VdpaCalls {
  /** For calls that no method makes. They enter the log too. */
  readonly file: VdpaFile;
  setOwner(): number;
  features(): bigint | number;
  setFeatures(word: bigint): number;
  backendFeatures(): bigint | number;
  setBackendFeatures(word: bigint): number;
  deviceId(): number;
  status(): number;
  setStatus(status: number): number;
  configSize(): number;
  readConfig(offset: number, length: number): Uint8Array | number;
  writeConfig(offset: number, bytes: Uint8Array): number;
  setConfigCall(fd: number): number;
  largestSize(): number;
  queueCount(): number;
  groupCount(): number;
  spaceCount(): number;
  iovaRange(): VdpaRange | number;
  groupOf(index: number): number;
  setGroupSpace(group: number, space: number): number;
  setSize(index: number, size: number): number;
  setAddresses(index: number, addresses: VdpaRingAddresses): number;
  setBase(index: number, base: number): number;
  base(index: number): { readonly index: number; readonly num: number } | number;
  /** -1 takes the event away. */
  setEvent(use: 'kick' | 'call' | 'err', index: number, fd: number): number;
  setEnabled(index: number, enabled: boolean): number;
  suspend(): number;
  resume(): number;
  /** Writes one message of the IOTLB, in version 2: bytes taken. */
  iotlb(message: VdpaIotlbMessage): number;
  /** The doorbell of a queue. */
  mapDoorbell(index: number): VdpaMapping | number;
  /** Stores 16 bits at the start of a doorbell. */
  store16(mapping: VdpaMapping, index: number, value: number): void;
}

/** An open vhost-vdpa device, with the doors for what no well-behaved driver does. */
export interface VhostVdpaSession extends Session {
  readonly calls: VdpaCalls;
  /** Bytes of a page where the device is. */
  readonly pageSize: number;
  /** Backend features that were acknowledged; 0 before. */
  readonly backendFeatures: bigint;
  /** Where the device takes I/O-virtual addresses; undefined where it does not tell. */
  readonly range: VdpaRange | undefined;
  /** DRIVER_OK, if it is not set yet: `attach` leaves that to the first use of a ring. */
  run(): ControlOutcome;
  /** Closes the file as it is. */
  abandon(): void;
}
