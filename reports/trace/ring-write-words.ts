import type {
  IndirectTableObservation,
  ObservedEvent,
  RingWriteObservation,
} from '../../reference-impl/observations/event.ts';

export type TracedLayout = 'split' | 'packed';

/**
 * The layout of each ring of a trace, by its index. Only a split ring has an available ring, and its used elements are 8
 * bytes; those of a packed ring are descriptors.
 */
export function layoutsOf(key: string, events: readonly ObservedEvent[]): ReadonlyMap<number, TracedLayout> {
  const layouts = new Map<number, TracedLayout>();
  const named: TracedLayout = /\blayout=packed\b/.test(key) ? 'packed' : 'split';
  for (const event of events) {
    if (event.kind !== 'ring-write') continue;
    const shown = layoutShownBy(event);
    if (shown !== undefined) layouts.set(event.index, shown);
    else if (!layouts.has(event.index)) layouts.set(event.index, named);
  }
  return layouts;
}

/** By the bytes of a used element. */
const usedLayouts: ReadonlyMap<number, TracedLayout> = new Map([
  [8, 'split'],
  [16, 'packed'],
]);

function layoutShownBy({ what, bytes }: RingWriteObservation): TracedLayout | undefined {
  if (what === 'available' || what === 'available-idx') return 'split';
  if (what !== 'used-seen') return undefined;
  return usedLayouts.get(bytes.length);
}

/** A word of flags by the names of its bits. */
const descriptorFlags: readonly [number, string][] = [
  [1, 'NEXT'],
  [2, 'WRITE'],
  [4, 'INDIRECT'],
];
const packedBits: readonly [number, string][] = [
  [1 << 7, 'AVAIL'],
  [1 << 15, 'USED'],
];
const eventModes = ['enable', 'disable', 'at a descriptor'];

/** What was written, or found to be used, in the fields of its structure. */
export function ringWriteWords({ what, bytes }: RingWriteObservation, layout: TracedLayout): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u16 = (at: number): number => view.getUint16(at, true);
  const expected = lengthOf(what, layout);
  if (bytes.length < expected) return `cut: ${bytes.length} of ${expected} bytes`;
  switch (what) {
    case 'descriptor':
      return descriptorWords(view, layout);
    case 'available':
      return `head ${u16(0)}`;
    case 'available-idx':
      return `idx ${u16(0)}`;
    case 'available-flags':
      if (layout === 'packed') return `desc flags: ${eventModes[u16(0) & 3] ?? 'reserved'}`;
      return (u16(0) & 1) === 1 ? 'NO_INTERRUPT' : 'no flag';
    case 'used-event':
      return layout === 'packed'
        ? `off_wrap: slot ${u16(0) & 0x7fff}, wrap counter ${u16(0) >>> 15}`
        : `used_event ${u16(0)}`;
    case 'used-seen':
      return layout === 'packed'
        ? descriptorWords(view, layout)
        : `id ${view.getUint32(0, true)}, len ${view.getUint32(4, true)}`;
  }
}

const descriptorSize = 16;

/** The descriptors of an indirect table, as far as they are whole. */
export function tableEntries({ bytes }: Pick<IndirectTableObservation, 'bytes'>, layout: TracedLayout): string[] {
  const count = Math.floor(bytes.length / descriptorSize);
  return Array.from({ length: count }, (_, at) =>
    descriptorWords(new DataView(bytes.buffer, bytes.byteOffset + at * descriptorSize, descriptorSize), layout),
  );
}

/** The same in one line. */
export const tableWords = (table: Pick<IndirectTableObservation, 'bytes'>, layout: TracedLayout): string =>
  tableEntries(table, layout)
    .map((words, at) => `[${at}] ${words}`)
    .join('; ');

function lengthOf(what: RingWriteObservation['what'], layout: TracedLayout): number {
  switch (what) {
    case 'descriptor':
      return 16;
    case 'used-seen':
      return layout === 'packed' ? 16 : 8;
    case 'available':
    case 'available-idx':
    case 'available-flags':
    case 'used-event':
      return 2;
  }
}

/** struct virtq_desc ends in flags and next, struct pvirtq_desc in id and flags. */
function descriptorWords(view: DataView, layout: TracedLayout): string {
  const [flags, other] =
    layout === 'packed'
      ? [view.getUint16(14, true), view.getUint16(12, true)]
      : [view.getUint16(12, true), view.getUint16(14, true)];
  const names = layout === 'packed' ? [...descriptorFlags, ...packedBits] : descriptorFlags;
  const told = bitsInWords(flags, names);
  const where = `addr 0x${view.getBigUint64(0, true).toString(16)}, len ${view.getUint32(8, true)}`;
  if (layout === 'packed') return `${where}, id ${other}, flags ${told}`;
  return `${where}, flags ${told}${(flags & 1) === 1 ? `, next ${other}` : ''}`;
}

function bitsInWords(flags: number, names: readonly [number, string][]): string {
  const set = names.filter(([bit]) => (flags & bit) !== 0);
  const left = set.reduce((rest, [bit]) => rest & ~bit, flags);
  const words = [...set.map(([, name]) => name), ...(left === 0 ? [] : [`0x${left.toString(16)}`])];
  return words.length === 0 ? '0' : words.join('|');
}
