import { VIRTIO_NET_F_CTRL_VQ } from '../../../reference-impl/devices/net-layout.ts';
import { VIRTQ_DESC_F_WRITE } from '../../../reference-impl/virtqueue/descriptor.ts';
import { requestId } from '../../../reference-impl/wire/vhost-user-messages.ts';
import { literal } from '../../program/arguments.ts';
import type { CallOf } from '../../program/program.ts';
import { readableSegment, segmentsOf, translated, writableSegment } from '../chain-segments.ts';
import { accessPlatform, indirectDesc, inOrder } from '../feature-words.ts';
import type { BurstWaits, Chain } from '../lawful-step.ts';
import type { Setting } from '../setting.ts';
import { callDescriptor, inflightBuffer, protocolBits } from '../told-message.ts';
import { LaidSession } from './laid-session.ts';
import type { SessionShape } from './session-shape.ts';

/** Buffers that are lent ahead of a frame, where one does not hold it: many only where the ring is long. */
const fewLent = 4;
const mostFrame = 1526;

/** The rings of a session, and how many chains are outstanding on the one that requests are put on. */
export class LaidRings extends LaidSession {
  /** The ring on which requests are put; of net, the transmit ring, with the receive ring before it. */
  queue = 0;
  receive: number | undefined;
  /** The queue for commands. */
  control: number | undefined;
  /** Further rings of requests. */
  others: readonly number[] = [];
  /** Rings of further pairs, which commands may bring into use. */
  further: readonly number[] = [];
  /** Rings that are set up, and on which nothing is put. */
  idle: readonly number[] = [];
  rings: readonly number[] = [];
  size: number;
  #outstanding = 0;
  #free = 0;
  /** A power of two, of which a packed ring may have one less. */
  #fullSize: number;

  constructor(shape: SessionShape, setting: Setting) {
    super(shape, setting);
    this.#fullSize = setting.size;
    this.size = this.#sizeOf(setting.size);
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** Of net a pair, and perhaps one that stays idle, or pairs with a queue for commands. */
  get ringCount(): number {
    const { device, queues, isFile } = this.shape;
    const { hasSecond } = this.setting;
    if (this.#hasCommands) return 2 * this.shape.pairs + 1;
    if (device === 'net') return hasSecond && queues >= 4 && !isFile && this.has(protocolBits.mq) ? 4 : 2;
    return device === 'block' && hasSecond ? 2 : 1;
  }

  get #hasCommands(): boolean {
    return this.shape.device === 'net' && this.shape.isVdpa && (this.deviceWord & VIRTIO_NET_F_CTRL_VQ) !== 0n;
  }

  #sizeOf(size: number): number {
    return this.layout === 'packed' && !this.shape.isVdpa && this.setting.isOdd && size > 2 ? size - 1 : size;
  }

  /** Rings of another size from now on, or of the size that the layout has. */
  resize(size: number = this.#fullSize): void {
    this.#fullSize = size;
    this.size = this.#sizeOf(size);
  }

  placed(count: number, start: number, ahead: number = this.setting.ahead): number[] {
    const { size, layout, memory } = this;
    const end = layout === 'split' ? 0x1_0000 : size;
    const avail = start < 0 ? Math.max(0, end + start) : start % end;
    const { placement } = this.setting;
    const ring = { memory, layout, size, avail, placement, ...this.#used(avail, ahead) };
    return Array.from({ length: count }, () => this.add('ring', ring));
  }

  /** Chains that no one waits for were under way when the ring was stopped elsewhere. */
  #used(avail: number, ahead: number): { readonly used?: number; readonly usedWrap?: boolean } {
    const isInOrder = (this.deviceWord & inOrder) !== 0n;
    const { isFile, isRecorded } = this.shape;
    if (isInOrder || isFile || isRecorded || ahead === 0 || this.size <= 2 * ahead) return {};
    const used = avail - ahead;
    if (this.layout === 'split') return { used: used & 0xffff };
    return { used: used < 0 ? used + this.size : used, usedWrap: used >= 0 };
  }

  /** Fresh rings in the places of those before. */
  replace(start: number): void {
    this.rings = this.placed(this.rings.length, start);
    this.attach();
  }

