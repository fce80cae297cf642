import fc from 'fast-check';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { type Call, type CallOf, callOf, type Program } from '../program/program.ts';
import type { CallDraft } from './call-draft.ts';
import { type Chain, mdevStepOf, ringSize, ringStart, type Step, stepOf, vdpaStepOf } from './lawful-step.ts';
import type { ModelledDevice } from './requests.ts';
import {
  callDescriptor,
  inflightBuffer,
  lastMessage,
  logBase,
  protocolBits,
  shortMessage,
  stoppedRingMessage,
  type ToldMessage,
  ToldSlots,
  toldCall,
} from './told-message.ts';
import { resume, suspend } from './vdpa-call.ts';

export interface LawfulShape {
  readonly device: ModelledDevice;
  readonly layout: RingLayout;
  /** What the device offers: nothing else is accepted. Everything without it. */
  readonly offer?: Pick<FeatureSet, 'device' | 'protocol'>;
  /** vhost-user unless told. */
  readonly transport?: 'vhost-user' | 'vhost-mdev' | 'vhost-vdpa';
}

type Segments = CallOf<'chain'>['segments'];

const version1 = 1n << 32n;
const accessPlatform = 1n << 33n;
const packedRing = 1n << 34n;
const protocolFeatures = 1n << 30n;
const indirectDesc = 1n << 28n;
const eventIdx = 1n << 29n;
const inOrder = 1n << 35n;
const logAll = 1n << 26n;
/** Of block: FLUSH, CONFIG_WCE, DISCARD, WRITE_ZEROES. Of net: MTU, MRG_RXBUF. */
const ofDevice: Readonly<Record<ModelledDevice, bigint>> = {
  block: (1n << 9n) | (1n << 11n) | (1n << 13n) | (1n << 14n),
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
const wholeProtocol = Object.values(protocolBits).reduce((all, word) => all | word, 0n);

/** One in so many and one more: no, where a counterexample is made small. */
const seldom = (max: number): fc.Arbitrary<boolean> => fc.nat({ max }).map((n) => n === max);

const setting = fc.record({
  features: fc
    .subarray([indirectDesc, eventIdx, inOrder, indirectDesc | eventIdx])
    .map((words) => words.reduce((all, word) => all | word, 0n)),
  protocol: fc.oneof(protocolWord, protocolWord, fc.constantFrom(wholeProtocol, wholeProtocol & ~protocolBits.inband)),
  /** With a log of dirty pages. */
  isLogged: seldom(5),
  /** Of what is logged, used rings as well. */
  logsUsedRings: fc.boolean(),
  /** With a buffer of requests in flight. */
  isRecorded: seldom(4),
  /** I/O-virtual addresses, with translations that are told and asked for. */
  isTranslated: seldom(6),
  /** Of I/O-virtual addresses, translations are asked for. */
  isUntold: fc.boolean(),
  /** Calls of rings go to a descriptor that comes while they run. */
  isLateCall: seldom(6),
  /** A packed ring begins so many slots behind those that are used. */
  ahead: fc.oneof({ weight: 7, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 1, 2) }),
  /** Without VHOST_USER_F_PROTOCOL_FEATURES. */
  isOld: seldom(9),
  /** In front of the first ring. */
  prologue: fc.array(stoppedRingMessage, { maxLength: 3 }),
  tellsAddresses: seldom(7),
  /** Behind the last ring, and one that is cut. */
  epilogue: fc.array(lastMessage, { maxLength: 3 }),
  short: fc.option(shortMessage, { nil: undefined }),
  memory: fc.constantFrom(
    'single-region' as const,
    'single-region' as const,
    'adjacent-regions' as const,
    'one-file' as const,
    'below-and-above-4gib' as const,
    'eight-regions' as const,
    'crossing-4gib' as const,
  ),
  size: ringSize,
  start: ringStart,
  /** A packed ring has an entry less than the power of two. */
  isOdd: seldom(3),
  kicksWhenAsked: fc.boolean(),
  /** A second ring of requests, where the device has one. */
  hasSecond: fc.boolean(),
  room: fc.constantFrom(1600, 1600, 1600, 256, 128, 12 + 60, 0x1_0000),
  placement: fc.constantFrom('contiguous' as const, 'apart' as const),
});

export type Setting = typeof setting extends fc.Arbitrary<infer Value> ? Value : never;

