import type { Acceleration } from './acceleration.ts';

/** The options of `guest` as they were typed. */
export interface GuestOptions {
  readonly shell?: string;
  /** Targets whose hardware a shell command finds. */
  readonly hardwareOf: readonly string[];
  /** Whether Linux drives virtio devices itself, as on a host in use. */
  readonly drivers: boolean;
  readonly prepare: boolean;
  readonly moduleDir: readonly string[];
  readonly moduleOption: readonly string[];
  readonly atBoot?: string;
  readonly kernelOption: readonly string[];
  readonly cache?: string;
  readonly debianMirror: string;
  readonly bootLimit: number;
  readonly console: boolean;
  readonly accel: Acceleration;
}
