import { sharedObjectPayload } from '../wire/vhost-user-payloads.ts';
import type { BackEndEdge, DescriptorToken } from './back-end-edge.ts';
import type { NegotiatedState } from './negotiated-state.ts';
import { backEndRequest } from './reply-payloads.ts';

/** Objects that other back-ends may ask for (VHOST_USER_BACKEND_SHARED_OBJECT_ADD, VHOST_USER_GET_SHARED_OBJECT). */
export interface SharedObjectRules {
  /** A UUID as messages carry it, of one whose parts are big-endian. */
  readonly sent: (uuid: Uint8Array) => Uint8Array;
  /** Whether the UUID that is asked for is that of the object, which is undefined where none is exported. */
  readonly isKnown: (asked: Uint8Array, uuid: Uint8Array | undefined) => boolean;
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => one.every((byte, at) => byte === other[at]);

export const sharedObjectRules: SharedObjectRules = {
  sent: (uuid) => uuid,
  isKnown: (asked, uuid) => uuid !== undefined && isSame(asked, uuid),
};

/** The one object that the reference exports, as UUIDs are written. */
export const sharedObjectUuid = '5b0f6c1e-2d43-4f7a-9c1b-8e2d0a6f3c57';

const bytesOf = (uuid: string): Uint8Array => {
  const digits = uuid.replaceAll('-', '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
};

interface ExportingSession extends NegotiatedState {
  readonly edge: BackEndEdge;
  readonly backEndChannel: DescriptorToken | undefined;
  readonly rules: { readonly sharedObjects: SharedObjectRules };
}

/** One page of memory, exported from the first start of a ring until the device is reset. */
export class SharedObjects {
  readonly #session: ExportingSession;
  readonly #uuid = bytesOf(sharedObjectUuid);
  #object: DescriptorToken | undefined;

  constructor(session: ExportingSession) {
    this.#session = session;
  }

  /** A ring runs. */
  announce(): void {
    const { edge, backEndChannel } = this.#session;
    if (backEndChannel === undefined || this.#object !== undefined) return;
    if (!this.#session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_SHARED_OBJECT')) return;
    const { token, memory } = edge.createSharedPage('vhost-user-shared-object');
    memory.unmap();
    this.#object = token;
    this.#send(backEndChannel, 'VHOST_USER_BACKEND_SHARED_OBJECT_ADD');
  }

  /** A descriptor of the object of this UUID, for another to keep. */
  descriptorOf(uuid: Uint8Array): DescriptorToken | undefined {
    const { edge, rules } = this.#session;
    const object = this.#object;
    const isKnown = rules.sharedObjects.isKnown(uuid, object === undefined ? undefined : this.#told);
    return object !== undefined && isKnown ? edge.duplicate(object) : undefined;
  }

  /** Nothing is exported any more; while rings run the front-end may be told so. */
  withdraw(): void {
    const { backEndChannel } = this.#session;
    if (this.#object === undefined) return;
    if (backEndChannel !== undefined) this.#send(backEndChannel, 'VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE');
    this.release();
  }

  release(): void {
    this.#session.edge.close(this.#object);
    this.#object = undefined;
  }

  get #told(): Uint8Array {
    return this.#session.rules.sharedObjects.sent(this.#uuid);
  }

  #send(
    channel: DescriptorToken,
    name: 'VHOST_USER_BACKEND_SHARED_OBJECT_ADD' | 'VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE',
  ): void {
    this.#session.edge.sendRequest(channel, backEndRequest(name, sharedObjectPayload, { uuid: this.#told }));
  }
}
