import type { Codec } from '../wire/compile-layout.ts';
import type { DescriptorCount, Gate } from '../wire/message-description.ts';
import type { FrontEndMessageName } from '../wire/vhost-user-messages.ts';
import type { DescriptorToken } from './back-end-edge.ts';
import type { Handled } from './handled.ts';
import type { SessionState } from './session-state.ts';

/** What came with a request beside its value. */
export interface RequestContext {
  /** Bytes of payload. */
  readonly size: number;
  readonly descriptors: readonly DescriptorToken[];
  /** Takes a descriptor over: the session closes those that no handler took. */
  take(token: DescriptorToken): DescriptorToken;
}

/** One entry of the session's table: all there is to one request of the front-end. */
export interface MessageRule<Value = unknown> {
  readonly request: number;
  readonly name: FrontEndMessageName;
  /** Features without which the request is treated as unknown. */
  readonly gate: readonly Gate[];
  /** Forms of the payload; the first that fits counts. */
  readonly payload: readonly Codec<Value>[];
  descriptors(value: Value): DescriptorCount;
  /** `own-reply`: refusing it means closing the connection, unless `handle` knows better. */
  readonly answer: 'own-reply' | 'acknowledgement';
  /** Why the state of the session does not allow the request; undefined where it does. */
  isUntimely(session: SessionState, value: Value): string | undefined;
  handle(session: SessionState, value: Value, context: RequestContext): Handled;
}

export type MessageTable = readonly MessageRule[];

type Exact<Value> = Pick<MessageRule<Value>, 'name' | 'handle'> &
  Partial<Omit<MessageRule<Value>, 'request' | 'name' | 'handle'>> & {
    readonly payload: readonly Codec<Value>[];
  };

const timely = (): undefined => undefined;

/** Fills in what most entries have in common: gate and number of descriptors as the text's table of messages has them. */
export function describeRule<Value>(
  of: { readonly id: number; readonly gate: readonly Gate[]; readonly requestDescriptors: DescriptorCount },
  entry: Exact<Value>,
): MessageRule<Value> {
  return {
    request: of.id,
    gate: of.gate,
    answer: 'acknowledgement',
    isUntimely: timely,
    descriptors: () => of.requestDescriptors,
    ...entry,
  };
}
