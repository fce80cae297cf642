import fc from 'fast-check';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { encodeBlockHeader } from '../../reference-impl/devices/block-layout.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { type Call, type CallOf, callOf, type Program } from '../program/program.ts';

import {
  lastMessage,
  plainMessage,
  protocolBits,
  shortMessage,
  stoppedRingMessage,
  type ToldMessage,
  toldCall,
} from './told-message.ts';

export const modelledDevices = ['block', 'net', 'entropy'] as const;
export type ModelledDevice = (typeof modelledDevices)[number];

export const isModelled = (device: string): device is ModelledDevice =>
  modelledDevices.some((modelled) => modelled === device);

export interface LawfulShape {
  readonly device: ModelledDevice;
  readonly layout: RingLayout;
  /** What the device offers: nothing else is accepted. Everything without it. */
  readonly offer?: Pick<FeatureSet, 'device' | 'protocol'>;
}

type Segments = CallOf<'chain'>['segments'];

/** What one chain asks for. */
interface Wanted {
  readonly readable: Uint8Array;
  readonly room: number;
}

export type Step =
  | { readonly kind: 'chains'; readonly chains: readonly Chain[]; readonly waits: 'all' | 'one' | 'none' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'reconnect' }
  | { readonly kind: 'told'; readonly message: ToldMessage }
  | { readonly kind: 'features'; readonly word: 'device' | 'protocol' }
  | { readonly kind: 'configuration'; readonly offset: number; readonly length: number }
  | { readonly kind: 'plain'; readonly what: 'fence' | 'kick' | 'enable' | 'share' };

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
/** Of block: FLUSH, DISCARD, WRITE_ZEROES. Of net: MTU, MRG_RXBUF. */
const ofDevice: Readonly<Record<ModelledDevice, bigint>> = {
  block: (1n << 9n) | (1n << 13n) | (1n << 14n),
  net: (1n << 3n) | (1n << 15n),
  entropy: 0n,
};
/** Protocol features beside MQ. */
const protocolWord = fc
  .subarray([
    protocolBits.replyAck,
    protocolBits.replyAck | protocolBits.config,
    protocolBits.config,
    protocolBits.logShmfd,
    protocolBits.rarp | protocolBits.mtu,
    protocolBits.backEndRequests,
    protocolBits.backEndRequests | protocolBits.replyAck | protocolBits.inband,
    protocolBits.inflight,
    protocolBits.resetDevice,
    protocolBits.memorySlots,
    protocolBits.status,
  ])
  .map((words) => words.reduce((all, word) => all | word, protocolBits.mq));

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
    { weight: 4, arbitrary: plainMessage.map((message) => ({ kind: 'told' as const, message })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('device' as const, 'protocol' as const)
        .map((word) => ({ kind: 'features' as const, word })),
    },
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
      arbitrary: fc.constant({ kind: 'configuration' as const, offset: 0, length: wholeConfiguration }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('plain' as const),
        what: fc.constantFrom('fence' as const, 'kick' as const, 'enable' as const, 'share' as const),
      }),
    },
  );

const setting = fc.record({
  features: fc
    .subarray([indirectDesc, eventIdx, inOrder, indirectDesc | eventIdx])
    .map((words) => words.reduce((all, word) => all | word, 0n)),
  protocol: protocolWord,
  /** In front of the first ring. */
  prologue: fc.array(stoppedRingMessage, { maxLength: 3 }),
  tellsAddresses: fc.nat({ max: 7 }).map((n) => n === 0),
  /** Behind the last ring, and one that is cut. */
  epilogue: fc.array(lastMessage, { maxLength: 3 }),
  short: fc.option(shortMessage, { nil: undefined }),
  memory: fc.constantFrom('single-region', 'adjacent-regions', 'one-file', 'below-and-above-4gib' as const),
  size: fc.constantFrom(2, 4, 8, 16, 16, 64, 128, 256, 512),
  /** Slots before the end of the ring, or of the indices, where it begins. */
  before: fc.constantFrom(0, 0, 1, 2, 3),
  kicksWhenAsked: fc.boolean(),
  /** A second ring of requests, where the device has one. */
  hasSecond: fc.boolean(),
  room: fc.constantFrom(1600, 1600, 256, 128, 12 + 60),
  placement: fc.constantFrom('contiguous' as const, 'apart' as const),
});

export type Setting = typeof setting extends fc.Arbitrary<infer Value> ? Value : never;

/** What a lawful program is laid from. */
export interface LawfulParts {
  readonly chosen: Setting;
  readonly steps: readonly Step[];
}

