import fc from 'fast-check';
import { encodeBlockHeader } from '../../reference-impl/devices/block-layout.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import { type Call, type CallOf, callOf, type Program } from '../program/program.ts';

export type ModelledDevice = 'block' | 'net' | 'entropy';

export interface LawfulShape {
  readonly device: ModelledDevice;
  readonly layout: RingLayout;
  /** Bits to negotiate beside those that the layout needs; those that are not offered are left out. */
  readonly device64?: bigint;
}

type Segments = CallOf<'chain'>['segments'];

/** What one chain asks for. */
interface Wanted {
  readonly readable: Uint8Array;
  readonly room: number;
}

type Step =
  | { readonly kind: 'chains'; readonly chains: readonly Chain[]; readonly waits: 'all' | 'one' | 'none' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'reconnect' }
  | { readonly kind: 'question'; readonly request: number; readonly flags: number }
  | { readonly kind: 'configuration'; readonly offset: number; readonly length: number }
  | { readonly kind: 'plain'; readonly what: 'fence' | 'kick' | 'enable' };

interface Chain {
  readonly wanted: Wanted;
  /** Where the bytes are divided into segments, as parts of their length. */
  readonly cuts: readonly number[];
  readonly isIndirect: boolean;
  readonly isDescending: boolean;
  readonly isHeld: boolean;
}

const version1 = 1n << 32n;
const packedRing = 1n << 34n;
const protocolFeatures = 1n << 30n;
const indirectDesc = 1n << 28n;
const eventIdx = 1n << 29n;
const inOrder = 1n << 35n;
/** Of block: FLUSH, DISCARD, WRITE_ZEROES. Of net: MRG_RXBUF. */
const ofDevice: Readonly<Record<ModelledDevice, bigint>> = {
  block: (1n << 9n) | (1n << 13n) | (1n << 14n),
  net: 1n << 15n,
  entropy: 0n,
};
const replyAck = 1n << 3n;
const config = 1n << 9n;
/** MQ with REPLY_ACK, CONFIG, or both. */
const protocolWords = [0x209n, 0x201n, 0x9n, 0x1n] as const;

const sector = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(0x7fff_ffff, 16_383, 16_384, 255, 256) },
);

const range = fc
  .record({ sector: fc.integer({ min: 0, max: 6 }), sectors: fc.integer({ min: 1, max: 3 }) })
  .map(({ sector, sectors }) => {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(sector), true);
    view.setUint32(8, sectors, true);
    return bytes;
  });

const blockRequest: fc.Arbitrary<Wanted> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ sector, sectors: fc.integer({ min: 1, max: 4 }) }).map(({ sector, sectors }) => ({
      readable: encodeBlockHeader({ type: 0, sector: BigInt(sector) }),
      room: sectors * 512 + 1,
    })),
  },
  {
    weight: 5,
    arbitrary: fc
      .record({ sector, sectors: fc.integer({ min: 1, max: 4 }), byte: fc.integer({ min: 0, max: 255 }) })
      .map(({ sector, sectors, byte }) => ({
        readable: joined(
          encodeBlockHeader({ type: 1, sector: BigInt(sector) }),
          Uint8Array.from({ length: sectors * 512 }, (_, at) => byte + Math.floor(at / 100)),
        ),
        room: 1,
      })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { readable: encodeBlockHeader({ type: 4, sector: 0n }), room: 1 },
      { readable: encodeBlockHeader({ type: 8, sector: 0n }), room: 21 },
      { readable: encodeBlockHeader({ type: 99, sector: 0n }), room: 1 },
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(11, 13), fc.array(range, { minLength: 1, maxLength: 2 }))
      .map(([type, ranges]) => ({ readable: joined(encodeBlockHeader({ type, sector: 0n }), ...ranges), room: 1 })),
  },
);

/** A frame from a station to another one, behind a header that asks for nothing. */
const transmitted: fc.Arbitrary<Wanted> = fc
  .record({ length: fc.constantFrom(46, 100, 400, 1500), byte: fc.integer({ min: 0, max: 255 }) })
  .map(({ length, byte }) => ({
    readable: joined(
      new Uint8Array(12),
      Uint8Array.of(0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1, 0x88, 0xb5),
      Uint8Array.from({ length }, (_, at) => byte + at),
    ),
    room: 0,
  }));

