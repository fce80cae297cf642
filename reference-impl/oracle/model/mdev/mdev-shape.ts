import { vfioPci } from '../../../wire/vfio-structures.ts';

/** A layout of vhost-mdev as its text has it: region indices, interrupts, and what a message may hold. */
export interface MdevShape {
  readonly name: 'l1' | 'l2';
  readonly messages: number;
  readonly doorbells: number;
  /** Of L1 alone, as implementations choose it. */
  readonly msixTable: number | undefined;
  readonly pciConfig: number | undefined;
  readonly interrupts: number;
  /** Fewest regions and interrupt indices; L2 has just as many. */
  readonly regions: number;
  readonly interruptIndices: number;
  readonly isExact: boolean;
  /** Bytes of payload; undefined where the region ends it. */
  readonly largestPayload: number | undefined;
  readonly memory: 'table' | 'container';
}

const l1: MdevShape = {
  name: 'l1',
  messages: vfioPci.BAR0_REGION_INDEX,
  doorbells: vfioPci.BAR1_REGION_INDEX,
  msixTable: vfioPci.BAR1_REGION_INDEX + 1,
  pciConfig: vfioPci.CONFIG_REGION_INDEX,
  interrupts: vfioPci.MSIX_IRQ_INDEX,
  regions: vfioPci.CONFIG_REGION_INDEX + 1,
  interruptIndices: vfioPci.MSIX_IRQ_INDEX + 1,
  isExact: false,
  largestPayload: undefined,
  memory: 'table',
};

const l2: MdevShape = {
  name: 'l2',
  messages: 0,
  doorbells: 1,
  msixTable: undefined,
  pciConfig: undefined,
  interrupts: 0,
  regions: 2,
  interruptIndices: 1,
  isExact: true,
  largestPayload: 1024,
  memory: 'container',
};

export const mdevShapes = { l1, l2 } as const;

/** What is known of a device before its first call. */
export interface MdevFacts {
  readonly shape: MdevShape;
  /** Virtio's name of the device type. */
  readonly device: string;
  readonly rings: number;
  readonly pageSize: number;
  readonly offered: bigint;
  /** Whether this process has memory at a user address. */
  readonly isMemory: (userAddress: bigint, size: bigint) => boolean;
}
