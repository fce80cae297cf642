import type { AddressSpace } from './addresses.ts';
import type { MappedRegion } from './mapped-region.ts';
import type { Piece } from './pieces.ts';

export type { MappedRegion } from './mapped-region.ts';

export type Access = 'read' | 'write';

/** What an IOTLB entry lets through: nothing, or as VHOST_ACCESS_RO, WO and RW. */
export type IotlbPermission = 'none' | 'read' | 'write' | 'read-write';

export interface IotlbEntry {
  readonly ioVirtualAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
  readonly permission: IotlbPermission;
}

/** The first byte that an access could not have, for want of an entry or of its permission. */
export interface IotlbFault {
  readonly ioVirtualAddress: bigint;
  readonly access: Access;
}

/**
 * Why an address range is not to be had. `iotlb-miss` and `iotlb-denied` are of the I/O-virtual space alone. `page-missing`:
 * pages of it have not arrived, and were asked for.
 */
export type TranslationFailure =
  | 'outside-every-region'
  | 'region-edge'
  | 'wraps-address-space'
  | 'iotlb-miss'
  | 'iotlb-denied'
  | 'page-missing';

/** Whether the range can be had later, without a word of the driver: once a translation or a page has come. */
export const isYetToCome = (translation: Translation): boolean =>
  translation === 'iotlb-miss' || translation === 'page-missing';

/** The pieces are the caller's own. */
export type Translation = Piece[] | TranslationFailure;

/** Translations of plain strings are failures. */
export const isFailure = (translation: Translation): translation is TranslationFailure =>
  typeof translation === 'string';

const END = 1n << 64n;

interface Run {
  readonly start: bigint;
  readonly end: bigint;
  /** The same as numbers; both infinite where a number does not hold the end exactly. */
  readonly first: number;
  readonly last: number;
  readonly region: MappedRegion;
}

const runs = (regions: readonly MappedRegion[], start: (region: MappedRegion) => bigint): Run[] =>
  regions
    .map((region) => {
      const reach = region.size < BigInt(region.bytes.length) ? region.size : BigInt(region.bytes.length);
      const [first, end] = [start(region), start(region) + reach];
      const isExact = end <= BigInt(Number.MAX_SAFE_INTEGER);
      return {
        start: first,
        end,
        first: isExact ? Number(first) : Number.POSITIVE_INFINITY,
        last: isExact ? Number(end) : Number.POSITIVE_INFINITY,
        region,
      };
    })
    .sort((a, b) => (a.start < b.start ? -1 : 1));

function runAt(runs: readonly Run[], address: bigint): Run | undefined {
  for (const run of runs) if (address < run.end) return run.start <= address ? run : undefined;
  return undefined;
}

const permits = (permission: IotlbPermission, access: Access): boolean =>
  permission === 'read-write' || permission === access;

/**
 * The memory of a guest as the device side knows it. Never touches what lies outside the told regions, whatever it is
 * asked: an address range is answered with the pieces it consists of, or with the reason why there are none.
 */
export class MemoryMap {
  readonly #regions: MappedRegion[];
  #guest: Run[] = [];
  #user: Run[] = [];
  readonly #iotlb: IotlbEntry[] = [];
  #lastFault: IotlbFault | undefined;

  constructor(regions: readonly MappedRegion[] = []) {
    this.#regions = [...regions];
    this.#sort();
  }

  get regions(): readonly MappedRegion[] {
    return this.#regions;
  }

  /** Of the last translation that ended in `iotlb-miss` or `iotlb-denied`: what VHOST_IOTLB_MISS and ACCESS_FAIL tell. */
  get lastFault(): IotlbFault | undefined {
    return this.#lastFault;
  }

  get iotlb(): readonly IotlbEntry[] {
    return this.#iotlb;
  }

  add(region: MappedRegion): void {
    this.#regions.push(region);
    this.#sort();
  }

