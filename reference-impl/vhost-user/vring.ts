import type { DescriptorToken } from './back-end-edge.ts';
import { isStarted, type RingState } from './ring-state.ts';
import type { LogAddress, RingAddresses } from './vring-rules.ts';

/** What tells of buffers: an eventfd, polling, or nothing yet. In band, `polled` means by message. */
export type NotificationWay =
  | { readonly kind: 'unset' | 'polled'; readonly token?: undefined }
  | { readonly kind: 'descriptor'; readonly token: DescriptorToken };

export const unset: NotificationWay = { kind: 'unset' };
export const polled: NotificationWay = { kind: 'polled' };

/** A ring that the device works on was told its addresses. */
export type AttachedVring = Vring & { readonly addresses: RingAddresses };

/** What a session knows of one ring. */
export class Vring {
  readonly index: number;
  state: RingState;
  size = 0;
  /** Where reading begins, or would begin again; undefined before it was set, and before it stopped once. */
  base: number | undefined;
  /** It ran, and no base was set since. */
  isResumed = false;
  /** How often it was attached on this connection. */
  starts = 0;
  addresses: RingAddresses | undefined;
  /** The byte order of a legacy driver. */
  isBigEndian = false;
  log: LogAddress = { address: 0n, isLogged: false };
  kick: NotificationWay = unset;
  call: NotificationWay = unset;
  err: NotificationWay = unset;
  /** The device works on the ring: it was found in memory and started there. */
  isAttached = false;

  constructor(index: number, state: RingState) {
    this.index = index;
    this.state = state;
  }

  /** It was started, and waits for a translation of its addresses, or for pages or other memory there. */
  get isAwaited(): boolean {
    return isStarted(this.state) && !this.isAttached;
  }
}
