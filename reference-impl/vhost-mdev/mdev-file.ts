import type { MdevState } from './mdev-state.ts';

/** What a file hands its calls to: each answers a count or 0, or an error number negated. */
export interface OpenedDevice extends MdevState {
  read(position: number, count: number, target: Uint8Array): number;
  write(position: number, count: number, source: Uint8Array): number;
  map(position: number, length: number, isShared: boolean): Uint8Array | number;
  ioctl(request: number, argument: Uint8Array): number;
  /** A file was closed. */
  closed(): void;
}

/** An open file of a device. The system has no call on one that was closed: it is closed once. */
export class MdevFile {
  readonly device: OpenedDevice;

  constructor(device: OpenedDevice) {
    this.device = device;
  }

  pread(position: number, count: number, target: Uint8Array): number {
    return this.device.read(position, count, target);
  }

  pwrite(position: number, count: number, source: Uint8Array): number {
    return this.device.write(position, count, source);
  }

  map(position: number, length: number, isShared: boolean): Uint8Array | number {
    return this.device.map(position, length, isShared);
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.device.ioctl(request, argument);
  }

  close(): void {
    this.device.closed();
  }
}