export const lawfulParts = (device: ModelledDevice): fc.Arbitrary<LawfulParts> =>
  fc.record({ chosen: setting, steps: fc.array(stepOf(device), { minLength: 1, maxLength: 10 }) });

/** The same parts give the same requests in the same order, whatever the layout of the rings. */
export const laidProgram = (shape: LawfulShape, { chosen, steps }: LawfulParts): Program =>
  new ProgramLayer(shape, chosen).program(steps);

/** Programs that keep to the text, for a device whose features they accept as far as they are offered. */
export const lawfulProgram = (shape: LawfulShape): fc.Arbitrary<Program> =>
  lawfulParts(shape.device).map((parts) => laidProgram(shape, parts));

/** All used elements are awaited, and nothing is told beside the requests: what comes of each is seen. */
export const inWhole = ({ chosen, steps }: LawfulParts): LawfulParts => ({
  chosen: { ...chosen, prologue: [], epilogue: [], short: undefined, hasSecond: false, tellsAddresses: false },
  steps: steps.map((step) => (step.kind === 'chains' ? { ...step, waits: 'all' as const } : step)),
});

/** The parts with a stop and a start of the rings in front of a step. */
export const withStopAt = ({ chosen, steps }: LawfulParts, place: number): LawfulParts => ({
  chosen,
  steps: steps.toSpliced(place % (steps.length + 1), 0, { kind: 'stop' }),
});

/** Bytes of configuration that every block device of today has; every network device has those up to the MTU. */
const wholeConfiguration = 60;
const netConfiguration = 12;
/** What a driver writes one after another. */
const driverStatus = [1, 3, 0xb, 0xf] as const;
const everything = { device: -1n, protocol: -1n };

/** Lays the calls of a program, and knows how many chains of it are outstanding. */
class ProgramLayer {
  readonly #device: ModelledDevice;
  readonly #layout: RingLayout;
  readonly #setting: Setting;
  readonly #deviceWord: bigint;
  readonly #protocol: bigint;
  readonly #calls: Call[] = [];
  #session = 0;
  #status = 0;
  /** The ring on which requests are put; of net, the transmit ring, with the receive ring before it. */
  #queue = 0;
  #receive: number | undefined;
  /** Further rings of requests. */
  #others: readonly number[] = [];
  #rings: readonly number[] = [];
  #outstanding = 0;
  #free = 0;

  constructor({ device, layout, offer = everything }: LawfulShape, setting: Setting) {
    this.#device = device;
    this.#layout = layout;
    this.#setting = setting;
    const packed = layout === 'packed' ? packedRing : 0n;
    this.#deviceWord = (version1 | protocolFeatures | packed | ofDevice[device] | setting.features) & offer.device;
    this.#protocol = setting.protocol & offer.protocol;
  }

