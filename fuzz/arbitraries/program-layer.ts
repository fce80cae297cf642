import { VIRTQ_DESC_F_WRITE } from '../../reference-impl/virtqueue/descriptor.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { literal } from '../program/arguments.ts';
import { type Call, type CallOf, callOf, type Program } from '../program/program.ts';
import { regionsOf } from '../program/region-lawfulness.ts';
import type { CallDraft } from './call-draft.ts';
import { segmentsOf, translated, writableSegment } from './chain-segments.ts';
import type { Damage } from './damage.ts';
import {
  accessPlatform,
  indirectDesc,
  inOrder,
  logAll,
  ofDevice,
  packedRing,
  protocolFeatures,
  version1,
} from './feature-words.ts';
import { everything, type LawfulShape } from './lawful-shape.ts';
import type { Chain, Step } from './lawful-step.ts';
import { deviceState } from './mdev-message.ts';
import type { ModelledDevice } from './requests.ts';
import type { Setting } from './setting.ts';
import {
  callDescriptor,
  disabling,
  inflightBuffer,
  logBase,
  protocolBits,
  type ToldMessage,
  ToldSlots,
  toldCall,
  writeback,
} from './told-message.ts';
import { resume, suspend } from './vdpa-call.ts';

/** Buffers that are lent ahead of a frame, where one does not hold it: many only where the ring is long. */
const fewLent = 4;
const mostFrame = 1526;
/** What a driver writes one after another. */
const driverStatus = [1, 3, 0xb, 0xf] as const;

/** A chain of which something is wrong. */
export interface WrongChain {
  readonly damage: Damage;
  /** Of a session with translations: what that of a buffer permits in place of what the chain wants. */
  readonly access: 'none' | 'read' | 'write' | 'dropped';
  readonly chain: Chain;
}

/** Lays the calls of a program, and knows how many chains of it are outstanding. */
export class ProgramLayer {
  readonly #device: ModelledDevice;
  #layout: RingLayout;
  readonly #setting: Setting;
  /** Without messages: a device that is opened as a file. */
  readonly #isFile: boolean;
  readonly #isVdpa: boolean;
  readonly #isOld: boolean;
  readonly #offered: bigint;
  readonly #offeredProtocol: bigint;
  readonly #isLogged: boolean;
  readonly #isRecorded: boolean;
  readonly #isLateCall: boolean;
  readonly #isTranslated: boolean;
  #deviceWord: bigint;
  #protocol: bigint;
  readonly #calls: Call[] = [];
  #session = 0;
  /** The memory that the session was told last. */
  #memory = 0;
  #status = 0;
  /** The session was told its log, and its buffer of requests in flight. */
  #hasLog = false;
  #hasBuffer = false;
  /** The ring on which requests are put; of net, the transmit ring, with the receive ring before it. */
  #queue = 0;
  #receive: number | undefined;
  /** Further rings of requests. */
  #others: readonly number[] = [];
  /** Rings that are set up, and on which nothing is put. */
  #idle: readonly number[] = [];
  #rings: readonly number[] = [];
  readonly #slots = new ToldSlots();
  #outstanding = 0;
  #free = 0;
  /** A power of two, of which a packed ring may have one less. */
  #fullSize: number;
  #size: number;
  readonly #queues: number;

