import type { Breakdown } from './back-end-edge.ts';
import type { Handled } from './handled.ts';

/** How the stream of bytes of a connection is treated, below messages. */
export interface StreamRules {
  /** Whether a message may come in pieces. */
  readonly waitsForRest: boolean;
  /** Whether a connection that comes while one is open ends that one: it waits. */
  readonly endsFirstConnection: boolean;
  /** What a connection that ends inside a message does to the back-end: nothing. */
  readonly atTruncatedEnd: Breakdown | undefined;
  /** What a request that was handled does to the back-end: nothing. Some back-ends end at each error. */
  readonly breakdownBehind: (handled: Handled['kind']) => Breakdown | undefined;
  /** What a message does to the back-end as soon as its header is there: nothing. */
  readonly breakdownAt: (message: {
    readonly request: number;
    readonly flags: number;
    readonly size: number;
  }) => Breakdown | undefined;
}

export const streamRules: StreamRules = {
  waitsForRest: true,
  endsFirstConnection: false,
  atTruncatedEnd: undefined,
  breakdownBehind: () => undefined,
  breakdownAt: () => undefined,
};
