/**
 * The messages that set a vhost-user ring up, in the order in which they are sent unless a target or a case says another.
 * SET_VRING_ENABLE is left out where the session has no such request, or the ring is to stay disabled.
 */
export const ringSetUp = [
  'VHOST_USER_SET_VRING_NUM',
  'VHOST_USER_SET_VRING_BASE',
  'VHOST_USER_SET_VRING_ADDR',
  'VHOST_USER_SET_VRING_CALL',
  'VHOST_USER_SET_VRING_ERR',
  'VHOST_USER_SET_VRING_KICK',
  'VHOST_USER_SET_VRING_ENABLE',
] as const;

export type RingSetUpMessage = (typeof ringSetUp)[number];

/** Why these messages are no order of a set-up; undefined where each of them is there once. */
export function problemOfSetUp(order: readonly string[]): string | undefined {
  const missing = ringSetUp.filter((name) => !order.includes(name));
  if (missing.length === 0 && order.length === ringSetUp.length) return undefined;
  return `names each of ${ringSetUp.join(', ')} once${missing.length === 0 ? '' : `: ${missing.join(', ')} is missing`}`;
}
