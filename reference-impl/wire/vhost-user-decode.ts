import type { Codec } from './compile-layout.ts';
import {
  type Direction,
  hasOwnReply,
  isGateOpen,
  type MessageDescription,
  type NegotiatedContext,
  type PayloadForm,
  protocolGate,
} from './message-description.ts';
import {
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_VERSION,
  VHOST_USER_VERSION_MASK,
  VHOST_USER_VRING_NOFD_MASK,
} from './vhost-user-constants.ts';
import {
  type BackEndMessageName,
  type FrontEndMessageName,
  type MessageName,
  messageById,
  type RequestValue,
} from './vhost-user-messages.ts';
import { u64Payload } from './vhost-user-payloads.ts';
import { type Decoded, noProblems, shiftProblems, type WireProblem, wireProblem } from './wire-problem.ts';

export interface DecodedHeader {
  readonly request: number;
  readonly flags: number;
  readonly size: number;
  readonly needsReply: boolean;
}

interface DecodedMessageOf<Name extends MessageName, Value> extends DecodedHeader {
  readonly name: Name;
  readonly message: MessageDescription<MessageName>;
  /** The form that the payload took. */
  readonly codec: Codec<unknown>;
  readonly value: Value;
  readonly descriptorCount: number;
}

/** A request of the front-end, told apart by `name`. */
export type FrontEndRequest = {
  [Name in FrontEndMessageName]: DecodedMessageOf<Name, RequestValue<Name>>;
}[FrontEndMessageName];

/** A request of the back-end, told apart by `name`. */
export type BackEndRequest = {
  [Name in BackEndMessageName]: DecodedMessageOf<Name, RequestValue<Name>>;
}[BackEndMessageName];

export type DecodedRequest = FrontEndRequest | BackEndRequest;

/** A reply: `isAcknowledgement` when it is the u64 that REPLY_ACK asks for and not the message's own. */
export interface DecodedReply extends DecodedMessageOf<MessageName, unknown> {
  readonly isAcknowledgement: boolean;
}

const noContext: NegotiatedContext = Object.freeze({});
const knownFlags = VHOST_USER_VERSION_MASK | VHOST_USER_REPLY_MASK | VHOST_USER_NEED_REPLY_MASK;
const replyAck = protocolGate('VHOST_USER_PROTOCOL_F_REPLY_ACK');
const acknowledgementForms: readonly PayloadForm[] = [{ codec: u64Payload }];

/** What a decoder gathers: problems leave no value, remarks do. */
class Findings {
  readonly problems: WireProblem[] = [];
  readonly remarks: WireProblem[] = [];

  problem(...what: Parameters<typeof wireProblem>): void {
    this.problems.push(wireProblem(...what));
  }

