import type { AllocationRequest } from '../../reference-impl/memory/allocation.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { readable, type Segment, writable } from '../../reference-impl/virtqueue/segment.ts';

/** A request that lies in guest memory, ready to be made available as one chain. */
export interface Request {
  readonly segments: readonly Segment[];
  /** What the device must say in `len` of the used element, the bytes it writes: the fewest, and the most. */
  readonly writes: { readonly least: number; readonly most: number };
  /**
   * Why the completed request is not what it should be, or undefined when it is right.
   * @param len of the used element, where that is known.
   */
  problem(len?: number): string | undefined;
}

/**
 * How a request is cut into descriptors. Unless told, it is cut as drivers of the device cut it, so that a device that
 * takes no other framing shows that in cases about framing alone.
 */
export interface RequestShape {
  /** In so many descriptors, cut where drivers of the device cut, as far as these make such requests. */
  readonly descriptors?: number;
  /** For cases about framing: lengths of the pieces of the device-readable part but the last, which takes the rest. */
  readonly readableCuts?: readonly number[];
  /** The same for the device-writable part. */
  readonly writableCuts?: readonly number[];
  /** Where a readable, and where a writable part that carries data lies; wherever there is room unless told. */
  readonly readableWhere?: Partial<AllocationRequest>;
  readonly writableWhere?: Partial<AllocationRequest>;
  /** Bytes of data, where the request carries any. */
  readonly bytes?: number;
  /** Makes the data of several requests differ. */
  readonly seed?: number;
}

/** The device writes so many bytes, neither more nor fewer. */
export const exactly = (bytes: number): Request['writes'] => ({ least: bytes, most: bytes });

/** The span in consecutive pieces; cuts that reach its end are left out. */
export function cutSpan(span: Span, cuts: readonly number[]): Span[] {
  const pieces: Span[] = [];
  let at = 0;
  for (const cut of cuts) {
    if (at + cut >= span.length) break;
    pieces.push(span.slice(at, cut));
    at += cut;
  }
  pieces.push(span.slice(at));
  return pieces;
}

/** Cuts `total` bytes into `count` nearly equal pieces, or into one for each byte. */
export function evenCuts(total: number, count: number): number[] {
  const pieces = Math.max(1, Math.min(total, count));
  return new Array<number>(pieces - 1).fill(Math.floor(total / pieces));
}

export function chainOf(readableSpans: readonly Span[], writableSpans: readonly Span[]): Segment[] {
  return [...readableSpans.map(readable), ...writableSpans.map(writable)];
}

/** Bytes that depend on seed and position, so that shifted, repeated or foreign data is seen. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761 + 0x9e3779b9) >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Where two byte strings first differ, in words; undefined when they are equal. */
export function difference(actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} bytes in place of ${expected.length}`;
  for (let at = 0; at < expected.length; at++) {
    if (actual[at] !== expected[at]) return `byte ${at} is ${actual[at]} in place of ${expected[at]}`;
  }
  return undefined;
}