  /** Removes the region that was told with these values; answers it, or undefined where there is none. */
  remove(told: Pick<MappedRegion, 'guestAddress' | 'userAddress' | 'size'>): MappedRegion | undefined {
    const index = this.#regions.findIndex(
      ({ guestAddress, userAddress, size }) =>
        guestAddress === told.guestAddress && userAddress === told.userAddress && size === told.size,
    );
    const [removed] = index < 0 ? [] : this.#regions.splice(index, 1);
    this.#sort();
    return removed;
  }

  /** VHOST_IOTLB_UPDATE: an entry takes the place of all that it overlaps. */
  updateIotlb(entry: IotlbEntry): void {
    this.invalidateIotlb(entry.ioVirtualAddress, entry.size);
    this.#iotlb.push(entry);
  }

  /** VHOST_IOTLB_INVALIDATE: drops each entry that overlaps the range, whole. */
  invalidateIotlb(ioVirtualAddress: bigint, size: bigint): void {
    const kept = this.#iotlb.filter(
      (entry) =>
        entry.ioVirtualAddress + entry.size <= ioVirtualAddress || ioVirtualAddress + size <= entry.ioVirtualAddress,
    );
    this.#iotlb.splice(0, this.#iotlb.length, ...kept);
  }

  /** The pieces of `length` bytes at `address`, in order; a range of no bytes has no pieces wherever it lies. */
  translate(space: AddressSpace, address: bigint, length: number, access: Access = 'read'): Translation {
    if (length === 0) return [];
    if (address + BigInt(length) > END) return 'wraps-address-space';
    switch (space) {
      case 'guest-physical':
        return this.#pieces(this.#guest, address, length);
      case 'user':
        return this.#pieces(this.#user, address, length);
      case 'io-virtual':
        return this.#translateIoVirtual(address, length, access);
    }
  }

  /** Whether a range of user addresses lies in the regions, whatever has arrived of it. */
  isMapped(userAddress: bigint, length: number): boolean {
    return userAddress + BigInt(length) <= END && !isFailure(this.#mapped(this.#user, userAddress, length));
  }

  /** As `translate`, for an address in two 32-bit halves. */
  translateHalves(space: AddressSpace, high: number, low: number, length: number, access: Access): Translation {
    const piece = this.pieceOf(space, high, low, length);
    if (piece !== undefined) return [piece];
    return this.translate(space, (BigInt(high) << 32n) | BigInt(low), length, access);
  }

  /** A range that lies in one region, without a bigint made on the way; undefined where only `translate` can tell. */
  pieceOf(space: AddressSpace, high: number, low: number, length: number): Piece | undefined {
    if (length === 0 || space === 'io-virtual') return undefined;
    const first = high * 2 ** 32 + low;
    const runs = space === 'user' ? this.#user : this.#guest;
    for (let index = 0; index < runs.length; index++) {
      const run = runs[index] as Run;
      if (first >= run.first && first + length <= run.last) {
        const offset = first - run.first;
        if (run.region.arrivals?.areThere(offset, length) === false) return undefined;
        return { bytes: run.region.bytes, offset, length, region: run.region };
      }
    }
    return undefined;
  }

  #sort(): void {
    this.#guest = runs(this.#regions, (region) => region.guestAddress);
    this.#user = runs(this.#regions, (region) => region.userAddress);
  }

  /** The pieces, where all of their pages are there. */
  #pieces(runs: readonly Run[], address: bigint, length: number): Translation {
    const pieces = this.#mapped(runs, address, length);
    if (isFailure(pieces)) return pieces;
    for (const { region, offset, length: count } of pieces) {
      if (region.arrivals?.areThere(offset, count) === false) return 'page-missing';
    }
    return pieces;
  }

  #mapped(runs: readonly Run[], address: bigint, length: number): Translation {
    const pieces: Piece[] = [];
    let at = address;
    let left = length;
    while (left > 0) {
      const run = runAt(runs, at);
      if (run === undefined) return pieces.length === 0 ? 'outside-every-region' : 'region-edge';
      const offset = Number(at - run.start);
      const count = Math.min(left, Number(run.end - at));
      pieces.push({ bytes: run.region.bytes, offset, length: count, region: run.region });
      at += BigInt(count);
      left -= count;
    }
    return pieces;
  }

  #translateIoVirtual(address: bigint, length: number, access: Access): Translation {
    const pieces: Piece[] = [];
    let at = address;
    let left = length;
    while (left > 0) {
      const entry = this.#iotlb.find(
        ({ ioVirtualAddress, size }) => ioVirtualAddress <= at && at - ioVirtualAddress < size,
      );
      if (entry === undefined || !permits(entry.permission, access)) {
        this.#lastFault = { ioVirtualAddress: at, access };
        return entry === undefined ? 'iotlb-miss' : 'iotlb-denied';
      }
      const into = at - entry.ioVirtualAddress;
      const rest = entry.size - into;
      const count = rest < BigInt(left) ? Number(rest) : left;
      const part = this.#pieces(this.#user, entry.userAddress + into, count);
      if (isFailure(part)) return part;
      for (const piece of part) addPiece(pieces, piece);
      at += BigInt(count);
      left -= count;
    }
    return pieces;
  }
}

/** Appends a piece; one that goes on where the last one ends makes that longer. */
function addPiece(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (last === undefined || last.region !== piece.region || last.offset + last.length !== piece.offset) {
    pieces.push(piece);
    return;
  }
  pieces[pieces.length - 1] = { ...last, length: last.length + piece.length };
}