  remark(...what: Parameters<typeof wireProblem>): void {
    this.remarks.push(wireProblem(...what));
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function readHeader(bytes: Uint8Array, findings: Findings): { view: DataView; header: DecodedHeader } | undefined {
  if (bytes.length < VHOST_USER_HEADER_SIZE) {
    findings.problem('short-of-header', bytes.length, 'header', `${bytes.length} bytes where a header has 12`);
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint32(4, true);
  const size = view.getUint32(8, true);
  const version = flags & VHOST_USER_VERSION_MASK;
  if (version !== VHOST_USER_VERSION) {
    findings.problem('version-not-1', 4, 'flags', `version ${version}`);
  }
  const unknown = (flags & ~knownFlags) >>> 0;
  if (unknown !== 0) {
    findings.remark('reserved-flag-bits', 4, 'flags', `${hex(unknown)} has no meaning`);
  }
  const present = bytes.length - VHOST_USER_HEADER_SIZE;
  if (size > present) {
    findings.problem('size-beyond-bytes', 8, 'size', `${size} declared, ${present} bytes present`);
  } else if (size < present) {
    findings.problem('trailing-bytes', VHOST_USER_HEADER_SIZE + size, 'size', `${size} declared, ${present} present`);
  }
  const needsReply = (flags & VHOST_USER_NEED_REPLY_MASK) !== 0;
  return { view, header: { request: view.getUint32(0, true), flags, size, needsReply } };
}

function mayApply(form: PayloadForm, context: NegotiatedContext): boolean {
  if (form.when === undefined) {
    return true;
  }
  const isOpen = isGateOpen(form.when.gate, context);
  return isOpen === undefined || isOpen === form.when.isSet;
}

/** The first form that reads the payload; when none does, the problems of the first that could apply. */
function readPayload(
  forms: readonly PayloadForm[],
  context: NegotiatedContext,
  view: DataView,
  size: number,
  findings: Findings,
): { codec: Codec<unknown>; value: unknown } | undefined {
  let first: readonly WireProblem[] | undefined;
  for (const form of forms) {
    if (!mayApply(form, context)) {
      continue;
    }
    const result: Decoded<unknown> = form.codec.decode(view, VHOST_USER_HEADER_SIZE, size);
    if (result.ok) {
      findings.remarks.push(...shiftProblems(result.remarks, VHOST_USER_HEADER_SIZE));
      return { codec: form.codec, value: result.value };
    }
    first ??= result.problems;
  }
  findings.problems.push(...shiftProblems(first ?? noProblems, VHOST_USER_HEADER_SIZE));
  return undefined;
}

/** How many descriptors the payload itself calls for; undefined when it does not say. */
function calledFor(rule: MessageDescription['requestDescriptorRule'], value: unknown): number | undefined {
  switch (rule) {
    case 'as-counted':
      return undefined;
    case 'one-per-region':
      return (value as RequestValue<'VHOST_USER_SET_MEM_TABLE'>).numRegions;
    case 'unless-no-fd-flag':
      return ((value as { u64: bigint }).u64 & VHOST_USER_VRING_NOFD_MASK) === 0n ? 1 : 0;
  }
}

function checkDescriptors(
  message: MessageDescription,
  kind: 'request' | 'reply',
  value: unknown,
  count: number,
  findings: Findings,
): void {
  const range = kind === 'request' ? message.requestDescriptors : message.replyDescriptors;
  const rule = kind === 'request' ? message.requestDescriptorRule : message.replyDescriptorRule;
  const tolerated = kind === 'request' ? message.toleratedDescriptors : range.maximum;
  const exact = calledFor(rule, value);
  const minimum = exact ?? range.minimum;
  const maximum = exact ?? range.maximum;
  const detail = `${count} where ${minimum === maximum ? minimum : `${minimum} to ${maximum}`} belong`;
  if (count < minimum) {
    findings.problem('descriptors-missing', 0, 'descriptors', detail);
  } else if (count > maximum && count <= tolerated && exact === undefined) {
    findings.remark('descriptor-tolerated', 0, 'descriptors', detail);
  } else if (count > maximum) {
    findings.problem('unexpected-descriptors', 0, 'descriptors', detail);
  }
}

function checkGates(message: MessageDescription, context: NegotiatedContext, findings: Findings): void {
  for (const gate of message.gate) {
    if (isGateOpen(gate, context) === false) {
      findings.remark('gate-not-negotiated', 0, 'request', `${message.name} without ${gate.feature}`);
    }
  }
}

function settle<Value>(findings: Findings, value: Value): Decoded<Value> {
  if (findings.problems.length > 0) {
    return { ok: false, problems: [...findings.problems, ...findings.remarks] };
  }
  return { ok: true, value, remarks: findings.remarks.length === 0 ? noProblems : findings.remarks };
}

/**
 * Reads one whole request, header and payload, that came with `descriptorCount` descriptors.
 * Never throws; without a value, every problem found is named, with its byte and field.
 */
export function decodeRequest(
  direction: 'front-end',
  bytes: Uint8Array,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<FrontEndRequest>;
export function decodeRequest(
  direction: 'back-end',
  bytes: Uint8Array,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<BackEndRequest>;
export function decodeRequest(
  direction: Direction,
  bytes: Uint8Array,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<DecodedRequest>;
export function decodeRequest(
  direction: Direction,
  bytes: Uint8Array,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
): Decoded<DecodedRequest> {
  const findings = new Findings();
  const start = readHeader(bytes, findings);
  if (start === undefined) {
    return { ok: false, problems: findings.problems };
  }
  const { view, header } = start;
  if ((header.flags & VHOST_USER_REPLY_MASK) !== 0) {
    findings.problem('reply-flag-on-request', 4, 'flags', 'a request carries the reply flag');
  }
  if (header.needsReply && isGateOpen(replyAck, context) === false) {
    findings.remark('need-reply-not-negotiated', 4, 'flags', 'need_reply without VHOST_USER_PROTOCOL_F_REPLY_ACK');
  }
  const message = messageById(direction, header.request);
  if (message === undefined) {
    findings.problem('unknown-request', 0, 'request', `no ${direction} message has the id ${header.request}`);
    return { ok: false, problems: findings.problems };
  }
  checkGates(message, context, findings);
  const readable = Math.min(header.size, bytes.length - VHOST_USER_HEADER_SIZE);
  const payload = readPayload(message.request, context, view, readable, findings);
  if (payload === undefined) {
    return { ok: false, problems: [...findings.problems, ...findings.remarks] };
  }
  checkDescriptors(message, 'request', payload.value, descriptorCount, findings);
  const decoded = { ...header, name: message.name, message, ...payload, descriptorCount };
  return settle(findings, decoded as DecodedRequest);
}

/**
 * Reads the reply to `message`. `needsReply` is whether the request asked for an acknowledgement.
 * Never throws; without a value, every problem found is named, with its byte and field.
 */
export function decodeReply(
  message: MessageDescription<MessageName>,
  bytes: Uint8Array,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
  needsReply = false,
): Decoded<DecodedReply> {
  const findings = new Findings();
  const start = readHeader(bytes, findings);
  if (start === undefined) {
    return { ok: false, problems: findings.problems };
  }
  const { view, header } = start;
  if ((header.flags & VHOST_USER_REPLY_MASK) === 0) {
    findings.problem('reply-flag-missing', 4, 'flags', 'a reply without the reply flag');
  }
  if (header.needsReply) {
    findings.remark('need-reply-on-reply', 4, 'flags', 'a reply asks for a reply');
  }
  if (header.request !== message.id) {
    findings.problem('request-mismatch', 0, 'request', `reply to ${header.request} where ${message.id} was asked`);
  }
  const isOwn = hasOwnReply(message, context);
  const mayAcknowledge = isOwn !== true && needsReply;
  if (isOwn === false && !needsReply) {
    findings.problem('reply-not-expected', 0, 'request', `${message.name} is not answered here`);
  }
  const ownForms = isOwn === false ? [] : (message.reply ?? []);
  const forms = mayAcknowledge || ownForms.length === 0 ? [...acknowledgementForms, ...ownForms] : ownForms;
  const readable = Math.min(header.size, bytes.length - VHOST_USER_HEADER_SIZE);
  const payload = readPayload(forms, context, view, readable, findings);
  if (payload === undefined) {
    return { ok: false, problems: [...findings.problems, ...findings.remarks] };
  }
  const isAcknowledgement = forms !== ownForms && payload.codec === u64Payload;
  if (isAcknowledgement) {
    if (descriptorCount > 0) {
      findings.problem('unexpected-descriptors', 0, 'descriptors', `${descriptorCount} with an acknowledgement`);
    }
  } else {
    checkDescriptors(message, 'reply', payload.value, descriptorCount, findings);
  }
  return settle(findings, {
    ...header,
    name: message.name,
    message,
    ...payload,
    descriptorCount,
    isAcknowledgement,
  });
}

/** Reads a request, or the reply to one, by the reply flag. A reply to an unknown request has no value. */
export function decodeMessage(
  direction: Direction,
  bytes: Uint8Array,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
): Decoded<DecodedRequest | DecodedReply> {
  const flags = bytes.length < VHOST_USER_HEADER_SIZE ? 0 : (bytes[4] ?? 0);
  if ((flags & VHOST_USER_REPLY_MASK) === 0) {
    return decodeRequest(direction, bytes, descriptorCount, context);
  }
  const id = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  const message = messageById(direction, id);
  if (message === undefined) {
    const detail = `no ${direction} message has the id ${id}`;
    return { ok: false, problems: [wireProblem('unknown-request', 0, 'request', detail)] };
  }
  return decodeReply(message, bytes, descriptorCount, context, true);
}
