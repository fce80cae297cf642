import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { resultOf } from './channel-door.ts';

/** Configuration space of layout L1: where its fields lie, and reads and writes of one field. */

export const configRegion = vfioPci.CONFIG_REGION_INDEX;

const STATUS = 0x06;
const CAPABILITIES = 0x34;
const HAS_CAPABILITIES = 0x10;
const MSIX = 0x11;

/** A little-endian number of 1, 2 or 4 bytes; -1 where it cannot be read. */
export function numberAt({ vfio }: VhostMdevSession, offset: number, length: 1 | 2 | 4): number {
  const bytes = new Uint8Array(4);
  if (vfio.read(configRegion, offset, bytes.subarray(0, length)) !== length) return -1;
  return new DataView(bytes.buffer).getUint32(0, true);
}

export const write32 = ({ vfio }: VhostMdevSession, offset: number, value: number): string =>
  resultOf(vfio.write(configRegion, offset, new Uint8Array(Uint32Array.of(value).buffer)));

export const hasCapabilities = (session: VhostMdevSession): boolean =>
  (numberAt(session, STATUS, 2) & HAS_CAPABILITIES) !== 0;

/** Where the capability of MSI-X lies; undefined where the list has none. */
export function msixCapability(session: VhostMdevSession): number | undefined {
  const passed = new Set<number>();
  let at = numberAt(session, CAPABILITIES, 1);
  while (at >= 0x40 && !passed.has(at)) {
    if (numberAt(session, at, 1) === MSIX) return at;
    passed.add(at);
    at = numberAt(session, at + 1, 1);
  }
  return undefined;
}
