import type { DriverPort, Guest } from '../../drivers/port/port.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { Executor } from '../executor/executor.ts';
import { bytesOfChain, roomOfChain } from '../judging/chain-bytes.ts';
import type { CallOf, Program } from '../program/program.ts';
import { KnownSectors, type SectorUse, sectorUse } from './known-sectors.ts';

/** What came of one chain, as far as the text leaves nothing open. */
export interface RequestResult {
  readonly isUsed: boolean;
  /** Of a device whose lengths are told by the text. */
  readonly len: number | undefined;
  /** All that was written, where it is known what it has to be. */
  readonly written: Uint8Array | undefined;
}

interface UnderWay {
  readonly place: number;
  readonly segments: readonly Segment[];
  readonly guest: Guest;
  readonly use: SectorUse | undefined;
  /** The text leaves open what comes of it: a request past the end of a disk. */
  readonly isOpen: boolean;
}

const unused: RequestResult = { isUsed: false, len: undefined, written: undefined };
/** Frames of a receive ring come as the network brings them, and random bytes as the device has them. */
const hasToldLengths: ReadonlySet<string> = new Set(['block']);

/** Runs programs and tells what came of each request: what two runs of the same requests must agree in. */
export class RequestResults {
  readonly #port: DriverPort;
  readonly #executor: Executor;
  readonly #sectors: number;

  /** @param sectors of the smallest disk that the requests are for. */
  constructor(port: DriverPort, patience: number, sectors = sectorsOf(port)) {
    this.#port = port;
    this.#sectors = sectors;
    this.#executor = new Executor(port, patience);
  }

  /** By the requests of a resolved program in their order; those that found no room are left out. */
  of(program: Program): RequestResult[] {
    const { outcomes, made } = this.#executor;
    const results: RequestResult[] = [];
    const sectors = new KnownSectors();
    /** By queue and buffer id. */
    const underWay = new Map<string, UnderWay>();
    this.#executor.run(program, (place) => {
      const call = program.calls[place];
      if (call?.kind === 'chain') {
        const added = this.#added(call, place, results.length);
        if (added === undefined) return;
        results.push(unused);
        sectors.begin(added.use);
        underWay.set(`${call.queue} ${outcomes.valueOf(place)}`, added);
      } else if (call?.kind === 'wait') {
        for (const { id, len } of outcomes.usedOf(place)) {
          const key = `${call.queue} ${id}`;
          const request = underWay.get(key);
          if (request === undefined) continue;
          underWay.delete(key);
          results[request.place] = this.#resultOf(request, len, sectors);
        }
      }
    });
    made.clear();
    return results;
  }

  #added(call: CallOf<'chain'>, place: number, at: number): UnderWay | undefined {
    const { made, outcomes } = this.#executor;
    const segments = made.chains.get(call.id);
    const guest = made.queues.get(call.queue)?.made.guest;
    if (segments === undefined || guest === undefined || outcomes.valueOf(place) === undefined) return undefined;
    const { device } = this.#port.facts;
    // What comes into a receive ring, and when, is a matter of the network.
    if (device === 'net' && roomOfChain(segments, false) === 0) return undefined;
    const isBlock = device === 'block';
    const use = isBlock ? sectorUse(bytesOfChain(guest, segments, false), roomOfChain(segments, true)) : undefined;
    const isOpen = use !== undefined && use.first + use.count > this.#sectors;
    return { place: at, segments, guest, use, isOpen };
  }

  #resultOf({ segments, guest, use, isOpen }: UnderWay, len: number, sectors: KnownSectors): RequestResult {
    const { device } = this.#port.facts;
    const isKnown = use !== undefined && sectors.end(use);
    if (isOpen) return { isUsed: true, len: undefined, written: undefined };
    return {
      isUsed: true,
      len: hasToldLengths.has(device) ? len : undefined,
      written: isKnown ? bytesOfChain(guest, segments, true) : undefined,
    };
  }
}

/** Of its disk; no number for another device. */
export function sectorsOf({ facts: { workload } }: DriverPort): number {
  return typeof workload['sectors'] === 'number' ? workload['sectors'] : Number.POSITIVE_INFINITY;
}

/** How two runs of the same requests differ; undefined where they do not. */
export function differenceOf(one: readonly RequestResult[], other: readonly RequestResult[]): string | undefined {
  if (one.length !== other.length) return `${one.length} requests, and ${other.length}`;
  for (const [at, left] of one.entries()) {
    const right = other[at] ?? unused;
    if (left.isUsed !== right.isUsed) return `request ${at}: used ${left.isUsed}, and ${right.isUsed}`;
    if (left.len !== right.len) return `request ${at}: len ${left.len}, and ${right.len}`;
    const byte = differingByte(left.written, right.written);
    if (byte !== undefined) return `request ${at}: byte ${byte} of what was written differs`;
  }
  return undefined;
}

function differingByte(one: Uint8Array | undefined, other: Uint8Array | undefined): number | undefined {
  if (one === undefined || other === undefined) return undefined;
  const at = one.findIndex((byte, place) => byte !== other[place]);
  return at < 0 ? undefined : at;
}
