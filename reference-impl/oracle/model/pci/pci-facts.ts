/** Where a structure begins that a capability shows. */
export interface StructurePlace {
  readonly bar: number;
  readonly offset: number;
}

/** What is known of an open virtio function, from its open on. */
export interface PciFacts {
  /** Virtio 5. */
  readonly deviceId: number | undefined;
  readonly offered: bigint;
  readonly queues: number | undefined;
  /** Entries of the MSI-X table. */
  readonly vectors: number;
  readonly structures: {
    readonly common: StructurePlace | undefined;
    readonly isr: StructurePlace | undefined;
    readonly device: StructurePlace | undefined;
  };
  /** Bytes of a region; 0 where there is none. */
  readonly regionSize: (index: number) => number;
  /** Used elements that the rings of the session show, of all that were attached. */
  readonly used: () => number;
  /** Requirements that no text states are judged as well. */
  readonly judgesChoices: boolean;
}
