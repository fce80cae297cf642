import fc from 'fast-check';
import { encodeBlockHeader } from '../../reference-impl/devices/block-layout.ts';
import { anyCalls } from '../arbitraries/any-program.ts';
import { readableSegment, writableSegment } from '../arbitraries/chain-segments.ts';
import type { CallKind } from '../program/call-table.ts';
import { type Call, type CallOf, callOf, type Program } from '../program/program.ts';

/** Calls that break rules and send no request of a device: what a disk holds stays. */
const kinds = [
  'message',
  'bytes',
  'memory',
  'memory-table',
  'memory-slot',
  'channel',
  'fence',
  'status',
  'reset',
  'enable',
  'stop',
  'read-config',
  'disconnect',
] as const satisfies readonly CallKind[];
const mostUnlawful = 12;
const sectorBytes = 512;
const device = 0x1_4000_0000n;
const queueSize = 16;

type Segments = CallOf<'chain'>['segments'];

/** A program that stores something, breaks rules, and reads what it stored on a new session. */
export interface IntactProgram {
  readonly program: Program;
  /** What the last chain brings. */
  readonly stored: Uint8Array;
}

export const intactProgram: fc.Arbitrary<IntactProgram> = fc
  .record({
    unlawful: anyCalls(kinds, mostUnlawful),
    sector: fc.integer({ min: 0, max: 40 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  })
  .map(({ unlawful, sector, bytes }) => {
    const stored = Uint8Array.from({ length: sectorBytes }, (_, at) => bytes[at % bytes.length] ?? 0);
    const calls: Call[] = [];
    const add = <Kind extends Call['kind']>(kind: Kind, values: Parameters<typeof callOf<Kind>>[2] = {}): number => {
      calls.push(callOf(kind, calls.length + 1, values) as unknown as Call);
      return calls.length;
    };
    const begin = (session: number): number => {
      add('negotiate', { session, device });
      const memory = add('memory');
      add('share', { session, memory });
      return add('attach', { session, ring: add('ring', { memory, size: queueSize }) });
    };
    const transfer = (queue: number, segments: Segments): void => {
      add('chain', { queue, segments });
      add('kick', { queue });
      add('wait', { queue });
    };
    const header = (type: number): Uint8Array => encodeBlockHeader({ type, sector: BigInt(sector) });
    const first = begin(add('connect'));
    transfer(first, [readableSegment(header(1)), readableSegment(stored), writableSegment(1)]);
    add('stop', { queue: first });
    for (const call of unlawful) calls.push({ ...call, id: calls.length + 1 });
    const last = begin(add('connect'));
    transfer(last, [readableSegment(header(0)), writableSegment(sectorBytes), writableSegment(1)]);
    return { program: { calls }, stored };
  });