/** What a lawful program is laid from. */
export interface LawfulParts {
  readonly chosen: Setting;
  readonly steps: readonly Step[];
}

export const lawfulParts = (device: ModelledDevice): fc.Arbitrary<LawfulParts> => partsWith(stepOf(device));

const partsWith = (step: fc.Arbitrary<Step>): fc.Arbitrary<LawfulParts> =>
  fc.record({ chosen: setting, steps: fc.array(step, { minLength: 1, maxLength: 10 }) });

/** The same parts give the same requests in the same order, whatever the layout of the rings. */
export const laidProgram = (shape: LawfulShape, { chosen, steps }: LawfulParts): Program =>
  new ProgramLayer(shape, chosen).program(steps);

/** Programs that keep to the text, for a device whose features they accept as far as they are offered. */
export function lawfulProgram(shape: LawfulShape): fc.Arbitrary<Program> {
  const { device, transport, offer = everything } = shape;
  return partsOf(device, offer, transport).map((each) => laidProgram(shape, each));
}

function partsOf(
  device: ModelledDevice,
  offer: Pick<FeatureSet, 'device'>,
  transport: LawfulShape['transport'],
): fc.Arbitrary<LawfulParts> {
  if (transport === 'vhost-mdev') return partsWith(mdevStepOf(device, offer.device));
  return transport === 'vhost-vdpa' ? partsWith(vdpaStepOf(device)) : lawfulParts(device);
}

/** All used elements are awaited, and nothing is told beside the requests: what comes of each is seen. */
export const inWhole = ({ chosen, steps }: LawfulParts): LawfulParts => ({
  chosen: {
    ...chosen,
    isRecorded: false,
    isLateCall: false,
    ahead: 0,
    isTranslated: false,
    prologue: [],
    epilogue: [],
    short: undefined,
    hasSecond: false,
    tellsAddresses: false,
    isOdd: false,
    isLogged: false,
    isOld: false,
  },
  steps: steps.map((step) => (step.kind === 'chains' ? { ...step, waits: 'all' as const } : step)),
});

/** The parts with a stop and a start of the rings in front of a step. */
export const withStopAt = ({ chosen, steps }: LawfulParts, place: number): LawfulParts => ({
  chosen,
  steps: steps.toSpliced(place % (steps.length + 1), 0, { kind: 'stop' }),
});

/** Every network device has those up to the MTU. */
const netConfiguration = 12;
const wholeNetConfiguration = 24;
/** Buffers that are lent ahead of a frame, where one does not hold it. */
const mostLent = 4;
const mostFrame = 1526;
/** What a driver writes one after another. */
const driverStatus = [1, 3, 0xb, 0xf] as const;
const everything = { device: -1n, protocol: -1n };

/** Lays the calls of a program, and knows how many chains of it are outstanding. */
class ProgramLayer {
  readonly #device: ModelledDevice;
  readonly #layout: RingLayout;
  readonly #setting: Setting;
  /** Without messages: a device that is opened as a file. */
  readonly #isFile: boolean;
  readonly #isVdpa: boolean;
  readonly #isOld: boolean;
  readonly #offered: bigint;
  readonly #isLogged: boolean;
  readonly #isRecorded: boolean;
  readonly #isLateCall: boolean;
  readonly #isTranslated: boolean;
  #deviceWord: bigint;
  #protocol: bigint;
  readonly #calls: Call[] = [];
  #session = 0;
  #status = 0;
  /** The session was told its log and its buffer of requests in flight. */
  #hasLog = false;
  /** The ring on which requests are put; of net, the transmit ring, with the receive ring before it. */
  #queue = 0;
  #receive: number | undefined;
  /** Further rings of requests. */
  #others: readonly number[] = [];
  #rings: readonly number[] = [];
  readonly #slots = new ToldSlots();
  #outstanding = 0;
  #free = 0;
  #size: number;

