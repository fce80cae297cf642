/**
 * Whether a notification is due with VIRTIO_F_EVENT_IDX (virtio 2.7.7.2, 2.7.10.1): the index moved from `before` to
 * `now`, and on its way it passed the entry `event`. All three are 16-bit and wrap; what counts is how far back of
 * `now` they lie.
 */
export const passesEvent = (event: number, now: number, before: number): boolean =>
  ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
