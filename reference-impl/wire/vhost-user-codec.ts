import type { Codec } from './compile-layout.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REPLY_FLAGS, VHOST_USER_REQUEST_FLAGS } from './vhost-user-constants.ts';
import {
  type MessageName,
  messageByName,
  type RepliedMessageName,
  type ReplyValue,
  type RequestValue,
} from './vhost-user-messages.ts';

export { annotate } from './annotate.ts';
export type { Annotation } from './annotator.ts';
export * from './vhost-user-decode.ts';

/** A payload as bytes, or as a value and the codec that writes it. */
export type Payload<Value = unknown> = Uint8Array | { readonly codec: Codec<Value>; readonly value: Value };

/** Any message at all: nothing here has to be true, known or consistent. */
export interface AnyMessage<Value = unknown> {
  readonly request: number;
  /** Version 1 and no other flag, unless given. */
  readonly flags?: number;
  readonly payload?: Payload<Value>;
  /** What the header says of the payload's size; what the payload really has, unless given. */
  readonly declaredSize?: number;
}

/** What may be changed in an otherwise valid message. */
export interface EncodeOptions {
  readonly flags?: number;
  readonly declaredSize?: number;
  /** Which of the message's forms to write; the first, unless given. */
  readonly codec?: Codec<unknown>;
}

const noBytes = new Uint8Array(0);

/** Writes the 12 bytes of a header. Allocates nothing. */
export function encodeHeaderInto(view: DataView, offset: number, request: number, flags: number, size: number): void {
  view.setUint32(offset, request, true);
  view.setUint32(offset + 4, flags, true);
  view.setUint32(offset + 8, size, true);
}

/** Writes a whole message with a u64 payload, 20 bytes, and returns its length. Allocates nothing. */
export function encodeU64MessageInto(
  view: DataView,
  offset: number,
  request: number,
  flags: number,
  value: bigint,
): number {
  encodeHeaderInto(view, offset, request, flags, 8);
  view.setBigUint64(offset + VHOST_USER_HEADER_SIZE, value, true);
  return VHOST_USER_HEADER_SIZE + 8;
}

/** Header fields of a message that begins at `offset`, read without a check. Allocates nothing. */
export function requestAt(view: DataView, offset: number): number {
  return view.getUint32(offset, true);
}

export function flagsAt(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true);
}

export function payloadSizeAt(view: DataView, offset: number): number {
  return view.getUint32(offset + 8, true);
}

function viewOf(target: Uint8Array): DataView {
  return new DataView(target.buffer, target.byteOffset, target.byteLength);
}

/**
 * Writes any message at the start of `target` and returns the bytes written: always header and the whole payload
 * given, whatever size is declared. RangeError when `target` is too small.
 */
export function encodeMessage<Value>(target: Uint8Array, message: AnyMessage<Value>): number {
  const payload = message.payload ?? noBytes;
  const view = viewOf(target);
  let size: number;
  if (payload instanceof Uint8Array) {
    size = payload.length;
    target.set(payload, VHOST_USER_HEADER_SIZE);
  } else {
    size = payload.codec.encode(payload.value, view, VHOST_USER_HEADER_SIZE);
  }
  encodeHeaderInto(view, 0, message.request, message.flags ?? VHOST_USER_REQUEST_FLAGS, message.declaredSize ?? size);
  return VHOST_USER_HEADER_SIZE + size;
}

function encodeNamed(
  name: MessageName,
  codec: Codec<unknown>,
  value: unknown,
  flags: number,
  options: EncodeOptions,
): Uint8Array {
  const chosen = options.codec ?? codec;
  const target = new Uint8Array(VHOST_USER_HEADER_SIZE + chosen.sizeOf(value));
  const size = target.length - VHOST_USER_HEADER_SIZE;
  encodeMessage(target, {
    request: messageByName(name).id,
    flags: options.flags ?? flags,
    payload: { codec: chosen, value },
    declaredSize: options.declaredSize ?? size,
  });
  return target;
}

/** A whole request as fresh bytes, in the first of its forms unless `options.codec` names another. */
export function encodeRequest<Name extends MessageName>(
  name: Name,
  value: RequestValue<Name>,
  options: EncodeOptions = {},
): Uint8Array {
  const form = messageByName(name).request[0];
  if (form === undefined) {
    throw new RangeError(`${name} has no form of request`);
  }
  return encodeNamed(name, form.codec, value, VHOST_USER_REQUEST_FLAGS, options);
}

/** A whole reply as fresh bytes, in the first of its forms unless `options.codec` names another. */
export function encodeReply<Name extends RepliedMessageName>(
  name: Name,
  value: ReplyValue<Name>,
  options: EncodeOptions = {},
): Uint8Array {
  const form = messageByName(name).reply?.[0];
  if (form === undefined) {
    throw new RangeError(`${name} has no reply of its own`);
  }
  return encodeNamed(name, form.codec, value, VHOST_USER_REPLY_FLAGS, options);
}

/** The acknowledgement that REPLY_ACK asks for: the request's id, the reply flag and a u64, zero for success. */
export function encodeAcknowledgement(request: number, result: bigint): Uint8Array {
  const target = new Uint8Array(VHOST_USER_HEADER_SIZE + 8);
  encodeU64MessageInto(viewOf(target), 0, request, VHOST_USER_REPLY_FLAGS, result);
  return target;
}
