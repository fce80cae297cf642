import type { FeatureSet } from '../../catalogue/catalogue.ts';
import type { Transport } from '../../catalogue/transport.ts';

/** What a back-end is known to share with its front-end while a ring runs, where it has a channel for that. */
export interface KnownSharing {
  /** Bytes of a page of the machine that it runs on. */
  readonly pageSize: bigint;
  /** It registers a host notifier for each ring. */
  readonly hasNotifiers: boolean;
  /** It maps something into its shared memory. */
  readonly hasMappings: boolean;
  /** UUIDs of the objects that it exports, as UUIDs are written; empty where they are not known. */
  readonly objects: readonly string[];
}

/** What is known of a target before the first observation. */
export interface ModelTarget {
  readonly transport: Transport;
  /** The type of device as the specification names it. */
  readonly device: string;
  readonly offer: FeatureSet;
  /** Block: sectors of the disk. */
  readonly capacity?: bigint;
  /** Net: pairs of queues, where the device has a queue for commands beside them. */
  readonly pairs?: number;
  /** Configuration space, where it was read. */
  readonly configuration?: Uint8Array;
  /** Net: frames come back, so changed. */
  readonly reflects?: 'unchanged' | 'macs-swapped';
  /** Sockets: the port of the host whose socket gives back what it receives. */
  readonly echoPort?: number;
  /** Whether it is written to a text that lets GET_VRING_BASE wait for requests in flight: one behind that of QEMU 7.2. */
  readonly drainsAtStop?: boolean;
  /** Whether it tells the used half of a packed position. */
  readonly tellsUsedPosition: boolean;
  /** What it shares with its front-end (vhost-user). */
  readonly sharing?: KnownSharing;
  /** What no text states is judged as well, as implementations choose it; else words alone that change within a run. */
  readonly judgesChoices?: boolean;
}
