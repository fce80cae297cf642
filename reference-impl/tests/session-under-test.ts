import { makeDevice } from '../devices/device-rules.ts';
import type { ReferenceDevice } from '../devices/reference-devices.ts';
import type { DescriptorToken } from '../vhost-user/back-end-edge.ts';
import { referenceRules } from '../vhost-user/reference-rules.ts';
import type { OutgoingMessage } from '../vhost-user/reply-rules.ts';
import { BackEndSession } from '../vhost-user/session.ts';
import { VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_RING_PACKED } from '../virtqueue/feature-bits.ts';
import type { Codec } from '../wire/compile-layout.ts';
import { VHOST_USER_NEED_REPLY_FLAGS, VHOST_USER_REQUEST_FLAGS } from '../wire/vhost-user-constants.ts';
import { type FrontEndMessageName, requestId } from '../wire/vhost-user-messages.ts';
import { RecordingEdge } from './recording-edge.ts';

const noPayload = new Uint8Array(0);

export interface Sending {
  readonly payload?: Uint8Array;
  readonly descriptors?: readonly DescriptorToken[];
  readonly flags?: number;
  readonly late?: boolean;
}

export function encode<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const bytes = new Uint8Array(codec.sizeOf(value));
  codec.encode(value, new DataView(bytes.buffer), 0);
  return bytes;
}

export function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

export const u64In = ({ payload }: OutgoingMessage): bigint =>
  new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getBigUint64(0, true);

/** A session over an edge without a world. */
export class SessionUnderTest {
  readonly edge = new RecordingEdge();
  readonly session: BackEndSession;

  constructor(device: ReferenceDevice = 'block', queues = 2) {
    this.session = new BackEndSession(makeDevice(device, referenceRules, queues), this.edge, referenceRules);
  }

  /** Hands one message over and answers with what came back. */
  send(request: FrontEndMessageName | number, sending: Sending = {}): readonly OutgoingMessage[] {
    const payload = sending.payload ?? noPayload;
    this.session.receive({
      request: typeof request === 'number' ? request : requestId[request],
      flags: sending.flags ?? VHOST_USER_REQUEST_FLAGS,
      payload: new DataView(payload.buffer, payload.byteOffset, payload.byteLength),
      descriptors: sending.descriptors ?? [],
      descriptorsLate: sending.late ?? false,
    });
    const answers: OutgoingMessage[] = [];
    for (let next = this.session.takeOutgoing(); next !== undefined; next = this.session.takeOutgoing()) {
      answers.push(next);
    }
    return answers;
  }

  /** How a request that asks to be acknowledged ends. */
  acknowledgement(request: FrontEndMessageName | number, sending: Sending = {}): bigint | 'closed' | 'silent' {
    const answers = this.send(request, { ...sending, flags: VHOST_USER_NEED_REPLY_FLAGS });
    if (!this.session.isOpen) return 'closed';
    const [answer, ...more] = answers;
    if (more.length > 0) throw new Error(`${answers.length} answers`);
    return answer === undefined ? 'silent' : u64In(answer);
  }

  /** What is offered, but for protocol features that change the addresses of rings. */
  get plainProtocolFeatures(): bigint {
    return this.session.offeredProtocolFeatures & ~(1n << 21n);
  }

  /** Without other features: all that are offered, on split rings whose addresses are not translated. */
  negotiate(protocolFeatures?: bigint, features?: bigint, owner: 'set' | 'none' = 'set'): void {
    if (owner === 'set') this.send('VHOST_USER_SET_OWNER');
    const protocol = protocolFeatures ?? this.plainProtocolFeatures & ~(1n << 14n) & ~(1n << 16n);
    this.send('VHOST_USER_SET_PROTOCOL_FEATURES', { payload: u64(protocol) });
    this.send('VHOST_USER_SET_FEATURES', {
      payload: u64(
        features ?? this.session.offeredFeatures & ~((1n << 26n) | VIRTIO_F_RING_PACKED | VIRTIO_F_ACCESS_PLATFORM),
      ),
    });
  }
}
