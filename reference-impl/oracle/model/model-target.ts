import type { FeatureSet } from '../../catalogue/catalogue.ts';
import type { Transport } from '../../catalogue/transport.ts';

/** What is known of a target before the first observation. */
export interface ModelTarget {
  readonly transport: Transport;
  /** The type of device as the specification names it. */
  readonly device: string;
  readonly offer: FeatureSet;
  /** Block: sectors of the disk. */
  readonly capacity?: bigint;
  /** Configuration space, where it was read. */
  readonly configuration?: Uint8Array;
  /** Net: frames come back, so changed. */
  readonly reflects?: 'unchanged' | 'macs-swapped';
  /** Whether it is written to a text that lets GET_VRING_BASE wait for requests in flight: one behind that of QEMU 7.2. */
  readonly drainsAtStop?: boolean;
  /** Whether it tells the used half of a packed position. */
  readonly tellsUsedPosition: boolean;
  /** What no text states is judged as well, as implementations choose it; else words alone that change within a run. */
  readonly judgesChoices?: boolean;
}
