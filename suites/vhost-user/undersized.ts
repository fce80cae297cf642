import type { OutgoingMessage } from '../../drivers/port/port.ts';
import type { Check } from '../check.ts';
import { pointsOf, type RequestContext, type RequestPoint } from './request-answers.ts';

/** Payloads cut short, with a header that tells their length: the message as such is whole. */

const headerBytes = 12;

/** The message with a payload of `size` bytes, which are the first of its own. */
export const cutTo = (message: OutgoingMessage, size: number): OutgoingMessage => ({
  ...message,
  declaredSize: size,
  truncateTo: headerBytes + size,
});

export interface UndersizedPoint extends RequestPoint {
  /** Bytes of payload, fewer than the request needs. */
  readonly size: number;
}

/** Each request with a payload that the offer allows, in several sizes too small for it. */
export const undersizedPoints = (context: RequestContext, check: Check): UndersizedPoint[] =>
  pointsOf(context, check, ({ bytes = 0 }) => bytes > 0).flatMap(({ key, of }) => {
    const needed = of.bytes ?? 0;
    const sizes = new Set([0, 1, needed >> 1, needed - 1].filter((size) => size < needed));
    return [...sizes].map((size) => ({ key: `${key},size=${size}`, of, size }));
  });