  program(steps: readonly Step[]): Program {
    const { memory, size, before, placement, hasSecond } = this.#setting;
    this.#session = this.#add('connect');
    this.#negotiate();
    const at = this.#add('memory', { layout: memory });
    this.#add('share', { session: this.#session, memory: at });
    const end = this.#layout === 'split' ? 0x1_0000 : size;
    const ring = { memory: at, layout: this.#layout, size, avail: (2 * end - before) % end, placement };
    this.#rings = [this.#add('ring', ring)];
    if (this.#device === 'net' || (this.#device === 'block' && hasSecond)) {
      this.#rings = [...this.#rings, this.#add('ring', ring)];
    }
    for (const message of this.#setting.prologue) this.#tell(message);
    if (this.#setting.tellsAddresses) this.#tellAddresses(this.#rings[0] ?? 0, 0);
    this.#attach();
    for (const step of steps) this.#step(step, at);
    this.#stop();
    const { epilogue, short } = this.#setting;
    for (const message of short === undefined ? epilogue : [...epilogue, short]) this.#tell(message);
    return { calls: this.#calls };
  }

  #step(step: Step, memory: number): void {
    const session = this.#session;
    switch (step.kind) {
      case 'chains':
        this.#chains(step.chains, step.waits);
        if (this.#others.length > 0) this.#turnTo(step.chains.length);
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
      case 'told':
        this.#tell(step.message);
        return;
      case 'features': {
        const isOfDevice = step.word === 'device';
        const value = { kind: 'literal' as const, value: isOfDevice ? this.#deviceWord : this.#protocol };
        this.#addAgain({
          session,
          request: isOfDevice ? requestId.VHOST_USER_SET_FEATURES : requestId.VHOST_USER_SET_PROTOCOL_FEATURES,
          flags: this.#has(protocolBits.replyAck) ? 9 : 1,
          fields: [{ name: 'u64', value }],
        });
        return;
      }
      case 'configuration':
        if (!this.#has(protocolBits.config) || this.#device === 'entropy') return;
        this.#add('read-config', { session, offset: step.offset, length: this.#configured(step) });
        return;
      case 'plain':
        if (step.what === 'fence') this.#add('fence', { session });
        else if (step.what === 'share') this.#add('share', { session, memory });
        else this.#add(step.what, { queue: this.#queue });
    }
  }

  #has(protocol: bigint): boolean {
    return (this.#protocol & protocol) !== 0n;
  }

  #configured({ offset, length }: { readonly offset: number; readonly length: number }): number {
    return this.#device === 'net' && offset === 0 ? Math.min(length, netConfiguration) : length;
  }

  #negotiate(): void {
    this.#status = 0;
    this.#add('negotiate', { session: this.#session, device: this.#deviceWord, protocol: this.#protocol });
  }

  /** A message that counts from its second time on, for some. */
  #addAgain(values: Parameters<typeof callOf<'message'>>[2]): void {
    for (let time = 0; time < 2; time++) this.#add('message', values);
  }

  /** The addresses of a ring, in front of its start. */
  #tellAddresses(ring: number, index: number): void {
    const place = (name: string, area: 'descriptor' | 'driver' | 'device') => ({
      name,
      value: { kind: 'ring' as const, ring, area, offset: 0, space: 'user' as const },
    });
    const number = (name: string, value: number) => ({
      name,
      value: { kind: 'literal' as const, value: BigInt(value) },
    });
    const flags = this.#has(protocolBits.replyAck) ? 9 : 1;
    const session = this.#session;
    const [num, addresses] = [requestId.VHOST_USER_SET_VRING_NUM, requestId.VHOST_USER_SET_VRING_ADDR];
    this.#add('message', {
      session,
      request: num,
      flags,
      fields: [number('index', index), number('num', this.#setting.size)],
    });
    this.#addAgain({
      session,
      request: addresses,
      flags,
      fields: [
        number('index', index),
        place('descriptor', 'descriptor'),
        place('available', 'driver'),
        place('used', 'device'),
      ],
    });
  }

  #tell(message: ToldMessage): void {
    if (message.request === requestId.VHOST_USER_NET_SET_MTU && this.#device !== 'net') return;
    for (let time = 0; time < message.times; time++) {
      const call = toldCall(message, this.#session, this.#protocol, this.#calls.length + 1);
      if (call !== undefined) this.#calls.push(call);
    }
  }

  #attach(): void {
    const queues = this.#rings.map((ring, index) => this.#add('attach', { session: this.#session, ring, index }));
    if (this.#has(protocolBits.status)) {
      for (const status of driverStatus) if (status > this.#status) this.#writeStatus(status);
    }
    this.#queue = queues.at(-1) ?? 0;
    this.#receive = this.#device === 'net' ? queues[0] : undefined;
    this.#others = this.#device === 'net' ? [] : queues.slice(0, -1);
    this.#outstanding = 0;
    this.#free = this.#setting.size;
  }

  /** Requests go to another ring from now on; those that are under way come to their end first. */
  #turnTo(number: number): void {
    const other = this.#others[number % (this.#others.length + 1)];
    if (other === undefined) return;
    this.#drain();
    this.#others = [...this.#others.filter((one) => one !== other), this.#queue];
    this.#queue = other;
  }

  #writeStatus(status: number): void {
    this.#status = status;
    this.#add('message', {
      session: this.#session,
      request: requestId.VHOST_USER_SET_STATUS,
      flags: this.#has(protocolBits.replyAck) && status !== 3 ? 9 : 1,
      fields: [{ name: 'u64', value: { kind: 'literal', value: BigInt(status) } }],
    });
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
    this.#kick(queue);
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
      segments: [{ writable: true, length: this.#setting.room, bytes: new Uint8Array(0), at: undefined }],
    });
    this.#kick(queue);
  }

  #kick(queue: number): void {
    this.#add('kick', { queue, asked: this.#setting.kicksWhenAsked });
  }

  #drain(): void {
    if (this.#outstanding > 0) this.#add('wait', { queue: this.#queue, count: this.#outstanding });
    if (this.#receive !== undefined) this.#add('wait', { queue: this.#receive, count: 0 });
    this.#outstanding = 0;
    this.#free = this.#setting.size;
  }

  #stop(): void {
    this.#drain();
    for (const queue of [this.#receive, this.#queue, ...this.#others])
      if (queue !== undefined) this.#add('stop', { queue });
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
