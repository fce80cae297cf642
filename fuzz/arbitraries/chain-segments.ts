import { callTable } from '../program/call-table.ts';
import { type CallOf, elementOf } from '../program/program.ts';
import type { Chain } from './lawful-step.ts';

type Segments = CallOf<'chain'>['segments'];

const { element } = callTable.chain.arguments.segments;

export const readableSegment = (bytes: Uint8Array, place: Chain['place'] = 'anywhere'): Segments[number] =>
  elementOf(element, { bytes, place });

export const writableSegment = (length: number, place: Chain['place'] = 'anywhere'): Segments[number] =>
  elementOf(element, { writable: true, length, place });

/** The segments of a chain: what is read first, then what is written. */
export function segmentsOf({ wanted: { readable, room }, cuts, place }: Chain): Segments {
  return [
    ...pieces(readable.length, cuts).map(([from, to]) => readableSegment(readable.subarray(from, to), place)),
    ...pieces(room, cuts).map(([from, to]) => writableSegment(to - from, place)),
  ];
}

type Access = Segments[number]['access'];

/** What a buffer holds that no device may write to: it shows whether one does. */
const untouchedByte = 0xa7;

/** With translations that permit what the chain wants; with `wrong`, the first buffer or the last has another one. */
export const translated = (segments: Segments, wrong?: Access): Segments =>
  segments.map((segment, at) => {
    const isWrong = wrong !== undefined && at === (wrong === 'write' ? 0 : segments.length - 1);
    const access = isWrong ? wrong : segment.writable ? 'write' : 'read';
    if (!isWrong || !segment.writable) return { ...segment, access };
    return { ...segment, access, bytes: new Uint8Array(segment.length ?? 0).fill(untouchedByte) };
  });

/** Runs of `length` bytes between the cuts that lie within. */
function pieces(length: number, cuts: readonly number[]): (readonly [number, number])[] {
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < length), length])].sort((a, b) => a - b);
  return length === 0 ? [] : ends.map((end, at) => [ends[at - 1] ?? 0, end] as const);
}
