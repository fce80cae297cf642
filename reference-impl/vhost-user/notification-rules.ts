import type { NotificationWay } from './vring.ts';

export type Announcement = 'descriptor' | 'in-band' | 'none';

/** How a back-end tells that it used buffers, or that a ring is broken. */
export interface NotificationRules {
  readonly announcement: (way: NotificationWay, isInBand: boolean) => Announcement;
  /** `num` of VRING_CALL and VRING_ERR. */
  readonly inBandNum: number;
  /** Whether a ring that has no descriptor for kicks is looked at by itself. */
  readonly polls: (kick: NotificationWay) => boolean;
  /** What a value that was read from a kick eventfd means. */
  readonly isKick: (value: number) => boolean;
  readonly signalsErrors: boolean;
}

export const notificationRules: NotificationRules = {
  announcement: (way, isInBand) => (way.kind === 'descriptor' ? 'descriptor' : isInBand ? 'in-band' : 'none'),
  inBandNum: 0,
  polls: ({ kind }) => kind === 'polled',
  isKick: () => true,
  signalsErrors: true,
};
