import { VFIO_REGION_SPAN } from '../../reference-impl/wire/vfio-structures.ts';

const span = BigInt(VFIO_REGION_SPAN);

/** Where in its region an access takes place: an offset beyond the span of a region would be one in another region. */
export const withinRegion = (offset: bigint): number => Number(offset % span);
