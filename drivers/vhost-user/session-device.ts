import { featureSetOf } from '../../reference-impl/catalogue/feature-set.ts';
import type { FeatureName } from '../../reference-impl/catalogue/features.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type {
  ConfigRead,
  DeviceConfig,
  DeviceQueues,
  DeviceStatus,
  NumberRead,
  SessionDevice,
} from '../port/session-device.ts';
import type { MessageDoor } from './message-door.ts';
import { u64Of } from './negotiated-words.ts';

/** Offset, size and flags before the bytes of a config message. */
const configFieldsBytes = 12;

const maskOf = (name: FeatureName): bigint =>
  featureSetOf([name], { transport: 'vhost-user', device: 'block' }).protocol;

const config = maskOf('VHOST_USER_PROTOCOL_F_CONFIG');
const status = maskOf('VHOST_USER_PROTOCOL_F_STATUS');
const queues = maskOf('VHOST_USER_PROTOCOL_F_MQ');
const reset = maskOf('VHOST_USER_PROTOCOL_F_RESET_DEVICE');

/** The device behind a vhost-user connection: each part is there as soon as its protocol feature is acknowledged. */
export class VhostUserDevice implements SessionDevice {
  readonly #door: MessageDoor;
  readonly #config: DeviceConfig;
  readonly #status: DeviceStatus;
  readonly #queues: DeviceQueues;
  readonly #reset: () => ControlOutcome;

  constructor(door: MessageDoor) {
    this.#door = door;
    this.#config = {
      read: (offset, length) => this.#read(offset, length),
      write: (offset, bytes) => {
        const payload = configPayload(offset, bytes);
        return door.acknowledged({ request: 'VHOST_USER_SET_CONFIG', payload });
      },
    };
    this.#status = {
      get: () => this.#ask('VHOST_USER_GET_STATUS'),
      set: (value) => door.acknowledged({ request: 'VHOST_USER_SET_STATUS', payload: { u64: BigInt(value) } }),
    };
    this.#queues = { count: () => this.#ask('VHOST_USER_GET_QUEUE_NUM') };
    this.#reset = () => door.acknowledged({ request: 'VHOST_USER_RESET_DEVICE' });
  }

  get config(): DeviceConfig | undefined {
    return this.#has(config) ? this.#config : undefined;
  }

  get status(): DeviceStatus | undefined {
    return this.#has(status) ? this.#status : undefined;
  }

  get queues(): DeviceQueues | undefined {
    return this.#has(queues) ? this.#queues : undefined;
  }

  get reset(): (() => ControlOutcome) | undefined {
    return this.#has(reset) ? this.#reset : undefined;
  }

  #has(feature: bigint): boolean {
    const { protocolAccepted, protocolOffered } = this.#door.words;
    return (protocolAccepted & protocolOffered & feature) !== 0n;
  }

  #read(offset: number, length: number): ConfigRead {
    const payload = configPayload(offset, new Uint8Array(length));
    const answer = this.#door.exchange({ request: 'VHOST_USER_GET_CONFIG', payload });
    if (answer.kind !== 'reply') return answer;
    const { payload: reply } = answer.message;
    if (reply.length <= configFieldsBytes) return { kind: 'unreadable', why: 'GET_CONFIG was answered without bytes' };
    return { kind: 'bytes', bytes: reply.slice(configFieldsBytes) };
  }

  #ask(request: string): NumberRead {
    const answer = this.#door.exchange({ request });
    if (answer.kind !== 'reply') return answer;
    const { length } = answer.message.payload;
    if (length !== 8) return { kind: 'unreadable', why: `the reply to ${request} has ${length} bytes and not 8` };
    return { kind: 'number', value: Number(u64Of(answer.message)) };
  }
}

function configPayload(offset: number, bytes: Uint8Array): Uint8Array {
  const payload = new Uint8Array(configFieldsBytes + bytes.length);
  const view = new DataView(payload.buffer);
  view.setUint32(0, offset, true);
  view.setUint32(4, bytes.length, true);
  payload.set(bytes, configFieldsBytes);
  return payload;
}