const entropyRequest: fc.Arbitrary<Wanted> = fc
  .constantFrom(1, 16, 64, 200)
  .map((room) => ({ readable: new Uint8Array(0), room }));

const wantedOf: Readonly<Record<ModelledDevice, fc.Arbitrary<Wanted>>> = {
  block: blockRequest,
  net: transmitted,
  entropy: entropyRequest,
};

const chainOf = (device: ModelledDevice): fc.Arbitrary<Chain> =>
  fc.record({
    wanted: wantedOf[device],
    cuts: fc.array(fc.constantFrom(0, 1, 15, 16, 17, 100, 512, 528), { maxLength: 3 }),
    isIndirect: fc.boolean(),
    isDescending: fc.boolean(),
    isHeld: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  });

/** GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM; plain and with need_reply. */
const question = fc.record({
  kind: fc.constant('question' as const),
  request: fc.constantFrom(1, 15, 17),
  flags: fc.constantFrom(1, 1, 9),
});

const stepOf = (device: ModelledDevice): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('chains' as const),
        chains: fc.array(chainOf(device), { minLength: 1, maxLength: 4 }),
        waits: fc.constantFrom('all' as const, 'all' as const, 'one' as const, 'none' as const),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'stop' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
    { weight: 1, arbitrary: question },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('configuration' as const),
        offset: fc.integer({ min: 0, max: 40 }),
        length: fc.integer({ min: 1, max: 20 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('plain' as const),
        what: fc.constantFrom('fence' as const, 'kick' as const, 'enable' as const),
      }),
    },
  );

const setting = fc.record({
  features: fc
    .subarray([indirectDesc, eventIdx, inOrder, indirectDesc | eventIdx])
    .map((words) => words.reduce((all, word) => all | word, 0n)),
  protocol: fc.constantFrom(...protocolWords),
  memory: fc.constantFrom('single-region', 'adjacent-regions', 'one-file', 'below-and-above-4gib' as const),
  size: fc.constantFrom(4, 8, 16, 16, 64),
  begin: fc.constantFrom(0, 0, 3, 0xfffe),
  placement: fc.constantFrom('contiguous' as const, 'apart' as const),
});

type Setting = typeof setting extends fc.Arbitrary<infer Value> ? Value : never;

/** Programs that keep to the text, for a device whose features they accept as far as they are offered. */
export const lawfulProgram = ({ device, layout }: LawfulShape): fc.Arbitrary<Program> =>
  fc
    .tuple(setting, fc.array(stepOf(device), { minLength: 1, maxLength: 10 }))
    .map(([chosen, steps]) => new ProgramLayer(device, layout, chosen).program(steps));

/** Lays the calls of a program, and knows how many chains of it are outstanding. */
class ProgramLayer {
  readonly #device: ModelledDevice;
  readonly #layout: RingLayout;
  readonly #setting: Setting;
  readonly #calls: Call[] = [];
  #session = 0;
  /** The ring on which requests are put; of net, the transmit ring, with the receive ring before it. */
  #queue = 0;
  #receive: number | undefined;
  #rings: readonly number[] = [];
  #outstanding = 0;
  #free = 0;

  constructor(device: ModelledDevice, layout: RingLayout, setting: Setting) {
    this.#device = device;
    this.#layout = layout;
    this.#setting = setting;
  }

