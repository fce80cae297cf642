import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import type { SharedDevice } from '../../reference-impl/devices/reference-devices.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { DriverWatch } from '../../reference-impl/oracle/observed/driver/driver-watch.ts';
import {
  FrontEndWatch,
  type UnexplainedRefusal,
} from '../../reference-impl/oracle/observed/front-end/front-end-watch.ts';
import type { Tell } from '../../reference-impl/oracle/observed/judgement.ts';
import type { Handled } from '../../reference-impl/vhost-user/handled.ts';
import type { IncomingMessage } from '../../reference-impl/vhost-user/incoming-message.ts';
import type { ReferenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import type { OutgoingMessage } from '../../reference-impl/vhost-user/reply-rules.ts';
import { encodeMessage } from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../../reference-impl/wire/vhost-user-constants.ts';
import { hasUserfault, monotonicUs } from '../native/native.ts';
import type { ConnectionObserver } from './connection-observer.ts';

/** What an observed connection tells of itself. */
export interface ObservedConnectionOptions {
  readonly device: ParentDriver;
  readonly type: SharedDevice;
  readonly rules: ReferenceRules;
  readonly tell: Tell;
  /** What the reference could not serve, and no requirement forbids. */
  readonly unexplained: (what: UnexplainedRefusal) => void;
  readonly ended: (connection: ObservedConnection) => void;
}

const KICK = 0;
const frontEndChannel = 0;
const fromIut = 1;
const toIut = 0;

/** A connection of a front-end to the reference: its messages and its rings are judged, and all of it is logged. */
export class ObservedConnection implements ConnectionObserver {
  readonly log = new EventLog(monotonicUs);
  readonly #frontEnd: FrontEndWatch;
  readonly #driver: DriverWatch;
  readonly #options: ObservedConnectionOptions;
  messages = 0;
  kicks = 0;

  constructor(options: ObservedConnectionOptions) {
    const { device, type, rules, tell, unexplained } = options;
    this.#options = options;
    const offer = {
      device: type,
      features: rules.features.offered(device.supportedFeatures),
      protocolFeatures: rules.features.protocolOffered(device, hasUserfault()),
      rings: device.queueCount,
      memorySlots: rules.memory.toldSlots(rules.memory.slots),
    };
    this.#frontEnd = new FrontEndWatch(offer, tell);
    this.#driver = new DriverWatch(
      device,
      type,
      (requirement, judgement) => {
        if (typeof judgement === 'object') this.log.note(`${judgement.what}: ${judgement.actual}`);
        tell(requirement, judgement);
      },
      (queue, why) => unexplained({ request: `a chain of ring ${queue}`, why }),
    );
    device.wrapRings?.(this.#driver.wrap);
  }

  /** Features that were acknowledged, those of the device and of the protocol. */
  get accepted(): { readonly features: bigint; readonly protocolFeatures: bigint } {
    const { features = 0n, protocolFeatures = 0n } = this.#frontEnd.story;
    return { features, protocolFeatures };
  }

  received({ request, flags, payload, descriptors }: IncomingMessage): void {
    this.messages++;
    const bytes = new Uint8Array(VHOST_USER_HEADER_SIZE + payload.byteLength);
    const whole = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    encodeMessage(bytes, { request, flags, payload: whole });
    this.log.message(frontEndChannel, fromIut, 0, bytes, 0, bytes.length, descriptors.length);
  }

  handled({ request, flags, payload, descriptors, descriptorsLate }: IncomingMessage, handled: Handled): void {
    const refusal = 'why' in handled ? handled.why : undefined;
    const seen = { request, flags, payload, descriptors: descriptors.length, descriptorsLate };
    const left = this.#frontEnd.received(seen, refusal);
    if (left !== undefined) this.#options.unexplained(left);
  }

  sent({ request, flags, size, payload, descriptors }: OutgoingMessage): void {
    const bytes = new Uint8Array(VHOST_USER_HEADER_SIZE + payload.length);
    encodeMessage(bytes, { request, flags, payload, declaredSize: size });
    this.log.message(frontEndChannel, toIut, 0, bytes, 0, bytes.length, descriptors.length);
  }

  kicked(ring: number): void {
    this.kicks++;
    this.log.notification(KICK, 0, ring, 1);
    this.#driver.kicked(ring);
  }

  look(nowMs: number): void {
    this.#driver.look(nowMs);
  }

  ended(): void {
    this.#options.device.wrapRings?.(undefined);
    this.#options.ended(this);
  }
}
