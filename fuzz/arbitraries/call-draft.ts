import type { ValuesOf } from '../program/arguments.ts';
import type { CallKind, CallTable } from '../program/call-table.ts';

/** A call before it has an id and a session. */
export interface CallDraft {
  readonly kind: CallKind;
  readonly values: Readonly<Record<string, unknown>>;
}

export const draft = <Kind extends CallKind>(
  kind: Kind,
  values: Partial<ValuesOf<CallTable[Kind]['arguments']>> = {},
): CallDraft => ({ kind, values });
