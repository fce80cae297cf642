import type { SharedDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { ReporterName } from '../reporter-names.ts';

/** Options of `observe`. */
export interface ObserveOptions {
  readonly listen: readonly string[];
  readonly device: SharedDevice;
  readonly queues?: number;
  readonly sectors?: number;
  readonly wire: readonly string[];
  readonly connections: number;
  readonly time?: number;
  readonly expect: readonly string[];
  readonly text: readonly string[];
  readonly out?: string;
  readonly reporter: readonly ReporterName[];
}

/** Of a block device that a file system is to fit on: 64 MiB. */
export const observedSectors = 131_072;
