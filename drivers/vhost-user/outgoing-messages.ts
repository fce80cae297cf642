import type { Layout } from '../../reference-impl/wire/layout.ts';
import {
  isGateOpen,
  type MessageDescription,
  type NegotiatedContext,
} from '../../reference-impl/wire/message-description.ts';
import { encodeHeaderInto, flagsAt, requestAt } from '../../reference-impl/wire/vhost-user-codec.ts';
import {
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REQUEST_FLAGS,
} from '../../reference-impl/wire/vhost-user-constants.ts';
import { type MessageName, messageById, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { DriverUsageError } from '../errors.ts';
import type { OutgoingMessage } from '../port/port.ts';

/** Longer replies are rare enough to wait for them without a guess. */
const longestExpected = 128;

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

/** Bytes of the only possible reply of each request that has one, header included; 0 for all others. */
const replyLengths = Uint16Array.from({ length: 64 }, (_, request) => {
  const message = messageById('front-end', request);
  const [form, ...others] = message?.reply ?? [];
  const isFixed = form !== undefined && others.length === 0 && message?.ownReply === 'always';
  return isFixed && !hasVariablePart(form.codec.layout) ? VHOST_USER_HEADER_SIZE + form.codec.size : 0;
});

function hasVariablePart(layout: Layout): boolean {
  return layout.some(({ kind }) => kind === 'repeated' || kind === 'tail');
}

/** How long the reply to an encoded message will be, header included; 0 where that is not certain. */
export function expectedReplyLength(view: DataView): number {
  if ((flagsAt(view, 0) & VHOST_USER_NEED_REPLY_MASK) !== 0) return VHOST_USER_HEADER_SIZE + 8;
  const length = replyLengths[requestAt(view, 0)] ?? 0;
  return length <= longestExpected ? length : 0;
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

  /**
   * Writes the whole message from byte `start` on, before it is cut into pieces or short, and returns its length. What
   * lies before `start` stays.
   */
  encode(message: OutgoingMessage, context: NegotiatedContext, start = 0): number {
    const body = start + VHOST_USER_HEADER_SIZE;
    const request = requestNumber(message.request);
    const { payload } = message;
    let size = 0;
    if (payload instanceof Uint8Array) {
      size = payload.length;
      this.#reserve(body + size);
      this.bytes.set(payload, body);
    } else if (payload !== undefined) {
      size = this.#encodeFields(request, payload, context, body);
    } else {
      this.#reserve(body);
    }
    const flags = message.flags ?? VHOST_USER_REQUEST_FLAGS;
    encodeHeaderInto(this.view, start, request, flags, message.declaredSize ?? size);
    return VHOST_USER_HEADER_SIZE + size;
  }

  #encodeFields(
    request: number,
    payload: Readonly<Record<string, unknown>>,
    context: NegotiatedContext,
    body: number,
  ): number {
    const message = messageById('front-end', request);
    const codec = message === undefined ? undefined : formFor(message, context)?.codec;
    if (codec === undefined) throw new DriverUsageError(`request ${request} has no fields: give its payload as bytes`);
    try {
      this.#reserve(body + codec.sizeOf(payload));
      return codec.encode(payload, this.view, body);
    } catch (error) {
      throw new DriverUsageError(`payload of ${requestName(request)}: ${(error as Error).message}`);
    }
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const before = this.bytes;
    this.bytes = new Uint8Array(length);
    this.bytes.set(before);
    this.view = new DataView(this.bytes.buffer);
  }
}
