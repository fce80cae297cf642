import { type Guest, plainGuest } from '../../memory/guest.ts';
import { defaultGuestLayout } from '../../memory/guest-layout.ts';
import type { Span } from '../../memory/span.ts';
import type { Harness } from './queue-harness.ts';

export const smallGuest = (): Guest =>
  plainGuest({ name: 'small', regions: defaultGuestLayout.regions.map((region) => ({ ...region, size: 0x8000 })) });

export type Note = (what: string, value: unknown) => void;

export function place(h: Harness, bytes: Uint8Array, ...lengths: number[]): Span[] {
  let at = 0;
  return lengths.map((length) => {
    const span = h.guest.allocate({ size: length });
    span.store(bytes.subarray(at, at + length));
    at += length;
    return span;
  });
}