  /**
   * @param isEnabled whether the last ring is enabled; the others are.
   * @param isReady whether the driver says that it is ready, where there is a status.
   */
  attach(isEnabled = true, isReady = true): void {
    this.tellLog();
    const { isRecorded, isLateCall, isLogged } = this.shape;
    if (isRecorded && !this.hasBuffer) this.tell(inflightBuffer(this.rings.length, this.size));
    this.hasBuffer = true;
    const { session } = this;
    const call = !isLateCall;
    const { order } = this.setting;
    const queues = this.rings.map((ring, index) => {
      const enable = isEnabled || index < this.rings.length - 1;
      return this.add('attach', { session, ring, index, call, order, enable });
    });
    if (!call) for (const index of queues.keys()) this.tell(callDescriptor(index));
    if (isReady) this.tellReady();
    if (isLogged && this.setting.logsUsedRings && this.layout === 'split') {
      for (const [index, ring] of this.rings.entries()) this.tellAddresses(ring, index, true);
    }
    this.attached(queues);
  }

  /** Requests are put on the last of them from now on. */
  attached(queues: readonly number[]): void {
    const isNet = this.shape.device === 'net';
    this.queue = queues.at(isNet ? 1 : -1) ?? 0;
    this.receive = isNet ? queues[0] : undefined;
    this.others = isNet ? [] : queues.slice(0, -1);
    this.control = this.#hasCommands ? queues[2 * this.shape.pairs] : undefined;
    this.further = this.control === undefined ? [] : queues.slice(2, 2 * this.shape.pairs);
    this.idle = isNet && !this.#hasCommands ? queues.slice(2) : [];
    this.#outstanding = 0;
    this.#free = this.size;
  }

  /** Requests go to another ring from now on; those that are under way come to their end first. */
  turnTo(number: number): void {
    const other = this.others[number % (this.others.length + 1)];
    if (other === undefined) return;
    this.drain();
    this.others = [...this.others.filter((one) => one !== other), this.queue];
    this.queue = other;
  }

