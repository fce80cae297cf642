import type { MemoryChangeObservation } from '../../reference-impl/observations/event.ts';
import { setUpByMessages } from '../../reference-impl/observations/trace-notes.ts';
import { layoutsOf, ringWriteWords, type TracedLayout, tableWords } from '../trace/ring-write-words.ts';
import type { Trace } from '../trace/trace.ts';
import { PackedReplay } from './packed-replay.ts';
import { hexOf, type RingRow, type RingWrite, type TableWrite } from './ring-row.ts';
import { SplitReplay } from './split-replay.ts';

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

export type MemoryChange = MemoryChangeObservation & { readonly seq: number };

/** What comparisons of the guest's memory found in a trace. */
export function memoryChanges({ events }: Trace): MemoryChange[] {
  return events.filter((event): event is MemoryChange & { readonly timeUs: number } => event.kind === 'memory-change');
}

/**
 * Every ring of a trace as it was at each of its writes: what the driver stored, and what it saw of the device's. Another
 * connection places its rings anew: they are rings of their own.
 */
export function ringHistories(trace: Trace): RingHistory[] {
  const layouts = layoutsOf(trace.key, trace.events);
  const lives = new Map<string, { index: number; connection: number; writes: Write[] }>();
  /** Notes that begin another life of a ring. */
  const begun = new Map<string, number>();
  let connection = 0;
  for (const event of trace.events) {
    if (event.kind === 'connection' && event.state === 'opened') connection++;
    if (event.kind === 'note') begun.set(event.text, (begun.get(event.text) ?? 0) + 1);
    if (event.kind !== 'ring-write' && event.kind !== 'indirect-table') continue;
    const id = `${connection} ${event.index} ${begun.get(setUpByMessages(event.index)) ?? 0}`;
    const known = lives.get(id);
    if (known === undefined) lives.set(id, { index: event.index, connection, writes: [event] });
    else known.writes.push(event);
  }
  return [...lives.values()].map(({ index, connection: on, writes }): RingHistory => {
    const layout = layouts.get(index) ?? 'split';
    const own = writes.filter((one): one is RingWrite => one.kind === 'ring-write');
    const ring = layout === 'packed' ? new PackedReplay(own) : new SplitReplay(own);
    const steps = writes.map(
      (event): RingStep => ({
        seq: event.seq,
        title: titleOf(event, layout),
        rows: event.kind === 'ring-write' ? ring.take(event) : tabled(ring, event),
        status: ring.status,
      }),
    );
    return { index, connection: on, layout, origin: ring.origin, steps };
  });
}

type Write = RingWrite | TableWrite;

const titleOf = (event: Write, layout: TracedLayout): string =>
  event.kind === 'indirect-table'
    ? `indirect table at ${hexOf(event.address)}: ${tableWords(event, layout)}`
    : `${event.what.replaceAll('-', ' ')}: ${ringWriteWords(event, layout).replace(/^(idx|used_event) /, '')}`;

/** It is drawn with the descriptor that leads to it. */
function tabled({ tables }: SplitReplay | PackedReplay, table: TableWrite): RingRow[] {
  tables.take(table);
  return [];
}

/** What stands at each place after the steps up to an event, by area and place. */
export function ringAt({ steps }: RingHistory, seq: number): ReadonlyMap<string, RingRow> {
  const rows = new Map<string, RingRow>();
  for (const step of steps) {
    if (step.seq > seq) break;
    for (const row of step.rows) {
      const place = `${row.area} ${row.place}`;
      if (row.text === '') rows.delete(place);
      else rows.set(place, row);
    }
  }
  return rows;
}
