import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';

/** Bytes of a memory file that no region has: who keeps to its regions leaves them as they are. */
export interface ZonePlace {
  readonly file: number;
  readonly offset: number;
  readonly size: number;
}

/** So many bytes beside each region are watched, and each file is longer by them. */
export const zoneBytes = 4096;
const pattern = 0xa5;

/** The places ahead of each region of a layout and behind it, each byte once. */
export function zonePlaces({ regions }: GuestLayout): ZonePlace[] {
  const places: ZonePlace[] = [];
  const files = new Set(regions.map(({ file }) => file));
  for (const file of files) {
    const taken = regions
      .filter((region) => region.file === file)
      .map(({ mmapOffset, size }) => ({ from: Number(mmapOffset), to: Number(mmapOffset) + size }))
      .sort((left, right) => left.from - right.from);
    let free = 0;
    for (const { from, to } of taken) {
      const ahead = Math.max(free, from - zoneBytes);
      if (ahead < from) places.push({ file, offset: ahead, size: from - ahead });
      const next = taken.find((other) => other.from >= to)?.from ?? Number.POSITIVE_INFINITY;
      const behind = Math.min(to + zoneBytes, next);
      if (to < behind) places.push({ file, offset: to, size: behind - to });
      free = Math.max(free, behind);
    }
  }
  return places;
}

/** Makes a zone out of bytes. */
export function fillZone(bytes: Uint8Array): void {
  bytes.fill(pattern);
}

const untouched = Buffer.alloc(zoneBytes, pattern);

/** The first byte of a zone that is not as it was; undefined where all are. */
export function firstChange(bytes: Uint8Array): number | undefined {
  if (untouched.compare(bytes, 0, bytes.length, 0, bytes.length) === 0) return undefined;
  return bytes.findIndex((byte) => byte !== pattern);
}
