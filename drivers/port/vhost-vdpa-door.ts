/** The raw door of vhost-vdpa: calls, messages and mappings of the open device file. */
import type { IotlbMessage } from '../../reference-impl/wire/vdpa-structures.ts';
import type { ControlOutcome } from './outcome.ts';
import type { VhostCalls, VhostFile, VhostFileSession } from './vhost-kernel-door.ts';

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

/** An open vhost-vdpa file. */
export interface VdpaFile extends VhostFile {
  map(request: VdpaPageRequest): VdpaMapping | number;
}

export interface VdpaRange {
  readonly first: bigint;
  readonly last: bigint;
}

export type VdpaIotlbMessage = IotlbMessage;

/** The calls of vhost-vdpa. */
export interface VdpaCalls extends VhostCalls {
  readonly file: VdpaFile;
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
  setEnabled(index: number, enabled: boolean): number;
  suspend(): number;
  resume(): number;
  /** The doorbell of a queue. */
  mapDoorbell(index: number): VdpaMapping | number;
  /** Stores 16 bits at the start of a doorbell. */
  store16(mapping: VdpaMapping, index: number, value: number): void;
}

/** An open vhost-vdpa device, with the doors for what no well-behaved driver does. */
export interface VhostVdpaSession extends VhostFileSession {
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
