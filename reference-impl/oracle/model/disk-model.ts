import { SECTOR_SIZE } from '../../devices/block-layout.ts';

/** A value that a sector may hold; undefined where it can be anything. */
type Content = Uint8Array | undefined;

/** A write, or what was there before the first one, from its start until the driver saw its end. */
interface Candidate {
  readonly content: Content;
  readonly since: number;
  until: number;
  /** It failed, or may have: it overwrites nothing for sure. */
  isDoubtful: boolean;
  /** When a later write that overwrote it had ended. */
  overwritten: number;
}

const never = Number.POSITIVE_INFINITY;

const untold = (): Candidate => ({ content: undefined, since: -1, until: -1, isDoubtful: false, overwritten: never });

/** A write under way. */
export interface DiskWrite {
  readonly sectors: readonly number[];
  readonly candidates: readonly Candidate[];
}

/** A byte of a read that no order of the writes gives. */
export interface WrongByte {
  readonly sector: number;
  readonly offset: number;
  readonly allowed: readonly number[];
  readonly actual: number;
}

/**
 * The sectors of a disk as sets of values. Requests that overlap in time have no order; a request that the driver saw ended
 * before it made another one available comes first. A read that meets no write narrows its sectors to what it showed.
 */
export class DiskModel {
  readonly #sectors = new Map<number, Candidate[]>();
  #now = 0;
  #reads = 0;
  #isLost = false;

  /** Writes happened that are not known: nothing is claimed any more. */
  lose(): void {
    this.#isLost = true;
    this.#sectors.clear();
  }

  /** @param content of all sectors, one after the other; undefined for anything. */
  beginWrite(sector: number, count: number, content: Content): DiskWrite {
    const since = ++this.#now;
    const sectors: number[] = [];
    const candidates: Candidate[] = [];
    for (let n = 0; n < count && !this.#isLost; n++) {
      const candidate: Candidate = {
        content: content?.subarray(n * SECTOR_SIZE, (n + 1) * SECTOR_SIZE),
        since,
        until: never,
        isDoubtful: false,
        overwritten: never,
      };
      this.#at(sector + n).push(candidate);
      sectors.push(sector + n);
      candidates.push(candidate);
    }
    return { sectors, candidates };
  }

  /** The driver saw the write end; `isCarriedOut`: for sure. */
  endWrite({ sectors, candidates }: DiskWrite, isCarriedOut: boolean): void {
    const now = ++this.#now;
    for (let n = 0; n < sectors.length; n++) {
      const candidate = candidates[n] as Candidate;
      candidate.until = now;
      candidate.isDoubtful = !isCarriedOut;
      if (!isCarriedOut || this.#isLost) continue;
      const all = this.#at(sectors[n] as number);
      for (const other of all) {
        if (other.until < candidate.since && other.overwritten === never) other.overwritten = now;
      }
      if (this.#reads === 0) this.#prune(sectors[n] as number, all);
    }
  }

  /** When a read began. */
  beginRead(): number {
    this.#reads++;
    return ++this.#now;
  }

  endRead(): void {
    this.#reads--;
  }

  /** Whether the bytes of a read are among what the disk could hold since then; the sectors are narrowed by it. */
  read(sector: number, bytes: Uint8Array, since: number): WrongByte | undefined {
    if (this.#isLost) return undefined;
    for (let n = 0; n * SECTOR_SIZE < bytes.length; n++) {
      const seen = bytes.subarray(n * SECTOR_SIZE, (n + 1) * SECTOR_SIZE);
      const wrong = this.#readSector(sector + n, seen, since);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #readSector(sector: number, seen: Uint8Array, since: number): WrongByte | undefined {
    const all = this.#at(sector);
    const visible = all.filter(({ overwritten }) => overwritten > since);
    const known = visible.flatMap(({ content }) => (content === undefined ? [] : [content]));
    if (known.length === visible.length) {
      for (let at = 0; at < seen.length; at++) {
        const actual = seen[at] as number;
        if (!known.some((content) => content[at] === actual)) {
          const allowed = [...new Set(known.map((content) => content[at] as number))];
          return { sector, offset: at, allowed, actual };
        }
      }
    }
    // A write beside the read can still change the sector, and another read may be of what was there before.
    if (this.#reads <= 1 && all.every(({ until }) => until < since)) {
      this.#sectors.set(sector, [{ ...untold(), content: seen.slice() }]);
    }
    return undefined;
  }

  #at(sector: number): Candidate[] {
    let all = this.#sectors.get(sector);
    if (all === undefined) {
      all = [untold()];
      this.#sectors.set(sector, all);
    }
    return all;
  }

  #prune(sector: number, all: readonly Candidate[]): void {
    this.#sectors.set(
      sector,
      all.filter(({ overwritten }) => overwritten === never),
    );
  }
}