  program(steps: readonly Step[]): Program {
    const { memory, size, begin, placement } = this.#setting;
    this.#session = this.#add('connect');
    this.#negotiate();
    const at = this.#add('memory', { layout: memory });
    this.#add('share', { session: this.#session, memory: at });
    const position = this.#layout === 'split' ? begin : begin % size;
    const ring = { memory: at, layout: this.#layout, size, avail: position, placement };
    this.#rings =
      this.#device === 'net' ? [this.#add('ring', ring), this.#add('ring', ring)] : [this.#add('ring', ring)];
    this.#attach();
    for (const step of steps) this.#step(step, at);
    this.#stop();
    return { calls: this.#calls };
  }

  #step(step: Step, memory: number): void {
    const session = this.#session;
    switch (step.kind) {
      case 'chains':
        this.#chains(step.chains, step.waits);
        return;
      case 'stop':
        this.#stop();
        this.#attach();
        return;
      case 'reconnect':
        this.#stop();
        this.#session = this.#add('reconnect', { session });
        this.#negotiate();
        this.#add('share', { session: this.#session, memory });
        this.#attach();
        return;
      case 'question':
        this.#add('message', { session, request: step.request, flags: this.#has(replyAck) ? step.flags : 1 });
        return;
      case 'configuration':
        if (!this.#has(config) || this.#device === 'entropy') return;
        this.#add('read-config', { session, offset: step.offset, length: step.length });
        return;
      case 'plain':
        if (step.what === 'fence') this.#add('fence', { session });
        else this.#add(step.what, { queue: this.#queue });
    }
  }

  #has(protocol: bigint): boolean {
    return (this.#setting.protocol & protocol) !== 0n;
  }

  #negotiate(): void {
    const { features, protocol } = this.#setting;
    const layout = this.#layout === 'packed' ? packedRing : 0n;
    const device = version1 | protocolFeatures | layout | ofDevice[this.#device] | features;
    this.#add('negotiate', { session: this.#session, device, protocol });
  }

  #attach(): void {
    const queues = this.#rings.map((ring, index) => this.#add('attach', { session: this.#session, ring, index }));
    this.#queue = queues.at(-1) ?? 0;
    this.#receive = queues.length > 1 ? queues[0] : undefined;
    this.#outstanding = 0;
    this.#free = this.#setting.size;
  }

  #chains(chains: readonly Chain[], waits: 'all' | 'one' | 'none'): void {
    const queue = this.#queue;
    let added = 0;
    for (const [at, chain] of chains.entries()) {
      const segments = segmentsOf(chain);
      const isIndirect = chain.isIndirect && (this.#setting.features & indirectDesc) !== 0n;
      if (segments.length > this.#free) break;
      this.#free -= segments.length;
      added++;
      const isLast = at === chains.length - 1 || this.#free < leastSegments;
      if (this.#receive !== undefined) this.#lend(this.#receive);
      this.#add('chain', {
        queue,
        segments,
        direct: isIndirect ? 0 : undefined,
        descending: chain.isDescending,
        held: chain.isHeld && !isLast,
      });
      if (isLast) break;
    }
    if (added === 0) {
      this.#drain();
      return;
    }
    this.#outstanding += added;
    this.#add('kick', { queue });
    switch (waits) {
      case 'all':
        this.#drain();
        return;
      case 'one':
        this.#add('wait', { queue, count: 1 });
        // As many may have come as were asked for, or all of them.
        this.#outstanding = 0;
        return;
      case 'none':
    }
  }

  #lend(queue: number): void {
    this.#add('chain', {
      queue,
      segments: [{ writable: true, length: 1600, bytes: new Uint8Array(0), at: undefined }],
    });
    this.#add('kick', { queue });
  }

  #drain(): void {
    if (this.#outstanding > 0) this.#add('wait', { queue: this.#queue, count: this.#outstanding });
    if (this.#receive !== undefined) this.#add('wait', { queue: this.#receive, count: 0 });
    this.#outstanding = 0;
    this.#free = this.#setting.size;
  }

  #stop(): void {
    this.#drain();
    for (const queue of [this.#receive, this.#queue]) if (queue !== undefined) this.#add('stop', { queue });
  }

  #add<Kind extends Call['kind']>(kind: Kind, values: Parameters<typeof callOf<Kind>>[2] = {}): number {
    const id = this.#calls.length + 1;
    this.#calls.push(callOf(kind, id, values) as unknown as Call);
    return id;
  }
}

/** The fewest descriptors that a chain takes. */
const leastSegments = 5;

function segmentsOf({ wanted: { readable, room }, cuts }: Chain): Segments {
  const none = new Uint8Array(0);
  return [
    ...pieces(readable.length, cuts).map(([from, to]) => ({
      writable: false,
      length: undefined,
      bytes: readable.subarray(from, to),
      at: undefined,
    })),
    ...pieces(room, cuts).map(([from, to]) => ({ writable: true, length: to - from, bytes: none, at: undefined })),
  ];
}

/** Runs of `length` bytes between the cuts that lie within. */
function pieces(length: number, cuts: readonly number[]): (readonly [number, number])[] {
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < length), length])].sort((a, b) => a - b);
  return length === 0 ? [] : ends.map((end, at) => [ends[at - 1] ?? 0, end] as const);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
