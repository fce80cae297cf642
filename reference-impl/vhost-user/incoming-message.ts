import type { DescriptorToken } from './back-end-edge.ts';

/** A request as it came, with the descriptors that its first bytes brought. */
export interface IncomingMessage {
  readonly request: number;
  readonly flags: number;
  readonly payload: DataView;
  readonly descriptors: readonly DescriptorToken[];
  /** Some descriptor came with bytes behind the first. */
  readonly descriptorsLate: boolean;
}
