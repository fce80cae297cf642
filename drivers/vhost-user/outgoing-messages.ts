import {
  isGateOpen,
  type MessageDescription,
  type NegotiatedContext,
} from '../../reference-impl/wire/message-description.ts';
import { encodeHeaderInto } from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REQUEST_FLAGS } from '../../reference-impl/wire/vhost-user-constants.ts';
import { type MessageName, messageById, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { OutgoingMessage } from '../driver-port.ts';
import { DriverUsageError } from '../errors.ts';

const names = new Map<string, number>(Object.entries(requestId));

/** The request number of a name as the specification spells it. */
export function requestNumber(request: string | number): number {
  if (typeof request === 'number') return request;
  const id = names.get(request);
  if (id === undefined) throw new DriverUsageError(`no message is called ${request}`);
  return id;
}

/** The name of a request of the front-end, or its number. */
export function requestName(request: number): MessageName | string {
  return messageById('front-end', request)?.name ?? `request ${request}`;
}

function formFor(message: MessageDescription, context: NegotiatedContext) {
  for (const form of message.request) {
    if (form.when === undefined || (isGateOpen(form.when.gate, context) ?? false) === form.when.isSet) return form;
  }
  return message.request[0];
}

/** Encodes messages one after the other into one buffer. */
export class OutgoingBuffer {
  bytes = new Uint8Array(512);
  view = new DataView(this.bytes.buffer);

  /** Writes the whole message, before it is cut into pieces or short, and answers its length. */
  encode(message: OutgoingMessage, context: NegotiatedContext): number {
    const request = requestNumber(message.request);
    const { payload } = message;
    let size = 0;
    if (payload instanceof Uint8Array) {
      size = payload.length;
      this.#reserve(size);
      this.bytes.set(payload, VHOST_USER_HEADER_SIZE);
    } else if (payload !== undefined) {
      size = this.#encodeFields(request, payload, context);
    }
    const flags = message.flags ?? VHOST_USER_REQUEST_FLAGS;
    encodeHeaderInto(this.view, 0, request, flags, message.declaredSize ?? size);
    return VHOST_USER_HEADER_SIZE + size;
  }

  #encodeFields(request: number, payload: Readonly<Record<string, unknown>>, context: NegotiatedContext): number {
    const message = messageById('front-end', request);
    const codec = message === undefined ? undefined : formFor(message, context)?.codec;
    if (codec === undefined) throw new DriverUsageError(`request ${request} has no fields: give its payload as bytes`);
    try {
      this.#reserve(codec.sizeOf(payload));
      return codec.encode(payload, this.view, VHOST_USER_HEADER_SIZE);
    } catch (error) {
      throw new DriverUsageError(`payload of ${requestName(request)}: ${(error as Error).message}`);
    }
  }

  #reserve(payload: number): void {
    const length = VHOST_USER_HEADER_SIZE + payload;
    if (length <= this.bytes.length) return;
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
  }
}