  /** The addresses of a ring, in front of its start, or while it runs: then its used ring is logged from there on. */
  tellAddresses(ring: number, index: number, logs = false): void {
    const place = (name: string, area: 'descriptor' | 'driver' | 'device') => ({
      name,
      value: { kind: 'ring' as const, ring, area, offset: 0, space: 'user' as const },
    });
    const isAcross = index === 0 && this.setting.logsAcrossPages;
    const offset = index === 0 ? 0x4000 : 0;
    const marked = { kind: 'ring' as const, ring, area: 'device' as const, offset, space: 'guest' as const };
    const log = { name: 'log', value: isAcross ? literal(endOfPage) : marked };
    const number = (name: string, value: number) => ({
      name,
      value: { kind: 'literal' as const, value: BigInt(value) },
    });
    const { session, replyFlags: flags } = this;
    const [num, addresses] = [requestId.VHOST_USER_SET_VRING_NUM, requestId.VHOST_USER_SET_VRING_ADDR];
    if (!logs) {
      const fields = [number('index', index), number('num', this.size)];
      this.add('message', { session, request: num, flags, fields });
    }
    this.addAgain({
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

  /** As many chains as there is room for, and kicks. */
  chains(chains: readonly Chain[], waits: 'all' | 'one' | 'none', mostLent = this.size): void {
    const { queue } = this;
    let added = 0;
    for (const [at, chain] of chains.entries()) {
      const isTold = chain.isTold && this.shape.isTranslated && !this.setting.isUntold;
      const segments = isTold ? translated(segmentsOf(chain)) : segmentsOf(chain);
      const isIndirect = chain.isIndirect && (this.deviceWord & indirectDesc) !== 0n;
      const isMixed = chain.isMixed && segments.length > 1;
      // Where requests end does not depend on the layout.
      const slots = isIndirect ? (isMixed ? 2 : 1) : segments.length;
      const direct = isMixed && this.layout === 'split' ? 1 : 0;
      if (slots > this.#free || segments.length > this.size) break;
      this.#free -= slots;
      added++;
      const isLast = at === chains.length - 1 || this.#free < leastSegments;
      if (this.receive !== undefined) this.#lend(this.receive, mostLent);
      this.add('chain', {
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
      this.drain();
      return;
    }
    this.#outstanding += added;
    this.kick(queue);
    switch (waits) {
      case 'all':
        this.drain();
        return;
      case 'one':
        this.add('wait', { queue, count: 1 });
        // As many may have come as were asked for, or all of them.
        this.#outstanding = 0;
        return;
      case 'none':
    }
  }

  /** Each chain is kicked, and all are awaited where the ring is full. */
  burst(chain: Chain, times: number, waits: BurstWaits): void {
    for (let n = 0; n < times; n++) {
      if (segmentsOf(chain).length > this.#free) this.drain();
      this.chains([{ ...chain, isHeld: false }], waits === 'none' ? 'none' : 'all', fewLent);
      if (waits === 'rest') this.add('fence', { session: this.session });
      if (waits !== 'stop') continue;
      this.stop();
      this.attach();
    }
    this.drain();
  }

  /**
   * A frame with its header in one buffer, and buffers for it to come back: it is there behind a fence, if it comes.
   * @param pair on which it is sent.
   */
  send(packet: Uint8Array, pair = 0): void {
    if (this.receive === undefined) return;
    const all = [this.receive, this.queue, ...this.further];
    const receiving = all.filter((_, n) => n % 2 === 0);
    const queue = all[2 * pair + 1] ?? this.queue;
    for (const each of receiving) this.#lend(each, this.size);
    this.add('chain', { queue, segments: [readableSegment(packet)] });
    this.kick(queue);
    this.add('wait', { queue });
    this.add('fence', { session: this.session });
    for (const each of receiving) this.add('wait', { queue: each, count: 0 });
  }

  /** A chain that nothing is told of. */
  addUnkicked(chain: Chain): void {
    const segments = segmentsOf(chain);
    if (segments.length > this.#free || segments.length > this.size) return;
    this.#free -= segments.length;
    this.#outstanding++;
    this.add('chain', { queue: this.queue, segments });
  }

  /** What a device does not look at: WRITE beside INDIRECT, and in a packed ring the id of an entry. */
  #ignored(): Partial<CallOf<'chain'>> {
    const entry = { entry: 0, address: undefined, length: undefined, flags: undefined, next: 1 };
    return { tableFlags: VIRTQ_DESC_F_WRITE, ...(this.layout === 'packed' ? { table: [entry] } : {}) };
  }

  #lend(queue: number, most: number): void {
    const { room } = this.setting;
    const needed = Math.ceil(mostFrame / room);
    const count = Math.min(needed, needed <= most ? needed : fewLent);
    for (let n = 0; n < count; n++) this.add('chain', { queue, segments: [writableSegment(room)] });
    this.kick(queue);
  }

  kick(queue: number): void {
    const { isFile, isVdpa, offered } = this.shape;
    // A device with a container has pages that can be mapped.
    if (this.setting.kicksByStore && isFile && !isVdpa && (offered & accessPlatform) !== 0n) {
      const index = this.indexOf(queue);
      const offset = BigInt(index) * doorbellPage;
      this.add('region-map', { session: this.session, offset, store: index });
      return;
    }
    this.add('kick', { queue, asked: this.setting.kicksWhenAsked });
  }

  /** All that is outstanding is awaited. */
  drain(): void {
    if (this.#outstanding > 0) this.add('wait', { queue: this.queue, count: this.#outstanding });
    if (this.receive !== undefined) this.add('wait', { queue: this.receive, count: 0 });
    this.#outstanding = 0;
    this.#free = this.size;
  }

  stop(): void {
    this.drain();
    for (const queue of [this.receive, this.queue, ...this.others, ...this.further, ...this.idle, this.control])
      if (queue !== undefined) this.add('stop', { queue });
  }

  /** Which of the rings a queue was attached to. */
  indexOf(queue: number): number {
    const call = this.calls[queue - 1];
    return call?.kind === 'attach' ? call.index : 0;
  }
}

/** Flags and idx of a used ring that begins here are in one page, and its elements reach into the next one. */
const endOfPage = 0x0fff_fff8n;

/** Of vhost-mdev: a page for each ring, in the second region. */
const doorbellPage = 4096n;

/** The fewest descriptors that a chain takes. */
const leastSegments = 5;
