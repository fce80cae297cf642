import type { RequestShape } from '../../drivers/devices/request.ts';

/** A request of two descriptors for a ring of two entries, else one as drivers make it. */
export const fitting = (ringSize: number): RequestShape => (ringSize === 2 ? { descriptors: 2 } : {});
