import type { Region } from '../../reference-impl/memory/region.ts';
import type { ToldMapping } from './transport-door.ts';

/** What an entry of the IOTLB permits, as a message spells it; none where the translation was taken back. */
export type Permission = number | undefined;

interface Entry extends ToldMapping {
  readonly permission: Permission;
}

/**
 * The translations that a session was told. A back-end drops each entry that a new one overlaps, whole: what lies beside the
 * new one is told again.
 */
export class ToldTranslations {
  #entries: Entry[];

  /** @param regions each of which was told as a whole. */
  constructor(regions: readonly Pick<Region, 'ioVirtualAddress' | 'userAddress' | 'size'>[]) {
    this.#entries = regions.map(({ ioVirtualAddress, userAddress, size }) => ({
      ioVirtualAddress,
      userAddress,
      size: BigInt(size),
      permission: readWrite,
    }));
  }

  /** The range permits this from now on. What the session is to be told for it, in this order. */
  changed(mapping: ToldMapping, permission: Permission): readonly Entry[] {
    const start = mapping.ioVirtualAddress;
    const end = start + mapping.size;
    const overlapped = this.#entries.filter((one) => one.ioVirtualAddress < end && start < endOf(one));
    const beside = overlapped.flatMap((one) => [part(one, one.ioVirtualAddress, start), part(one, end, endOf(one))]);
    const told = [{ ...mapping, permission }, ...beside.filter(({ size }) => size > 0n)];
    this.#entries = [...this.#entries.filter((one) => !overlapped.includes(one)), ...told];
    return told.filter((one, at) => at === 0 || one.permission !== undefined);
  }
}

/** VHOST_ACCESS_RW. */
const readWrite = 3;

const endOf = ({ ioVirtualAddress, size }: ToldMapping): bigint => ioVirtualAddress + size;

/** The part of an entry between two addresses; empty where there is none. */
const part = (entry: Entry, from: bigint, to: bigint): Entry => ({
  ...entry,
  ioVirtualAddress: from,
  userAddress: entry.userAddress + (from - entry.ioVirtualAddress),
  size: to > from ? to - from : 0n,
});
