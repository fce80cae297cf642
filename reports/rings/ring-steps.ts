import type { RingWriteObservation } from '../../reference-impl/observations/event.ts';
import { layoutsOf, ringWriteWords, type TracedLayout } from '../trace/ring-write-words.ts';
import type { Trace } from '../trace/trace.ts';

export const ringAreas = ['descriptor', 'driver', 'device'] as const;
export type RingArea = (typeof ringAreas)[number];

/** Whose a descriptor is: the device has what was made available and was not seen to be used. */
export type Owner = 'driver' | 'device' | '';

/** What stands at one place of a ring from a step on. */
export interface RingRow {
  readonly area: RingArea;
  /** Slot or field, or the address where the slot is not known. */
  readonly place: string;
  readonly text: string;
  readonly owner: Owner;
}

/** One write to a ring, or one used element that the driver found in it. */
export interface RingStep {
  readonly seq: number;
  readonly title: string;
  readonly rows: readonly RingRow[];
  /** Indices, or wrap counters. */
  readonly status: string;
}

export interface RingHistory {
  readonly index: number;
  /** Which connection of the trace it was placed by, from 1 on; 0 where none was opened. */
  readonly connection: number;
  readonly layout: TracedLayout;
  /** Where slot 0 is, and how that is known. */
  readonly origin: string;
  readonly steps: readonly RingStep[];
}

const descriptorSize = 16;

/**
 * Every ring of a trace as it was at each of its writes: what the driver stored, and what it saw of the device's. Another
 * connection places its rings anew: they are rings of their own.
 */
export function ringHistories(trace: Trace): RingHistory[] {
  const layouts = layoutsOf(trace.key, trace.events);
  const lives = new Map<string, { index: number; connection: number; writes: Write[] }>();
  let connection = 0;
  for (const event of trace.events) {
    if (event.kind === 'connection' && event.state === 'opened') connection++;
    if (event.kind !== 'ring-write') continue;
    const id = `${connection} ${event.index}`;
    const known = lives.get(id);
    if (known === undefined) lives.set(id, { index: event.index, connection, writes: [event] });
    else known.writes.push(event);
  }
  return [...lives.values()].map(({ index, connection: on, writes }): RingHistory => {
    const layout = layouts.get(index) ?? 'split';
    const ring = layout === 'packed' ? new PackedReplay(writes) : new SplitReplay(writes);
    const steps = writes.map(
      (event): RingStep => ({
        seq: event.seq,
        title: titleOf(event, layout),
        rows: ring.take(event),
        status: ring.status,
      }),
    );
    return { index, connection: on, layout, origin: ring.origin, steps };
  });
}

type Write = RingWriteObservation & { readonly seq: number };

const titleOf = (event: RingWriteObservation, layout: TracedLayout): string =>
  `${event.what.replaceAll('-', ' ')}: ${ringWriteWords(event, layout)}`;

/** What stands at each place after the steps up to an event, by area and place. */
export function ringAt({ steps }: RingHistory, seq: number): ReadonlyMap<string, RingRow> {
  const rows = new Map<string, RingRow>();
  for (const step of steps) {
    if (step.seq > seq) break;
    for (const row of step.rows) rows.set(`${row.area} ${row.place}`, row);
  }
  return rows;
}

const viewOf = ({ bytes }: RingWriteObservation): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** The first two bytes; 0 where a trace holds fewer. */
const u16 = (event: RingWriteObservation): number => (event.bytes.length < 2 ? 0 : viewOf(event).getUint16(0, true));

class SplitReplay {
  readonly #base: bigint | undefined;
  readonly #available: bigint | undefined;
  readonly #used: bigint | undefined;
  readonly #next = new Map<number, number | undefined>();
  readonly #texts = new Map<number, string>();
  #idx: number | undefined;
  #taken = 0;

  constructor(writes: readonly Write[]) {
    this.#base = descriptorTable(writes);
    const idx = writes.find(({ what }) => what === 'available-idx');
    this.#available = idx === undefined ? undefined : idx.address - 2n;
    this.#used = lowest(writes.filter(({ what }) => what === 'used-seen'));
  }

  get origin(): string {
    return this.#base === undefined ? '' : `slot 0 at ${hexOf(this.#base)}`;
  }

  get status(): string {
    return `available idx ${this.#idx ?? 'not written yet'} · used elements taken ${this.#taken}`;
  }

