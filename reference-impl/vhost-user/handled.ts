import type { DescriptorToken } from './back-end-edge.ts';

/** What became of a request. `why` is for people. */
export type Handled =
  | { readonly kind: 'done' }
  | { readonly kind: 'reply'; readonly payload: Uint8Array; readonly descriptors?: readonly DescriptorToken[] }
  | { readonly kind: 'refused'; readonly why: string }
  /** Refused, and nothing that could be sent would say so. */
  | { readonly kind: 'close-connection'; readonly why: string };

export const done: Handled = { kind: 'done' };
export const refused = (why: string): Handled => ({ kind: 'refused', why });