  constructor({ device, layout, transport, queues = 0, offer = everything }: LawfulShape, setting: Setting) {
    this.#device = device;
    this.#queues = queues;
    this.#isVdpa = transport === 'vhost-vdpa';
    this.#isFile = this.#isVdpa || transport === 'vhost-mdev';
    this.#layout = layout;
    this.#setting = setting;
    this.#fullSize = setting.size;
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
    this.#offeredProtocol = offer.protocol;
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
      // Calls in band are asked for as well.
      if (this.#policy === 'refuse') this.#protocol &= ~protocolBits.inband;
    }
    this.#isLateCall = setting.isLateCall && isMessaging;
    this.#isRecorded = setting.isRecorded && isMessaging && isOffered(offer, 0n, protocolBits.inflight);
    if (this.#isRecorded) this.#protocol |= protocolBits.inflight;
  }

  /** @param wrong what comes behind all that is lawful. */
  program(steps: readonly Step[], wrong?: WrongChain): Program {
    const { memory, start } = this.#setting;
    this.#session = this.#add('connect');
    this.#negotiate();
    const at = this.#add('memory', { layout: memory });
    this.#shareWith(at);
    this.#rings = this.#placed(this.#ringCount(), at, start);
    for (const message of this.#setting.prologue) this.#tell(message);
    if (this.#setting.tellsAddresses && !this.#isFile && !this.#isTranslated)
      this.#tellAddresses(this.#rings[0] ?? 0, 0);
    const isDormant = this.#setting.isDormant && !this.#isFile && !this.#isOld && this.#device !== 'net';
    this.#memory = at;
    const early = steps.find((step) => step.kind === 'chains')?.chains[0];
    if (!isDormant) this.#attach();
    else if (this.#setting.isReadyLate && early !== undefined) this.#attachEarly(early);
    else {
      this.#attach(false);
      this.#awake();
    }
    for (const step of steps) this.#step(step, this.#memory);
    this.#stop();
    if (wrong !== undefined) this.#damaged(wrong, this.#memory);
    const { epilogue, short } = this.#setting;
    for (const message of short === undefined ? epilogue : [...epilogue, short]) this.#tell(message);
    return { calls: this.#calls };
  }

  /** Of net a pair, and perhaps one that stays idle. */
  #ringCount(): number {
    const { hasSecond } = this.#setting;
    if (this.#device === 'net')
      return hasSecond && this.#queues >= 4 && !this.#isFile && this.#has(protocolBits.mq) ? 4 : 2;
    return this.#device === 'block' && hasSecond ? 2 : 1;
  }

  #sizeOf(size: number): number {
    return this.#layout === 'packed' && !this.#isVdpa && this.#setting.isOdd && size > 2 ? size - 1 : size;
  }

  #placed(count: number, memory: number, start: number, ahead: number = this.#setting.ahead): number[] {
    const size = this.#size;
    const end = this.#layout === 'split' ? 0x1_0000 : size;
    const avail = start < 0 ? Math.max(0, end + start) : start % end;
    const ring = {
      memory,
      layout: this.#layout,
      size,
      avail,
      placement: this.#setting.placement,
      ...this.#used(avail, ahead),
    };
    return Array.from({ length: count }, () => this.#add('ring', ring));
  }

  /** Chains that no one waits for were under way when the ring was stopped elsewhere. */
  #used(avail: number, ahead: number): { readonly used?: number; readonly usedWrap?: boolean } {
    const isInOrder = (this.#deviceWord & inOrder) !== 0n;
    if (isInOrder || this.#isFile || this.#isRecorded || ahead === 0 || this.#size <= 2 * ahead) return {};
    const used = avail - ahead;
    if (this.#layout === 'split') return { used: used & 0xffff };
    return { used: used < 0 ? used + this.#size : used, usedWrap: used >= 0 };
  }

  #step(step: Step, memory: number): void {
    const session = this.#session;
    switch (step.kind) {
      case 'chains':
        this.#chains(step.chains, step.waits);
        if (this.#others.length > 0) this.#turnTo(step.chains.length);
        return;
      case 'story':
        for (const chain of step.chains) this.#chains([{ ...chain, isHeld: false }], 'all');
        return;
      case 'burst':
        this.#burst(step.chain, step.times, step.waits);
        return;
      case 'pause':
        this.#pause(step.chains);
        return;
      case 'ask':
        this.#drain();
        this.#add('ask', { queue: this.#queue, how: step.how, after: step.after });
        return;
      case 'rest':
        this.#rest(step.by, step.chain, memory);
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
      case 'other':
        this.#pauseOther(step.how, step.chains);
        return;
      case 'dormant':
        this.#dormant(step);
        return;
      case 'swap':
        this.#stop();
        this.#fullSize = step.size;
        this.#size = this.#sizeOf(step.size);
        if (step.hasOtherMemory && !this.#isFile) {
          this.#memory = this.#add('memory', { layout: this.#setting.memory });
          this.#share(this.#memory);
        }
        this.#rings = this.#placed(this.#rings.length, this.#memory, step.start);
        this.#attach();
        return;
      case 'halt':
        this.#halt(step);
        return;
      case 'remap':
        this.#remap(step.chain);
        return;
      case 'untold':
        this.#untold(step.chain);
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
      case 'takeover':
        this.#takeOver(step, memory);
        return;
      case 'logging':
        this.#log(step.how);
        return;
      case 'transfer':
        if (this.#isFile || !this.#has(protocolBits.deviceState)) return;
        this.#stop();
        for (const transfer of step.transfers) this.#add('transfer', { ...transfer, session });
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
        if (step.written !== undefined) this.#tell(writeback(step.written));
        for (const { offset, length } of step.windows) this.#add('read-config', { session, offset, length });
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

  #negotiate(): void {
    this.#status = 0;
    this.#hasLog = false;
    this.#hasBuffer = false;
    this.#add('negotiate', { session: this.#session, device: this.#deviceWord, protocol: this.#protocol });
    if (this.#isTranslated) this.#add('channel', { session: this.#session, policy: this.#policy });
  }

  /** Translations that are asked for are not needed where all are told. */
  get #policy(): 'serve' | 'refuse' {
    const { isRefusing, isUntold } = this.#setting;
    return isRefusing && !isUntold ? 'refuse' : 'serve';
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
    const isAcross = index === 0 && this.#setting.logsAcrossPages;
    const offset = index === 0 ? 0x4000 : 0;
    const marked = { kind: 'ring' as const, ring, area: 'device' as const, offset, space: 'guest' as const };
    const log = { name: 'log', value: isAcross ? literal(endOfPage) : marked };
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
    if (this.#isTranslated && this.#policy === 'refuse' && (message.gate & protocolBits.memorySlots) !== 0n) return;
    if (message.request === requestId.VHOST_USER_NET_SET_MTU && this.#device !== 'net') return;
    if (message.request === requestId.VHOST_USER_SET_CONFIG && !this.#writesConfiguration) return;
    for (let time = 0; time < message.times; time++) {
      const call = toldCall(message, this.#session, this.#protocol, this.#calls.length + 1);
      if (call !== undefined) this.#calls.push(call);
    }
  }

  /**
   * @param isEnabled whether the last ring is enabled; the others are.
   * @param isReady whether the driver says that it is ready, where there is a status.
   */
  #attach(isEnabled = true, isReady = true): void {
    if ((this.#deviceWord & logAll) !== 0n && !this.#hasLog) {
      this.#tell(logBase(this.#setting.logOffset));
      this.#hasLog = true;
    }
    if (this.#isRecorded && !this.#hasBuffer) this.#tell(inflightBuffer(this.#rings.length, this.#size));
    this.#hasBuffer = true;
    const session = this.#session;
    const call = !this.#isLateCall;
    const { order } = this.#setting;
    const queues = this.#rings.map((ring, index) => {
      const enable = isEnabled || index < this.#rings.length - 1;
      return this.#add('attach', { session, ring, index, call, order, enable });
    });
    if (!call) for (const index of queues.keys()) this.#tell(callDescriptor(index));
    if (isReady) this.#tellReady();
    if (this.#isLogged && this.#setting.logsUsedRings && this.#layout === 'split') {
      for (const [index, ring] of this.#rings.entries()) this.#tellAddresses(ring, index, true);
    }
    this.#attached(queues);
  }

  /** Rings are served from DRIVER_OK on. */
  #tellReady(): void {
    if (!this.#has(protocolBits.status)) return;
    for (const status of driverStatus) if (status > this.#status) this.#writeStatus(status);
  }

  #attached(queues: readonly number[]): void {
    const isNet = this.#device === 'net';
    this.#queue = queues.at(isNet ? 1 : -1) ?? 0;
    this.#receive = isNet ? queues[0] : undefined;
    this.#others = isNet ? [] : queues.slice(0, -1);
    this.#idle = isNet ? queues.slice(2) : [];
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

  #chains(chains: readonly Chain[], waits: 'all' | 'one' | 'none', mostLent = this.#size): void {
    const queue = this.#queue;
    let added = 0;
    for (const [at, chain] of chains.entries()) {
      const isTold = chain.isTold && this.#isTranslated && !this.#setting.isUntold;
      const segments = isTold ? translated(segmentsOf(chain)) : segmentsOf(chain);
      const isIndirect = chain.isIndirect && (this.#deviceWord & indirectDesc) !== 0n;
      const isMixed = chain.isMixed && segments.length > 1;
      // Where requests end does not depend on the layout.
      const slots = isIndirect ? (isMixed ? 2 : 1) : segments.length;
      const direct = isMixed && this.#layout === 'split' ? 1 : 0;
      if (slots > this.#free || segments.length > this.#size) break;
      this.#free -= slots;
      added++;
      const isLast = at === chains.length - 1 || this.#free < leastSegments;
      if (this.#receive !== undefined) this.#lend(this.#receive, mostLent);
      this.#add('chain', {
        queue,
        segments,
        direct: isIndirect ? direct : undefined,
        ...(isIndirect && chain.hasIgnored ? this.#ignored() : {}),
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

  #log(how: 'base' | 'on' | 'off'): void {
    const mayLog = (this.#offered & logAll) !== 0n && this.#has(protocolBits.logShmfd);
    if (this.#isFile || this.#isOld || this.#isTranslated || !mayLog) return;
    this.#drain();
    const isOn = (this.#deviceWord & logAll) !== 0n;
    if (how === 'off' ? !isOn : how === 'on' ? isOn : false) return;
    if (how === 'base' || !this.#hasLog) this.#tell(logBase(this.#setting.logOffset));
    this.#hasLog = true;
    if (how === 'base') return;
    this.#deviceWord ^= logAll;
    const value = { kind: 'literal' as const, value: this.#deviceWord };
    const flags = this.#has(protocolBits.replyAck) ? 9 : 1;
    const request = requestId.VHOST_USER_SET_FEATURES;
    this.#add('message', { session: this.#session, request, flags, fields: [{ name: 'u64', value }] });
  }

  /** Nothing is used of a ring that stopped, or whose device was reset. */
  #rest(by: 'stop' | 'reset' | 'status', chain: Chain, memory: number): void {
    if (this.#isVdpa) return;
    const session = this.#session;
    const reset = this.#resetBy(by);
    if (reset === undefined) this.#stop();
    else this.#drain();
    if (reset !== undefined) this.#calls.push({ ...reset, id: this.#calls.length + 1 });
    const queues = [this.#receive, this.#queue, ...this.#others].filter((queue) => queue !== undefined);
    for (const queue of queues) {
      const segments = queue === this.#receive ? [writableSegment(this.#setting.room)] : segmentsOf(chain);
      if (segments.length <= this.#size) this.#add('chain', { queue, segments });
      // No driver kicks before DRIVER_OK.
      if (reset === undefined || !this.#has(protocolBits.status)) this.#add('kick', { queue });
    }
    this.#add('fence', { session });
    for (const queue of queues) this.#add('wait', { queue, count: 0 });
    if (reset !== undefined) {
      // A device that was reset is set up anew from the start.
      if (this.#has(protocolBits.status)) this.#add('message', { session, request: requestId.VHOST_USER_GET_STATUS });
      this.#session = this.#add('reconnect', { session });
      this.#negotiate();
      this.#share(memory);
    }
    this.#rings = this.#placed(this.#rings.length, memory, 0);
    this.#attach();
  }

  /** The message that resets the device; undefined where there is none. */
  #resetBy(by: 'stop' | 'reset' | 'status'): Call | undefined {
    const [request, gate, value] =
      by === 'reset'
        ? [requestId.VHOST_USER_RESET_DEVICE, protocolBits.resetDevice, undefined]
        : [requestId.VHOST_USER_SET_STATUS, protocolBits.status, 0n];
    if (by === 'stop' || this.#isFile || !this.#has(gate)) return undefined;
    const fields = value === undefined ? [] : [{ name: 'u64', value: { kind: 'literal' as const, value } }];
    const flags = this.#has(protocolBits.replyAck) ? 9 : 1;
    return callOf('message', 0, { session: this.#session, request, flags, fields });
  }

  /** The first chain of fresh rings, whose descriptors are the first ones. */
  #damaged({ damage, access, chain }: WrongChain, memory: number): void {
    this.#rings = this.#placed(this.#rings.length, memory, 0);
    if (damage.kind === 'record') {
      this.#tell({ ...inflightBuffer(this.#rings.length, this.#size), fields: damage.fields });
      this.#hasBuffer = true;
    }
    this.#attach();
    const queue = this.#queue;
    const ring = this.#rings[this.#device === 'net' ? 1 : this.#rings.length - 1] ?? 0;
    const segments = segmentsOf(chain);
    if (chain.isTold && this.#isTranslated && !this.#setting.isUntold) {
      this.#add('chain', { queue, segments: translated(segments, access) });
    } else this.#addDamaged(damage, queue, ring, segments);
    this.#add('kick', { queue });
    const session = this.#session;
    this.#add('fence', { session });
    this.#add('wait', { queue, count: 0 });
    // A device that gives a ring up may say so.
    if (this.#has(protocolBits.status)) this.#add('message', { session, request: requestId.VHOST_USER_GET_STATUS });
    this.#add('stop', { queue });
  }

  #addDamaged(damage: Damage, queue: number, ring: number, segments: CallOf<'chain'>['segments']): void {
    switch (damage.kind) {
      case 'unmapped':
        for (let region = 0; this.#isVdpa && region < regionsOf(this.#setting.memory); region++) {
          this.#add('iotlb', { session: this.#session, request: 3, memory: this.#memory, region });
        }
        this.#add('chain', { queue, segments });
        break;
      case 'record':
        this.#add('chain', { queue, segments });
        break;
      case 'ring': {
        this.#add('chain', { queue, segments });
        const { area, offset, bytes } = damage;
        this.#add('ring-write', { ring, area, offset, bytes });
        break;
      }
      case 'table':
        this.#add('chain', { queue, segments, ...damage.values });
        break;
      case 'reversed':
        this.#add('chain', { queue, segments: segments.toReversed() });
        break;
      case 'long': {
        const long = Array.from({ length: Math.min(this.#size + 1, mostSegments) }, () => writableSegment(16));
        this.#add('chain', { queue, segments: long, ...(damage.isIndirect ? { direct: 0 } : {}) });
      }
    }
  }

  /** Each chain is kicked, and all are awaited where the ring is full. */
  #burst(chain: Chain, times: number, waits: 'stop' | 'all' | 'none'): void {
    for (let n = 0; n < times; n++) {
      if (segmentsOf(chain).length > this.#free) this.#drain();
      this.#chains([{ ...chain, isHeld: false }], waits === 'none' ? 'none' : 'all', fewLent);
      if (waits !== 'stop') continue;
      this.#stop();
      this.#attach();
    }
    this.#drain();
  }

  /** Another set of features, while every ring is stopped. */
  #renegotiate(features: bigint): void {
    if (this.#isFile) return;
    this.#deviceWord ^= features & this.#offered;
    this.#layout = (this.#deviceWord & packedRing) === 0n ? 'split' : 'packed';
    this.#size = this.#sizeOf(this.#fullSize);
    const value = { kind: 'literal' as const, value: this.#deviceWord };
    const flags = this.#has(protocolBits.replyAck) ? 9 : 1;
    const request = requestId.VHOST_USER_SET_FEATURES;
    this.#add('message', { session: this.#session, request, flags, fields: [{ name: 'u64', value }] });
  }

  /** Nothing is used while a ring is disabled; what waits is, once it is enabled. */
  #pause(chains: readonly Chain[]): void {
    if ((this.#isFile && !this.#isVdpa) || this.#isOld || (this.#isVdpa && this.#device === 'net')) return;
    this.#drain();
    const queue = this.#queue;
    const [begin, end] = this.#isVdpa && chains.length === 1 ? [suspend, resume] : [undefined, undefined];
    if (begin === undefined) this.#add('enable', { queue, on: false });
    else this.#draft(begin);
    this.#chains(chains, 'none');
    this.#add('fence', { session: this.#session });
    // A transmit ring that is disabled uses what it discards.
    this.#add('wait', { queue, count: this.#device === 'net' ? this.#outstanding : 0 });
    if (end === undefined) this.#add('enable', { queue });
    else this.#draft(end);
    this.#drain();
  }

  /** Of vhost-mdev. */
  #halt({ chain, before, drafts, isKicked }: Extract<Step, { readonly kind: 'halt' }>): void {
    if (!this.#isFile || this.#isVdpa) return;
    this.#drain();
    for (const each of before) this.#draft(each);
    this.#draft(deviceState(0));
    this.#addUnkicked(chain);
    for (const each of drafts) this.#draft(each);
    this.#add('wait', { queue: this.#queue, count: 0 });
    this.#draft(deviceState(1));
    if (isKicked) this.#kick(this.#queue);
    this.#drain();
  }

  /** One ring, which has not started when the record of its requests in flight is written. */
  #takeOver({ left, order, first, behind }: Extract<Step, { readonly kind: 'takeover' }>, memory: number): void {
    const mayRecord = isOffered({ device: this.#offered, protocol: this.#offeredProtocol }, 0n, protocolBits.inflight);
    const isPlain = !this.#isFile && !this.#isOld && !this.#isTranslated && (this.#deviceWord & logAll) === 0n;
    if (!mayRecord || !isPlain || this.#device === 'net') return;
    this.#stop();
    const count = this.#rings.length;
    this.#protocol |= protocolBits.inflight;
    this.#nextSession(memory);
    this.#tell({ ...inflightBuffer(1, this.#size), times: 1 });
    const event = this.#calls.length;
    const [ring = 0] = this.#placed(1, memory, this.#setting.start, 0);
    const session = this.#session;
    const queue = this.#add('attach', { session, ring, order: 'without-kick' });
    this.#attached([queue]);
    for (const chain of left) this.#addUnkicked({ ...chain, isHeld: false });
    const isInOrder = (this.#deviceWord & inOrder) !== 0n;
    this.#add('record', { event, queue, order: isInOrder ? 'rising' : order, first });
    const kick = { ...callDescriptor(0), request: requestId.VHOST_USER_SET_VRING_KICK };
    this.#tell(kick);
    this.#tellReady();
    this.#add('kick', { queue });
    this.#drain();
    this.#chains(behind, 'all');
    this.#stop();
    this.#nextSession(memory);
    this.#rings = this.#placed(count, memory, 0);
    this.#attach();
  }

  #nextSession(memory: number): void {
    this.#session = this.#add('reconnect', { session: this.#session });
    this.#negotiate();
    this.#share(memory);
  }

  /** Of vhost-mdev: a device that has nothing to do is told of another ring than that with a chain. */
  #untold(chain: Chain): void {
    const other = this.#receive ?? this.#others[0];
    if (!this.#isFile || this.#isVdpa || other === undefined) return;
    this.#drain();
    const queue = this.#queue;
    this.#add('wait', { queue });
    this.#addUnkicked(chain);
    this.#add('kick', { queue: other });
    this.#add('wait', { queue });
    this.#kick(queue);
    this.#drain();
  }

  /** Of vhost-mdev: with a container, memory comes back behind a stop and a start. */
  #remap(chain: Chain): void {
    if (!this.#isFile || this.#isVdpa) return;
    this.#drain();
    if ((this.#offered & accessPlatform) === 0n) {
      this.#shareWith(this.#memory);
      this.#chains([{ ...chain, isHeld: false }], 'all');
      return;
    }
    const call = (how: 'map' | 'unmap'): void => {
      for (let region = 0; region < regionsOf(this.#setting.memory); region++) {
        this.#add('container-call', { session: this.#session, call: how, memory: this.#memory, region });
      }
    };
    call('unmap');
    this.#addUnkicked(chain);
    this.#kick(this.#queue);
    this.#add('wait', { queue: this.#queue, count: 0 });
    call('map');
    for (const state of [0, 1]) this.#draft(deviceState(state));
    this.#kick(this.#queue);
    this.#drain();
  }

  /** A chain that nothing is told of. */
  #addUnkicked(chain: Chain): void {
    const segments = segmentsOf(chain);
    if (segments.length > this.#free || segments.length > this.#size) return;
    this.#free -= segments.length;
    this.#outstanding++;
    this.#add('chain', { queue: this.#queue, segments });
  }

  #draft({ kind, values }: CallDraft): void {
    const of = kind === 'connect' ? {} : { session: this.#session };
    this.#calls.push(callOf(kind, this.#calls.length + 1, { ...values, ...of }) as unknown as Call);
  }

  /** What a device does not look at: WRITE beside INDIRECT, and in a packed ring the id of an entry. */
  #ignored(): Partial<CallOf<'chain'>> {
    const entry = { entry: 0, address: undefined, length: undefined, flags: undefined, next: 1 };
    return { tableFlags: VIRTQ_DESC_F_WRITE, ...(this.#layout === 'packed' ? { table: [entry] } : {}) };
  }

  #lend(queue: number, most: number): void {
    const { room } = this.#setting;
    const needed = Math.ceil(mostFrame / room);
    const count = Math.min(needed, needed <= most ? needed : fewLent);
    for (let n = 0; n < count; n++) this.#add('chain', { queue, segments: [writableSegment(room)] });
    this.#kick(queue);
  }

  #kick(queue: number): void {
    // A device with a container has pages that can be mapped.
    if (this.#setting.kicksByStore && this.#isFile && !this.#isVdpa && (this.#offered & accessPlatform) !== 0n) {
      const index = this.#indexOf(queue);
      const offset = BigInt(index) * doorbellPage;
      this.#add('region-map', { session: this.#session, offset, store: index });
      return;
    }
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
    for (const queue of [this.#receive, this.#queue, ...this.#others, ...this.#idle])
      if (queue !== undefined) this.#add('stop', { queue });
  }

  /** A ring without requests stops while the others run, and starts again behind some. */
  #pauseOther(how: 'stop' | 'disable', chains: readonly Chain[]): void {
    const [queue] = this.#idle.length > 0 ? this.#idle : this.#others;
    if (queue === undefined) return;
    this.#drain();
    if (how === 'disable') {
      if (this.#isFile || this.#isOld) return;
      this.#add('enable', { queue, on: false });
      this.#chains(chains, 'all');
      this.#add('enable', { queue });
      return;
    }
    this.#add('stop', { queue });
    this.#chains(chains, 'all');
    const index = this.#device === 'net' ? 2 : this.#indexOf(queue);
    const again = this.#add('attach', { session: this.#session, ring: this.#rings[index] ?? 0, index });
    this.#idle = this.#idle.map((one) => (one === queue ? again : one));
    this.#others = this.#others.map((one) => (one === queue ? again : one));
    this.#chains(chains, 'all');
  }

  /** Nothing is used of a ring that is not enabled. */
  #dormant({ isDisabled, chain }: Pick<Extract<Step, { readonly kind: 'dormant' }>, 'isDisabled' | 'chain'>): void {
    if (this.#isFile || this.#isOld || this.#device === 'net') return;
    this.#stop();
    if (isDisabled) this.#tell(disabling(this.#rings.length - 1));
    this.#attach(false);
    this.#addUnkicked(chain);
    this.#kick(this.#queue);
    if (!isDisabled) this.#drain();
    this.#awake();
  }

  /** A chain is there before DRIVER_OK, and nothing is used until then. */
  #attachEarly(chain: Chain): void {
    this.#attach(false, false);
    this.#addUnkicked(chain);
    this.#add('enable', { queue: this.#queue });
    this.#add('fence', { session: this.#session });
    this.#add('wait', { queue: this.#queue, count: 0 });
    this.#tellReady();
    this.#kick(this.#queue);
    this.#drain();
  }

  #awake(): void {
    this.#add('fence', { session: this.#session });
    this.#add('wait', { queue: this.#queue, count: 0 });
    this.#add('enable', { queue: this.#queue });
    this.#drain();
  }

  /** Which of the rings a queue was attached to. */
  #indexOf(queue: number): number {
    const call = this.#calls[queue - 1];
    return call?.kind === 'attach' ? call.index : 0;
  }

  #add<Kind extends Call['kind']>(kind: Kind, values: Parameters<typeof callOf<Kind>>[2] = {}): number {
    const id = this.#calls.length + 1;
    this.#calls.push(callOf(kind, id, values) as unknown as Call);
    return id;
  }
}

const isOffered = (offer: NonNullable<LawfulShape['offer']>, device: bigint, protocol: bigint): boolean =>
  (offer.device & device) === device && (offer.protocol & protocol) === protocol;

/** Flags and idx of a used ring that begins here are in one page, and its elements reach into the next one. */
const endOfPage = 0x0fff_fff8n;

/** Of vhost-mdev: a page for each ring, in the second region. */
const doorbellPage = 4096n;

/** Segments of one call. */
const mostSegments = 1024;

/** The fewest descriptors that a chain takes. */
const leastSegments = 5;
