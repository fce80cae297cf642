import type { CallRules } from './device-calls.ts';
import type { MdevState } from './mdev-state.ts';

/** What a file hands its calls to: each answers a count or 0, or an error number negated. */
export interface OpenedDevice extends MdevState {
  readonly rules: MdevState['rules'] & { readonly calls: Pick<CallRules, 'badBuffer'> };
  read(position: number, target: Uint8Array): number;
  write(position: number, source: Uint8Array): number;
  map(position: number, length: number): Uint8Array | number;
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

  /** Of the `count` bytes of the user's buffer, `target` is there. */
  pread(position: number, count: number, target: Uint8Array): number {
    return target.length < count ? this.device.rules.calls.badBuffer : this.device.read(position, target);
  }

  /** The same for writing. */
  pwrite(position: number, count: number, source: Uint8Array): number {
    return source.length < count ? this.device.rules.calls.badBuffer : this.device.write(position, source);
  }

  /** Shared, of whole pages from the position on: the system has no other mapping of a device. */
  map(position: number, length: number): Uint8Array | number {
    return this.device.map(position, length);
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.device.ioctl(request, argument);
  }

  close(): void {
    this.device.closed();
  }
}
