import { featureSet } from '../../reference-impl/catalogue/feature-set.ts';
import { type SentAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { NegotiatedContext } from '../../reference-impl/wire/message-description.ts';
import {
  bit,
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_REQUEST_FLAGS,
  VHOST_USER_VERSION_MASK,
  vhostUserProtocolFeatures,
  vhostUserVirtioFeatures,
} from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { Negotiated, ReceivedMessage } from '../port/port.ts';

const replyAck = bit(vhostUserProtocolFeatures.VHOST_USER_PROTOCOL_F_REPLY_ACK);
const guestAddresses = bit(vhostUserProtocolFeatures.VHOST_USER_PROTOCOL_F_GPA_ADDRESSES);
const protocolFeatures = bit(vhostUserVirtioFeatures.VHOST_USER_F_PROTOCOL_FEATURES);
const accessPlatform = bit(vhostUserVirtioFeatures.VIRTIO_F_ACCESS_PLATFORM);

/** The four feature words of a session, read off the messages of both sides as they pass. */
export class NegotiatedWords implements NegotiatedContext {
  offered = 0n;
  accepted = 0n;
  protocolOffered = 0n;
  protocolAccepted = 0n;

  get offeredFeatures(): bigint {
    return this.offered;
  }
  get features(): bigint {
    return this.accepted;
  }
  get protocolFeatures(): bigint {
    return this.protocolAccepted;
  }

  /** Whether a message may ask for an acknowledgement. */
  get hasReplyAck(): boolean {
    return (this.protocolAccepted & this.protocolOffered & replyAck) !== 0n;
  }

  /** Whether rings start disabled and are enabled by SET_VRING_ENABLE. */
  get hasRingEnable(): boolean {
    return (this.accepted & protocolFeatures) !== 0n;
  }

  /** Whether ring and buffer addresses are I/O-virtual. */
  get hasAccessPlatform(): boolean {
    return (this.accepted & accessPlatform) !== 0n;
  }

  /** Whether user addresses that we send are guest-physical ones. */
  get hasGuestAddresses(): boolean {
    return (this.protocolAccepted & this.protocolOffered & guestAddresses) !== 0n;
  }

  /** Which addresses of rings and buffers go to the back-end. */
  get addresses(): SentAddresses {
    if (this.hasAccessPlatform) return sentAddresses.translated;
    return this.hasGuestAddresses ? sentAddresses.guest : sentAddresses.shared;
  }

  /** Looks at a request that is sent whole: SET_FEATURES and SET_PROTOCOL_FEATURES in their valid form count. */
  sent(view: DataView, length: number, start = 0): void {
    if (length !== VHOST_USER_HEADER_SIZE + 8 || view.getUint32(start + 8, true) !== 8) return;
    const request = view.getUint32(start, true);
    if (request !== requestId.VHOST_USER_SET_FEATURES && request !== requestId.VHOST_USER_SET_PROTOCOL_FEATURES) return;
    if ((view.getUint32(start + 4, true) & VHOST_USER_VERSION_MASK) !== VHOST_USER_REQUEST_FLAGS) return;
    const word = view.getBigUint64(start + VHOST_USER_HEADER_SIZE, true);
    if (request === requestId.VHOST_USER_SET_FEATURES) this.accepted = word;
    else this.protocolAccepted = word;
  }

  received(message: ReceivedMessage): void {
    if (message.payload.length !== 8) return;
    if (message.request === requestId.VHOST_USER_GET_FEATURES) this.offered = u64Of(message);
    else if (message.request === requestId.VHOST_USER_GET_PROTOCOL_FEATURES) this.protocolOffered = u64Of(message);
  }

  copy(): Negotiated {
    return {
      offered: featureSet({ device: this.offered, protocol: this.protocolOffered }),
      accepted: featureSet({ device: this.accepted, protocol: this.protocolAccepted }),
    };
  }
}

/** The u64 at the start of a payload that has at least 8 bytes. */
export function u64Of({ payload }: ReceivedMessage): bigint {
  const low = (payload[0] ?? 0) | ((payload[1] ?? 0) << 8) | ((payload[2] ?? 0) << 16) | ((payload[3] ?? 0) << 24);
  const high = (payload[4] ?? 0) | ((payload[5] ?? 0) << 8) | ((payload[6] ?? 0) << 16) | ((payload[7] ?? 0) << 24);
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The u32 at `offset` of a payload; what is beyond its end reads as 0. */
export function u32At({ payload }: ReceivedMessage, offset: number): number {
  const at = (n: number): number => payload[offset + n] ?? 0;
  return (at(0) | (at(1) << 8) | (at(2) << 16) | (at(3) << 24)) >>> 0;
}