  constructor({ device, layout, transport, offer = everything }: LawfulShape, setting: Setting) {
    this.#device = device;
    this.#isVdpa = transport === 'vhost-vdpa';
    this.#isFile = this.#isVdpa || transport === 'vhost-mdev';
    this.#layout = layout;
    this.#setting = setting;
    this.#size = this.#sizeOf(setting.size);
    const packed = layout === 'packed' ? packedRing : 0n;
    const isOld = setting.isOld && !this.#isFile;
    this.#deviceWord =
      (version1 |
        (this.#isVdpa ? accessPlatform : 0n) |
        (isOld ? 0n : protocolFeatures) |
        packed |
        ofDevice[device] |
        setting.features) &
      offer.device;
    this.#protocol = isOld ? 0n : setting.protocol & offer.protocol;
    this.#isOld = isOld;
    this.#offered = offer.device;
    const hasLog = (offer.protocol & protocolBits.logShmfd) !== 0n && (offer.device & logAll) !== 0n;
    this.#isLogged = setting.isLogged && hasLog && !isOld && !this.#isFile;
    if (this.#isLogged) {
      this.#deviceWord |= logAll;
      this.#protocol |= protocolBits.logShmfd;
    }
    const isMessaging = !isOld && !this.#isFile;
    this.#isTranslated =
      setting.isTranslated &&
      isMessaging &&
      !this.#isLogged &&
      isOffered(offer, accessPlatform, protocolBits.backEndRequests);
    if (this.#isTranslated) {
      this.#deviceWord |= accessPlatform;
      this.#protocol |= protocolBits.backEndRequests;
    }
    this.#isLateCall = setting.isLateCall && isMessaging;
    this.#isRecorded = setting.isRecorded && isMessaging && isOffered(offer, 0n, protocolBits.inflight);
    if (this.#isRecorded) this.#protocol |= protocolBits.inflight;
  }

  program(steps: readonly Step[]): Program {
    const { memory, start, hasSecond } = this.#setting;
    this.#session = this.#add('connect');
    this.#negotiate();
    const at = this.#add('memory', { layout: memory });
    this.#shareWith(at);
    const count = this.#device === 'net' || (this.#device === 'block' && hasSecond) ? 2 : 1;
    this.#rings = this.#placed(count, at, start);
    for (const message of this.#setting.prologue) this.#tell(message);
    if (this.#setting.tellsAddresses && !this.#isFile && !this.#isTranslated)
      this.#tellAddresses(this.#rings[0] ?? 0, 0);
    this.#attach();
    for (const step of steps) this.#step(step, at);
    this.#stop();
    const { epilogue, short } = this.#setting;
    for (const message of short === undefined ? epilogue : [...epilogue, short]) this.#tell(message);
    return { calls: this.#calls };
  }

  #sizeOf(size: number): number {
    return this.#layout === 'packed' && !this.#isVdpa && this.#setting.isOdd && size > 2 ? size - 1 : size;
  }

  #placed(count: number, memory: number, start: number): number[] {
    const size = this.#size;
    const end = this.#layout === 'split' ? 0x1_0000 : size;
    const avail = start < 0 ? Math.max(0, end + start) : start % end;
    const ring = {
      memory,
      layout: this.#layout,
      size,
      avail,
      placement: this.#setting.placement,
      ...this.#used(avail),
    };
    return Array.from({ length: count }, () => this.#add('ring', ring));
  }

  /** Chains that no one waits for were under way when the ring was stopped elsewhere. */
  #used(avail: number): { readonly used?: number; readonly usedWrap?: boolean } {
    const { ahead } = this.#setting;
    const isInOrder = (this.#deviceWord & inOrder) !== 0n;
    if (
      this.#layout !== 'packed' ||
      isInOrder ||
      this.#isFile ||
      this.#isRecorded ||
      ahead === 0 ||
      this.#size <= 2 * ahead
    )
      return {};
    const used = avail - ahead;
    return { used: used < 0 ? used + this.#size : used, usedWrap: used >= 0 };
  }

  #step(step: Step, memory: number): void {
    const session = this.#session;
    switch (step.kind) {
      case 'chains':
        this.#chains(step.chains, step.waits);
        if (this.#others.length > 0) this.#turnTo(step.chains.length);
        return;
      case 'burst':
        this.#burst(step.chain, step.times);
        return;
      case 'pause':
        this.#pause(step.chains);
        return;
      case 'cut':
        this.#drain();
        this.#add('disconnect', { session, how: step.how });
        this.#session = this.#add('connect');
        this.#negotiate();
        this.#share(memory);
        this.#rings = this.#placed(this.#rings.length, memory, step.start);
        this.#attach();
        return;
      case 'renegotiate':
        this.#stop();
        this.#renegotiate(step.features);
        this.#rings = this.#placed(this.#rings.length, memory, 0);
        this.#attach();
        return;
      case 'swap':
        this.#stop();
        this.#size = this.#sizeOf(step.size);
        this.#rings = this.#placed(this.#rings.length, memory, step.start);
        this.#attach();
        return;
      case 'calls':
        for (const each of step.drafts) this.#draft(each);
        return;
      case 'stop':
        this.#stop();
        this.#attach();
        return;
      case 'reconnect':
        this.#stop();
        this.#session = this.#add('reconnect', { session });
        this.#negotiate();
        this.#share(memory);
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
        else if (step.what === 'share' && this.#isFile) return;
        else if (step.what === 'enable' && this.#isOld) return;
        else if (step.what === 'share') this.#share(memory);
        else this.#add(step.what, { queue: this.#queue });
    }
  }

  /** A table takes the place of all regions before it. */
  #share(memory: number): void {
    this.#slots.clear();
    this.#shareWith(memory);
  }

  #shareWith(memory: number): void {
    this.#add('share', { session: this.#session, memory, untold: this.#isTranslated && this.#setting.isUntold });
  }

  get #writesConfiguration(): boolean {
    return this.#device === 'block' && (this.#deviceWord & ofDevice.block & (1n << 11n)) !== 0n;
  }

  #has(protocol: bigint): boolean {
    return (this.#protocol & protocol) !== 0n;
  }

  #configured({ offset, length }: { readonly offset: number; readonly length: number }): number {
    if (this.#device !== 'net' || offset !== 0) return length;
    return length > wholeNetConfiguration ? wholeNetConfiguration : Math.min(length, netConfiguration);
  }

  #negotiate(): void {
    this.#status = 0;
    this.#hasLog = false;
    this.#add('negotiate', { session: this.#session, device: this.#deviceWord, protocol: this.#protocol });
    if (this.#isTranslated) this.#add('channel', { session: this.#session, policy: 'serve' });
  }

  /** A message that counts from its second time on, for some. */
  #addAgain(values: Parameters<typeof callOf<'message'>>[2]): void {
    for (let time = 0; time < 2; time++) this.#add('message', values);
  }

  /** The addresses of a ring, in front of its start, or while it runs: then its used ring is logged from there on. */
  #tellAddresses(ring: number, index: number, logs = false): void {
    const place = (name: string, area: 'descriptor' | 'driver' | 'device') => ({
      name,
      value: { kind: 'ring' as const, ring, area, offset: 0, space: 'user' as const },
    });
    const offset = index === 0 ? 0x4000 : 0;
    const log = {
      name: 'log',
      value: { kind: 'ring' as const, ring, area: 'device' as const, offset, space: 'guest' as const },
    };
    const number = (name: string, value: number) => ({
      name,
      value: { kind: 'literal' as const, value: BigInt(value) },
    });
    const flags = this.#has(protocolBits.replyAck) ? 9 : 1;
    const session = this.#session;
    const [num, addresses] = [requestId.VHOST_USER_SET_VRING_NUM, requestId.VHOST_USER_SET_VRING_ADDR];
    if (!logs) {
      const fields = [number('index', index), number('num', this.#size)];
      this.#add('message', { session, request: num, flags, fields });
    }
    this.#addAgain({
      session,
      request: addresses,
      flags,
      fields: [
        number('index', index),
        place('descriptor', 'descriptor'),
        place('available', 'driver'),
        place('used', 'device'),
        ...(logs ? [number('flags', 1), log] : []),
      ],
    });
  }

  #tell(message: ToldMessage): void {
    // SET_VRING_ENABLE belongs to sessions with protocol features.
    if (this.#isOld && message.request === requestId.VHOST_USER_SET_VRING_ENABLE) return;
    if (this.#isFile || (this.#has(message.gate) && !this.#slots.fits(message))) return;
    // Who answers what the back-end asks for stays.
    if (this.#isTranslated && message.request === requestId.VHOST_USER_SET_BACKEND_REQ_FD) return;
    if (message.request === requestId.VHOST_USER_NET_SET_MTU && this.#device !== 'net') return;
    if (message.request === requestId.VHOST_USER_SET_CONFIG && !this.#writesConfiguration) return;
    for (let time = 0; time < message.times; time++) {
      const call = toldCall(message, this.#session, this.#protocol, this.#calls.length + 1);
      if (call !== undefined) this.#calls.push(call);
    }
  }

  #attach(): void {
    if (this.#isLogged && !this.#hasLog) this.#tell(logBase);
    if (this.#isRecorded && !this.#hasLog) this.#tell(inflightBuffer(this.#rings.length, this.#size));
    this.#hasLog = true;
    const session = this.#session;
    const call = !this.#isLateCall;
    const queues = this.#rings.map((ring, index) => this.#add('attach', { session, ring, index, call }));
    if (!call) for (const index of queues.keys()) this.#tell(callDescriptor(index));
    if (this.#has(protocolBits.status)) {
      for (const status of driverStatus) if (status > this.#status) this.#writeStatus(status);
    }
    if (this.#isLogged && this.#setting.logsUsedRings && this.#layout === 'split') {
      for (const [index, ring] of this.#rings.entries()) this.#tellAddresses(ring, index, true);
    }
    this.#queue = queues.at(-1) ?? 0;
    this.#receive = this.#device === 'net' ? queues[0] : undefined;
    this.#others = this.#device === 'net' ? [] : queues.slice(0, -1);
    this.#outstanding = 0;
    this.#free = this.#size;
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
      const isIndirect = chain.isIndirect && (this.#deviceWord & indirectDesc) !== 0n;
      const slots = isIndirect ? 1 : segments.length;
      if (slots > this.#free || segments.length > this.#size) break;
      this.#free -= slots;
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

  /** Each chain is kicked, and all are awaited where the ring is full. */
  #burst(chain: Chain, times: number): void {
    for (let n = 0; n < times; n++) {
      if (segmentsOf(chain).length > this.#free) this.#drain();
      this.#chains([{ ...chain, isHeld: false }], 'none');
    }
    this.#drain();
  }

  /** Another set of features, while every ring is stopped. */
  #renegotiate(features: bigint): void {
    if (this.#isFile) return;
    const changing = indirectDesc | eventIdx;
    this.#deviceWord = (this.#deviceWord & ~changing) | (features & changing & this.#offered);
    const value = { kind: 'literal' as const, value: this.#deviceWord };
    const flags = this.#has(protocolBits.replyAck) ? 9 : 1;
    const request = requestId.VHOST_USER_SET_FEATURES;
    this.#add('message', { session: this.#session, request, flags, fields: [{ name: 'u64', value }] });
  }

  /** Nothing is used while a ring is disabled; what waits is, once it is enabled. */
  #pause(chains: readonly Chain[]): void {
    if ((this.#isFile && !this.#isVdpa) || this.#isOld || this.#device === 'net') return;
    this.#drain();
    const queue = this.#queue;
    const [begin, end] = this.#isVdpa && chains.length === 1 ? [suspend, resume] : [undefined, undefined];
    if (begin === undefined) this.#add('enable', { queue, on: false });
    else this.#draft(begin);
    this.#chains(chains, 'none');
    this.#add('fence', { session: this.#session });
    this.#add('wait', { queue, count: 0 });
    if (end === undefined) this.#add('enable', { queue });
    else this.#draft(end);
    this.#drain();
  }

  #draft({ kind, values }: CallDraft): void {
    const of = kind === 'connect' ? {} : { session: this.#session };
    this.#calls.push(callOf(kind, this.#calls.length + 1, { ...values, ...of }) as unknown as Call);
  }

  #lend(queue: number): void {
    const { room } = this.#setting;
    const count = Math.min(mostLent, Math.ceil(mostFrame / room));
    for (let n = 0; n < count; n++) {
      const segments = [{ writable: true, length: room, bytes: new Uint8Array(0), at: undefined }];
      this.#add('chain', { queue, segments });
    }
    this.#kick(queue);
  }

  #kick(queue: number): void {
    this.#add('kick', { queue, asked: this.#setting.kicksWhenAsked });
  }

  #drain(): void {
    if (this.#outstanding > 0) this.#add('wait', { queue: this.#queue, count: this.#outstanding });
    if (this.#receive !== undefined) this.#add('wait', { queue: this.#receive, count: 0 });
    this.#outstanding = 0;
    this.#free = this.#size;
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

const isOffered = (offer: NonNullable<LawfulShape['offer']>, device: bigint, protocol: bigint): boolean =>
  (offer.device & device) === device && (offer.protocol & protocol) === protocol;

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
