import type { VfioFile } from '../port/vhost-mdev-door.ts';
import type { DeviceFileCarrier } from '../session/device-file-port.ts';
import type { IoVirtualRange } from './io-virtual-ranges.ts';

/** Told of every call that opening a device makes, before and after it. */
export interface OpeningCalls {
  begin(on: 'container' | 'group', request: number, argument: Uint8Array): void;
  /** `result` as calls answer. */
  end(result: number, argument: Uint8Array): void;
}

/** What carries VFIO to one device. */
export interface VfioCarrier extends DeviceFileCarrier {
  /** Where I/O-virtual addresses may lie, once it was opened. Absent, or undefined: anywhere. */
  readonly ioVirtualRanges?: readonly IoVirtualRange[] | undefined;
  /** Opens the device and does nothing more. `refused` says why it cannot be had. */
  open(
    calls?: OpeningCalls,
  ): { readonly kind: 'opened'; readonly file: VfioFile } | { readonly kind: 'refused'; readonly why: string };
}
