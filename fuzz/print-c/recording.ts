/** What a program did to a back-end on a vhost-user socket, as the bytes were: data that a C program is printed from. */
export interface Recording {
  /** Descriptors that were passed or signalled, and files of memory: a step names them by their place. */
  readonly things: readonly Thing[];
  readonly sessions: number;
  readonly steps: readonly Step[];
  /** A transfer on a connection of its own, where the back-end was found not to complete one. */
  readonly transfer?: Transfer;
}

export type Thing =
  | { readonly kind: 'file'; readonly size: number }
  | { readonly kind: 'eventfd' | 'null-device' | 'pipe' | 'socket' };

/** A place in a file of memory. */
export interface FilePlace {
  readonly file: number;
  readonly offset: number;
}

export interface Transfer {
  readonly steps: readonly Step[];
  /** The used idx that has to move, and its value ahead of the last kick; absent where no kick was given. */
  readonly used?: FilePlace & { readonly from: number };
}

export type Step =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'connect'; readonly session: number }
  | { readonly kind: 'send'; readonly session: number; readonly bytes: Uint8Array; readonly passed: readonly number[] }
  /** So many bytes came before the next step. */
  | { readonly kind: 'receive'; readonly session: number; readonly length: number }
  | { readonly kind: 'shutdown'; readonly session: number; readonly how: 'write' | 'both' }
  | { readonly kind: 'close'; readonly session: number }
  | ({ readonly kind: 'store'; readonly bytes: Uint8Array } & FilePlace)
  | { readonly kind: 'signal'; readonly thing: number; readonly value: bigint }
  /** The device stored this: flags of a packed ring, or the used idx of a split one, which may be beyond it elsewhere. */
  | ({ readonly kind: 'await'; readonly value: number; readonly isIndex: boolean } & FilePlace)
  | { readonly kind: 'pause'; readonly ms: number }
  /** Another thread stores the patterns in turn, until `settle` of the same number. */
  | ({
      readonly kind: 'change';
      readonly number: number;
      readonly patterns: readonly Uint8Array[];
      readonly periodNs: number;
    } & FilePlace)
  | { readonly kind: 'settle'; readonly number: number };
