import type { AreaRules } from './area-rules.ts';
import type { DescriptorToken } from './back-end-edge.ts';
import type { InflightBuffer } from './inflight-buffer.ts';
import type { Postcopy } from './postcopy.ts';
import type { RingService, RingSession } from './ring-service.ts';
import type { StateTransfer } from './state-transfer.ts';
import type { Vring } from './vring.ts';

/** What handlers of messages read and change of a session. The session implements it. */
export interface SessionState extends RingSession {
  readonly rules: AreaRules;
  readonly rings: RingService;
  readonly postcopy: Postcopy;
  readonly isOpen: boolean;
  readonly offeredFeatures: bigint;
  readonly offeredProtocolFeatures: bigint;
  acknowledgedFeatures: bigint | undefined;
  /** Whether the last SET_FEATURES was one that could be accepted. */
  areFeaturesAcceptable: boolean;
  protocolFeatures: bigint;
  backEndChannel: DescriptorToken | undefined;
  inflight: InflightBuffer | undefined;
  /** The last that SET_DEVICE_STATE_FD began. */
  stateTransfer: StateTransfer | undefined;
  hasOwner: boolean;
  /** The ring of an index in a message; undefined for an index that is refused. */
  ring(index: number): Vring | undefined;
  /** RESET_DEVICE, or status 0: the device as it was made, while the session and what it negotiated stay. */
  resetDevice(): void;
}
