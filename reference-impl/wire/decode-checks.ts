import type { Codec } from './compile-layout.ts';
import {
  isGateOpen,
  type MessageDescription,
  type NegotiatedContext,
  type PayloadForm,
} from './message-description.ts';
import {
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_VERSION,
  VHOST_USER_VERSION_MASK,
  VHOST_USER_VRING_NOFD_MASK,
} from './vhost-user-constants.ts';
import type { RequestValue } from './vhost-user-messages.ts';
import { type Decoded, noProblems, shiftProblems, type WireProblem, wireProblem } from './wire-problem.ts';

export const noContext: NegotiatedContext = Object.freeze({});
const knownFlags = VHOST_USER_VERSION_MASK | VHOST_USER_REPLY_MASK | VHOST_USER_NEED_REPLY_MASK;

/** What a decoder gathers: problems leave no value, remarks do. The lists are made when the first thing is found. */
export class Findings {
  problems: readonly WireProblem[] = noProblems;
  remarks: readonly WireProblem[] = noProblems;

  problem(...what: Parameters<typeof wireProblem>): void {
    this.problems = [...this.problems, wireProblem(...what)];
  }

  remark(...what: Parameters<typeof wireProblem>): void {
    this.remarks = [...this.remarks, wireProblem(...what)];
  }

  refuse(): { readonly ok: false; readonly problems: readonly WireProblem[] } {
    return { ok: false, problems: this.remarks.length === 0 ? this.problems : [...this.problems, ...this.remarks] };
  }

  settle<Value>(value: Value): Decoded<Value> {
    return this.problems.length > 0 ? this.refuse() : { ok: true, value, remarks: this.remarks };
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Judges the header of the `length` bytes at `offset`; false when there is not even a header. */
export function checkHeader(view: DataView, offset: number, length: number, findings: Findings): boolean {
  if (length < VHOST_USER_HEADER_SIZE) {
    findings.problem('short-of-header', length, 'header', `${length} bytes where a header has 12`);
    return false;
  }
  const flags = view.getUint32(offset + 4, true);
  const version = flags & VHOST_USER_VERSION_MASK;
  if (version !== VHOST_USER_VERSION) {
    findings.problem('version-not-1', 4, 'flags', `version ${version}`);
  }
  const unknown = (flags & ~knownFlags) >>> 0;
  if (unknown !== 0) {
    findings.remark('reserved-flag-bits', 4, 'flags', `${hex(unknown)} has no meaning`);
  }
  const size = view.getUint32(offset + 8, true);
  const present = length - VHOST_USER_HEADER_SIZE;
  if (size > present) {
    findings.problem('size-beyond-bytes', 8, 'size', `${size} declared, ${present} bytes present`);
  } else if (size < present) {
    findings.problem('trailing-bytes', VHOST_USER_HEADER_SIZE + size, 'size', `${size} declared, ${present} present`);
  }
  return true;
}

function mayApply(form: PayloadForm, context: NegotiatedContext): boolean {
  if (form.when === undefined) {
    return true;
  }
  const isOpen = isGateOpen(form.when.gate, context);
  return isOpen === undefined || isOpen === form.when.isSet;
}

interface ReadPayload {
  readonly codec: Codec<unknown>;
  readonly value: unknown;
}

/** The first form that reads the payload; when none does, the problems of the first that could apply. */
export function readPayload(
  forms: readonly PayloadForm[],
  context: NegotiatedContext,
  view: DataView,
  offset: number,
  size: number,
  findings: Findings,
): ReadPayload | undefined {
  let first: readonly WireProblem[] | undefined;
  for (const form of forms) {
    if (!mayApply(form, context)) {
      continue;
    }
    const result = form.codec.decode(view, offset + VHOST_USER_HEADER_SIZE, size);
    if (result.ok) {
      if (result.remarks.length > 0) {
        findings.remarks = [...findings.remarks, ...shiftProblems(result.remarks, VHOST_USER_HEADER_SIZE)];
      }
      return { codec: form.codec, value: result.value };
    }
    first ??= result.problems;
  }
  findings.problems = [...findings.problems, ...shiftProblems(first ?? noProblems, VHOST_USER_HEADER_SIZE)];
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

export function checkDescriptors(
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
  if (count >= minimum && count <= maximum) {
    return;
  }
  const detail = `${count} where ${minimum === maximum ? minimum : `${minimum} to ${maximum}`} belong`;
  if (count < minimum) {
    findings.problem('descriptors-missing', 0, 'descriptors', detail);
  } else if (count <= tolerated && exact === undefined) {
    findings.remark('descriptor-tolerated', 0, 'descriptors', detail);
  } else {
    findings.problem('unexpected-descriptors', 0, 'descriptors', detail);
  }
}

export function checkGates(message: MessageDescription, context: NegotiatedContext, findings: Findings): void {
  for (const gate of message.gate) {
    if (isGateOpen(gate, context) === false) {
      findings.remark('gate-not-negotiated', 0, 'request', `${message.name} without ${gate.feature}`);
    }
  }
}
