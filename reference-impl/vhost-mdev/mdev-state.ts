import type { ParentDriver } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import type { DmaContainer } from './dma-container.ts';
import type { InterruptRules, Interrupts } from './interrupts.ts';
import type { MdevLayout } from './mdev-layout.ts';
import type { MdevRingRules, RingSet } from './ring-set.ts';

/** A region of SET_MEM_TABLE. */
export interface TableRegion {
  readonly guestAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
}

/** What the rules read and change of a device. The device implements it. */
export interface MdevState {
  readonly rules: { readonly layout: MdevLayout; readonly ring: MdevRingRules; readonly interrupt: InterruptRules };
  readonly parent: ParentDriver;
  readonly rings: RingSet;
  readonly interrupts: Interrupts;
  readonly container: DmaContainer;
  /** The answer of the message channel: clearing it loses it. */
  readonly channel: { readonly isAnswerWaiting: boolean; clear(): void };
  /** What was remembered of the last SET_FEATURES. */
  features: bigint;
  logBase: bigint;
  readonly isRunning: boolean;
  /** All that the device reaches now. */
  readonly memory: MemoryMap;
  readonly offeredFeatures: bigint;
  /** SET_FEATURES, DEVICE_SET_STATE and SET_MEM_TABLE: an error number, or 0. */
  setFeatures(word: bigint): number;
  setRunning(running: boolean): number;
  setMemoryTable(regions: readonly TableRegion[]): number;
  forgetConfigSpace(): void;
  forgetFeatures(): void;
}
