import type { vhostUserProtocolFeatures as protocol } from '../wire/vhost-user-constants.ts';

/** What a session has agreed on with its front-end, for the rules that depend on it. */
export interface NegotiatedState {
  /** Features acknowledged by SET_FEATURES, those of the transport included; undefined before. */
  readonly acknowledgedFeatures: bigint | undefined;
  /** The same, 0 before. */
  readonly features: bigint;
  readonly protocolFeatures: bigint;
  readonly hasOwner: boolean;
  readonly status: number;
  readonly isInBand: boolean;
  hasProtocolFeature(feature: keyof typeof protocol): boolean;
}
