/** Names of everything a decoder can find wrong with bytes of the wire. */
export const wireProblemNames = [
  'short-of-header',
  'version-not-1',
  'reserved-flag-bits',
  'reply-flag-missing',
  'reply-flag-on-request',
  'need-reply-on-reply',
  'need-reply-not-negotiated',
  'unknown-request',
  'request-mismatch',
  'reply-not-expected',
  'gate-not-negotiated',
  'size-beyond-bytes',
  'size-beyond-limit',
  'trailing-bytes',
  'size-short-of-payload',
  'size-beyond-known-payload',
  'size-beyond-count',
  'count-beyond-maximum',
  'padding-not-zero',
  'reserved-bits-set',
  'descriptors-missing',
  'unexpected-descriptors',
  'descriptor-tolerated',
  'descriptors-late',
  'stream-ended-inside-header',
  'stream-ended-inside-payload',
] as const;

export type WireProblemName = (typeof wireProblemNames)[number];

/**
 * One thing wrong with bytes of the wire, and where.
 * `offset` counts bytes from the first byte of the message header (from the first byte of the payload when a
 * payload codec reports it); `field` is the field's name in camel case, dotted and indexed inside repeated fields.
 */
export interface WireProblem {
  readonly name: WireProblemName;
  readonly offset: number;
  readonly field: string;
  readonly detail: string;
}

/** Shared by every clean result, so that decoding a clean message allocates no list. */
export const noProblems: readonly WireProblem[] = Object.freeze([]);

/** A decoded value, with remarks on what is irregular but leaves the value readable; or why there is no value. */
export type Decoded<Value> =
  | { readonly ok: true; readonly value: Value; readonly remarks: readonly WireProblem[] }
  | { readonly ok: false; readonly problems: readonly WireProblem[] };

export function wireProblem(name: WireProblemName, offset: number, field: string, detail: string): WireProblem {
  return { name, offset, field, detail };
}

export function shiftProblems(problems: readonly WireProblem[], by: number): readonly WireProblem[] {
  return problems.length === 0 ? noProblems : problems.map((each) => ({ ...each, offset: each.offset + by }));
}

/** One line for a person: what is wrong, in which field, at which byte. */
export function describeWireProblem(problem: WireProblem): string {
  return `${problem.name} at byte ${problem.offset} (${problem.field}): ${problem.detail}`;
}

export const namesOfProblems = (problems: readonly WireProblem[]): string =>
  problems.map(({ name }) => name).join(', ');
