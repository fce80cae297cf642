import type { AddressSpace } from '../../reference-impl/memory/addresses.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import { GuestWatch, type MemoryAccess } from '../../reference-impl/oracle/guest-watch.ts';
import { type InvariantViolation, requirementOfInvariant } from '../../reference-impl/oracle/invariants.ts';
import { RingWatch } from '../../reference-impl/oracle/ring-watch.ts';
import type { StoreWatch } from '../../reference-impl/oracle/store-watch.ts';
import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { GuestRing, RingArea } from '../../reference-impl/virtqueue/ring.ts';
import { pread } from '../native/native.ts';
import type { Oracle, OracleFinding } from '../port/oracle.ts';
import { descriptorOfRegion } from './guest-memory.ts';

let scratch = new Uint8Array(0);

/** Regions of a memory file are read by pread: a look through the mapping would give every hole a page. */
const fileAccess: MemoryAccess = {
  current: (region) => {
    if (scratch.length < region.size) scratch = new Uint8Array(region.size);
    const view = scratch.subarray(0, region.size);
    pread(descriptorOfRegion(region), view, 0, region.size, region.mmapOffset);
    return view;
  },
  equals: (left, right) => Buffer.compare(left, right) === 0,
};

/** The ring invariants under all rings of a port. */
export class PortOracle implements Oracle {
  readonly #event: () => number;
  readonly #guests = new Map<Guest, GuestWatch>();
  #findings: OracleFinding[] = [];
  /** By queue index, where the device tells of its stores. */
  readonly #stores = new Map<number, { readonly watch: RingWatch; readonly stores: StoreWatch }>();
  #tellsStores = false;
  #isOn = true;
  #isSharing = false;
  #isMemoryByHand = false;

  /** `event` is the sequence number of the latest event of the log. */
  constructor(event: () => number) {
    this.#event = event;
  }

  begin(isWatched: boolean): void {
    this.#isOn = isWatched;
    this.#isMemoryByHand = false;
    this.#findings = [];
    this.#stores.clear();
  }

  findings(): readonly OracleFinding[] {
    return this.#findings;
  }

  guestMade(guest: Guest): void {
    if (this.#isOn) this.#guests.set(guest, new GuestWatch(guest));
  }

  guestReleased(guest: Guest): void {
    this.#guests.get(guest)?.release();
    this.#guests.delete(guest);
  }

  /** A ring that a driver side is about to be made for; undefined where nothing is watched. */
  watch(ring: GuestRing, space: AddressSpace = 'guest-physical'): RingWatch | undefined {
    if (!this.#isOn) return undefined;
    const memory = this.#memoryOf(ring);
    memory?.placed(ring);
    return new RingWatch({
      ring,
      space,
      memory,
      guests: () => this.#guests.values(),
      found: (violation) => this.#found(violation),
      byHand: () => {
        this.#isMemoryByHand = true;
      },
    });
  }

  /** The driver side of the ring was made. `isReceive`: its device fills it with network packets. */
  attached(watch: RingWatch | undefined, index: number, driver: DriverRing, isReceive: boolean): void {
    this.#stores.delete(index);
    if (!this.#tellsStores || watch === undefined) return;
    this.#stores.set(index, { watch, stores: watch.watchStores(driver, isReceive) });
  }

  /** The session of the ring ended: what the device stores from now on is to other rings. */
  detached(watch: RingWatch | undefined, index: number): void {
    if (watch !== undefined && this.#stores.get(index)?.watch === watch) this.#stores.delete(index);
  }

  /** For a device of this process: takes the stores that it makes to its rings, each right behind it. */
  takeStores(): (queue: number, area: RingArea, offset: number, length: number) => void {
    this.#tellsStores = true;
    return (queue, area, offset, length) => this.#stores.get(queue)?.stores.stored(area, offset, length);
  }

  /** A ring was stopped, behind a fence. */
  stopped(watch: RingWatch | undefined, ring: GuestRing, driver: DriverRing): void {
    if (watch === undefined || !this.#isOn) return;
    watch.stopped(driver);
    if (this.#isMemoryByHand) return;
    const elsewhere = requirementOfInvariant('otherMemory', ring.layout);
    for (const violation of this.#memoryOf(ring)?.violations(fileAccess, elsewhere) ?? []) this.#found(violation);
  }

  /** Tells the memory of a Guest as it lies there. */
  sharing<Result>(share: () => Result): Result {
    this.#isSharing = true;
    try {
      return share();
    } finally {
      this.#isSharing = false;
    }
  }

  /** A message of memory was sent: unless `sharing`, addresses may now mean other places than the Guest's. */
  memoryTold(): void {
    if (!this.#isSharing) this.#isMemoryByHand = true;
  }

  #memoryOf(ring: GuestRing): GuestWatch | undefined {
    const { journal } = ring.areas.descriptor.region;
    return journal instanceof GuestWatch ? journal : undefined;
  }

  #found(violation: InvariantViolation): void {
    if (this.#isOn) this.#findings.push({ ...violation, traceEvent: this.#event() });
  }
}