  take(event: RingWriteObservation): RingRow[] {
    const text = ringWriteWords(event, 'split');
    switch (event.what) {
      case 'descriptor': {
        const slot = slotIn(this.#base, event, descriptorSize);
        if (slot === undefined) return [{ area: 'descriptor', place: hexOf(event.address), text, owner: 'driver' }];
        const hasNext = event.bytes.length >= descriptorSize && (viewOf(event).getUint16(12, true) & 1) === 1;
        this.#next.set(slot, hasNext ? viewOf(event).getUint16(14, true) : undefined);
        this.#texts.set(slot, text);
        return [{ area: 'descriptor', place: String(slot), text, owner: 'driver' }];
      }
      case 'available': {
        const start = this.#available === undefined ? undefined : this.#available + 4n;
        const slot = slotIn(start, event, 2);
        const place = slot === undefined ? hexOf(event.address) : `ring[${slot}]`;
        return [{ area: 'driver', place, text, owner: '' }, ...this.#chain(u16(event), 'device')];
      }
      case 'available-idx':
        this.#idx = u16(event);
        return [{ area: 'driver', place: 'idx', text: String(this.#idx), owner: '' }];
      case 'available-flags':
        return [{ area: 'driver', place: 'flags', text, owner: '' }];
      case 'used-event':
        return [{ area: 'driver', place: 'used_event', text: text.replace('used_event ', ''), owner: '' }];
      case 'used-seen': {
        this.#taken++;
        const offset = this.#used === undefined ? 0 : Number(event.address - this.#used);
        const head = event.bytes.length < 4 ? undefined : viewOf(event).getUint32(0, true);
        const rows = head === undefined ? [] : this.#chain(head, 'driver');
        return [{ area: 'device', place: `element +${Math.floor(offset / 8)}`, text, owner: '' }, ...rows];
      }
    }
  }

  #chain(head: number, owner: Owner): RingRow[] {
    const rows: RingRow[] = [];
    const seen = new Set<number>();
    for (let slot: number | undefined = head; slot !== undefined && !seen.has(slot); slot = this.#next.get(slot)) {
      const text = this.#texts.get(slot);
      if (text === undefined) break;
      seen.add(slot);
      rows.push({ area: 'descriptor', place: String(slot), text, owner });
    }
    return rows;
  }
}

/** A chain is written from its head on, and its head is entered then: so the slot of one descriptor is known. */
function descriptorTable(writes: readonly RingWriteObservation[]): bigint | undefined {
  let first: RingWriteObservation | undefined;
  for (const event of writes) {
    if (event.what === 'descriptor') first ??= event;
    if (event.what !== 'available') continue;
    if (first !== undefined) return first.address - BigInt(u16(event) * descriptorSize);
  }
  return lowest(writes.filter(({ what }) => what === 'descriptor'));
}

class PackedReplay {
  readonly #base: bigint | undefined;
  readonly #chains = new Map<number, number[]>();
  readonly #texts = new Map<number, string>();
  #open: number[] = [];
  #driverWrap: number | undefined;
  #deviceWrap: number | undefined;

  constructor(writes: readonly Write[]) {
    this.#base = lowest(writes.filter(({ what }) => what === 'descriptor' || what === 'used-seen'));
  }

  /** No head tells the slot of a descriptor of a packed ring. */
  get origin(): string {
    return this.#base === undefined ? '' : `slots counted from ${hexOf(this.#base)}, the lowest that was seen`;
  }

  get status(): string {
    const wrap = (counter: number | undefined): string => (counter === undefined ? 'not seen yet' : String(counter));
    return `wrap counter of the driver ${wrap(this.#driverWrap)}, of the device ${wrap(this.#deviceWrap)}`;
  }

  take(event: RingWriteObservation): RingRow[] {
    const text = ringWriteWords(event, 'packed');
    switch (event.what) {
      case 'descriptor':
      case 'used-seen':
        return this.#descriptor(event, text);
      case 'available-flags':
      case 'available':
      case 'available-idx':
        return [{ area: 'driver', place: 'event flags', text, owner: '' }];
      case 'used-event':
        return [{ area: 'driver', place: 'event off_wrap', text, owner: '' }];
    }
  }

  #descriptor(event: RingWriteObservation, text: string): RingRow[] {
    const slot = slotIn(this.#base, event, descriptorSize);
    if (slot === undefined || event.bytes.length < descriptorSize) return [];
    const id = viewOf(event).getUint16(12, true);
    const flags = viewOf(event).getUint16(14, true);
    this.#texts.set(slot, text);
    if (event.what === 'descriptor') {
      // Within a chain the bits are those of the lap of each slot; the first one's is the counter that was in force.
      if (this.#open.length === 0) this.#driverWrap = (flags >>> 7) & 1;
      this.#open.push(slot);
      if ((flags & 1) === 0) {
        this.#chains.set(id, this.#open);
        this.#open = [];
      }
      return [{ area: 'descriptor', place: String(slot), text, owner: 'device' }];
    }
    this.#deviceWrap = flags >>> 15;
    const back = this.#chains.get(id) ?? [];
    this.#chains.delete(id);
    const rows = [...new Set([...back, slot])].map((one): RingRow => {
      return { area: 'descriptor', place: String(one), text: this.#texts.get(one) ?? '', owner: 'driver' };
    });
    return [{ area: 'device', place: `used at slot ${slot}`, text, owner: '' }, ...rows];
  }
}

function lowest(writes: readonly RingWriteObservation[]): bigint | undefined {
  return writes.reduce<bigint | undefined>(
    (least, { address }) => (least === undefined || address < least ? address : least),
    undefined,
  );
}

function slotIn(base: bigint | undefined, { address }: RingWriteObservation, size: number): number | undefined {
  if (base === undefined || address < base) return undefined;
  const distance = address - base;
  return distance % BigInt(size) === 0n && distance / BigInt(size) < 32768n
    ? Number(distance / BigInt(size))
    : undefined;
}

const hexOf = (address: bigint): string => `0x${address.toString(16)}`;
