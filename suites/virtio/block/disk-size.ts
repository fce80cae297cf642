import type { BlockWorkload } from '../../../drivers/devices/block-workload.ts';
import type { Session, TargetFacts } from '../../../drivers/port/port.ts';
import type { Check } from '../../check.ts';
import { configFrom } from '../device-parts.ts';
import { askedDriver } from '../running-queue.ts';

/** How large the disk is, and how much of it may be written. */
export interface DiskSize {
  /** 512-byte sectors, as its target or its configuration tells. */
  readonly capacity: bigint;
  /** True where the cases may write up to its last sector; the data at the end of another disk is not ours. */
  readonly isOurs: boolean;
}

/** 512-byte sectors of the disk, by its configuration (virtio 5.2.4). @throws CaseEnded after a recorded failure. */
export function capacityFrom(session: Session, check: Check): bigint {
  const config = configFrom(session, check, 8);
  return new DataView(config.buffer, config.byteOffset).getBigUint64(0, true);
}

/** Asks on a session that is closed again; wants `needs: ['disk.size']`. @throws CaseEnded after a recorded failure. */
export function diskSize(context: Parameters<typeof askedDriver>[0], check: Check): DiskSize {
  return askedDriver(context, ({ block: { facts } }, session) => {
    const capacity = facts.disk === undefined ? capacityFrom(session, check) : BigInt(facts.disk);
    return { capacity, isOurs: capacity <= facts.sectors };
  });
}

/** Of a case that writes at the end of the disk. */
export const isOursToItsEnd = {
  holds: ({ workload: { disk, sectors } }: Pick<TargetFacts, 'workload'>): boolean => disk === sectors,
  missing: 'a disk that is known to end where it may be written to',
};

/**
 * The sector behind the last that may be written; undefined where nothing tells how large the disk is.
 * @throws CaseEnded after a recorded failure.
 */
export function writableEnd({ disk, sectors }: BlockWorkload, session: Session, check: Check): number | undefined {
  if (disk !== undefined) return Math.min(disk, sectors);
  if (session.device.config === undefined) return undefined;
  const capacity = capacityFrom(session, check);
  return capacity < sectors ? Number(capacity) : sectors;
}

/** Sectors that a request names: the first, and their count. */
export interface NamedSectors {
  readonly sector: bigint;
  readonly sectors: number;
}

const crossesEnd = ({ sector, sectors }: NamedSectors, capacity: bigint): boolean =>
  sector < capacity && sector + BigInt(sectors) > capacity;

/** Whether a request leaves the disk, and may be tried: data at the end of a disk that is not ours is put at no risk. */
export function leavesDisk(named: readonly NamedSectors[], { capacity, isOurs }: DiskSize): boolean {
  const isPast = named.some(({ sector, sectors }) => sector + BigInt(sectors) > capacity);
  return isPast && (isOurs || !named.some((one) => crossesEnd(one, capacity)));
}
