/** The raw door of vhost-mdev: VFIO calls on the open device, and the region that carries its messages. */
import type { VhostRequest } from '../../reference-impl/wire/vhost-requests.ts';
import type { Session } from './session.ts';

/**
 * An open VFIO device with the container that its memory is mapped in, as the kernel's interface has it. Every call
 * answers a count or 0, or an error number negated; what a device refuses is never a throw.
 */
export interface VfioFile {
  /** A call on the device. The argument is a structure of VFIO, into which the call may write. */
  ioctl(request: number, argument: Uint8Array): number;
  /** A call on the container. */
  containerIoctl(request: number, argument: Uint8Array): number;
  /** `count` where more is asked for than the bytes: behind them there is no memory. */
  pread(position: number, bytes: Uint8Array, count?: number): number;
  pwrite(position: number, bytes: Uint8Array, count?: number): number;
  /** Maps a part of the file, shared. */
  map(position: number, length: number): VfioMapping | number;
  /** Closes the device, then the container. Idempotent. */
  close(): void;
}

export interface VfioMapping {
  readonly bytes: Uint8Array;
  /** Idempotent. */
  unmap(): void;
}

export interface DeviceInfo {
  /** VFIO_DEVICE_FLAGS_*. */
  readonly flags: number;
  readonly numRegions: number;
  readonly numIrqs: number;
}

export interface RegionInfo {
  /** VFIO_REGION_INFO_FLAG_*. */
  readonly flags: number;
  readonly size: bigint;
  /** File position of its first byte. */
  readonly offset: bigint;
}

export interface IrqInfo {
  /** VFIO_IRQ_INFO_*. */
  readonly flags: number;
  readonly count: number;
}

export interface DmaRange {
  readonly ioVirtualAddress: bigint;
  readonly size: bigint;
}

export type DmaPermission = 'read' | 'write' | 'read-write';

/** The calls of VFIO on an open device, with structures for values. A negative number is an error number, negated. */
export interface VfioDevice {
  /** For calls that no method makes: any request, any argument, any position. They enter the log too. */
  readonly file: VfioFile;
  deviceInfo(): DeviceInfo | number;
  /** Asked once for each index. */
  regionInfo(index: number): RegionInfo | number;
  irqInfo(index: number): IrqInfo | number;
  /** Reads at an offset of a region: bytes read. `count` as in `VfioFile`. */
  read(region: number, offset: number, bytes: Uint8Array, count?: number): number;
  /** Writes at an offset of a region: bytes written. */
  write(region: number, offset: number, bytes: Uint8Array, count?: number): number;
  map(region: number, offset: number, length: number): VfioMapping | number;
  /** Stores 16 bits at the start of what was mapped there. */
  store16(mapping: VfioMapping, region: number, offset: number, value: number): void;
  /** Gives vectors from `start` on an eventfd each; -1 takes a vector's away. The eventfds stay ours. */
  setIrqEvents(index: number, start: number, events: readonly number[]): number;
  /** Count 0 without data: takes the eventfds of an index away. */
  dropIrqs(index: number, start?: number): number;
  /** Unmasks the first interrupt of an index, which was masked as it signalled. */
  unmaskIrq(index: number): number;
  mapDma(range: DmaRange & { readonly userAddress: bigint; readonly permission?: DmaPermission }): number;
  /** Bytes that were unmapped. */
  unmapDma(range: DmaRange): bigint | number;
  reset(): number;
  close(): void;
}

/** Where a layout has its regions and its interrupts, and which addresses the driver passes. */
export interface MdevPlaces {
  readonly name: 'l1' | 'l2';
  readonly messages: number;
  readonly doorbells: number;
  readonly interrupts: number;
  /** Memory is described by SET_MEM_TABLE, or mapped into the container. */
  readonly memory: 'table' | 'container';
}

/** What came of a message: the payload of its answer (empty where it has none), or an error number, negated. */
export type MdevExchange = Uint8Array | number;

/** Messages to a device and answers from it: a write each, and a read for those that have an answer. */
export interface MdevChannel {
  /** Writes a message as it is given: the bytes taken, or an error number, negated. */
  send(message: Uint8Array): number;
  /** Reads what waits: the bytes of an answer, fewer than asked where there are fewer, or an error number, negated. */
  receive(length: number): Uint8Array | number;
  /**
   * One message and its answer.
   * @throws PeerProtocolError where a write or read is short, or the answer is to another request.
   */
  exchange(request: VhostRequest, payload?: Uint8Array): MdevExchange;
}

/** An open vhost-mdev device, with the doors for what no well-behaved driver does. */
export interface VhostMdevSession extends Session {
  /** Where the device's layout has what. */
  readonly places: MdevPlaces;
  /** Bytes of a page where the device is: those of a ring's doorbell. */
  readonly pageSize: number;
  /** The calls of VFIO on the device and its container; `vfio.file` takes any request, argument and position. */
  readonly vfio: VfioDevice;
  /** Messages as they are, and their answers. */
  readonly channel: MdevChannel;
  /** Closes the device as it is, running or not. */
  abandon(): void;
}
