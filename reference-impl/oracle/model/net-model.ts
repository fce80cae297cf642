import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import {
  isTransmitQueue,
  MAC_SIZE,
  NUM_BUFFERS_OFFSET,
  netConfig,
  netHeaderSize,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_RSS,
} from '../../devices/net-layout.ts';
import { type DeviceModel, type DeviceModelOptions, type Pending, type Request, tellLength } from './device-model.ts';
import { type LentBuffer, missingFrame, type SentFrame } from './missing-frame.ts';
import { NetControlModel } from './net-control-model.ts';
import { NetPairsModel } from './net-pairs-model.ts';
import { hasPairs, isControlQueue } from './net-queues.ts';
import { checkReceivedHeader, joined, littleEndian } from './received-packet.ts';
import { sentOut } from './sent-frame.ts';

export interface NetModelOptions extends DeviceModelOptions {
  /** What becomes of a frame that comes back; undefined where the target does not say that frames do. */
  readonly reflected: ((frame: Uint8Array) => Uint8Array) | undefined;
  /** Each of them comes back that buffers are there for, as no network promises. */
  readonly losesNone: boolean;
  /** Pairs of queues that it has, where a session can have a queue for commands and that is known. */
  readonly pairs: number | undefined;
  /** Buffers may have no translation yet: what would go there is dropped. */
  readonly mayLackTranslations: boolean;
  /** A command gave the device an address, which configuration shows. */
  readonly addressSet: (mac: Uint8Array) => void;
  /** A command may change the address. */
  readonly addressMayChange: () => void;
}

/** Whether a frame of this transmit queue was not seen to be sent. */
const isHeld = ({ isSent, queue }: SentFrame, transmitQueue: number): boolean => !isSent && queue === transmitQueue - 1;

const notFiltered = { isReceived: true, requirement: 'net/frames-arrive-intact' } as const;

const leastFrame = 14;
/** Where the type of a frame stands, and that of RARP. */
const typeAt = 12;
const rarp = 0x8035;

const isRarp = (frame: Uint8Array): boolean => ((frame[typeAt] ?? 0) << 8) + (frame[typeAt + 1] ?? 0) === rarp;

const accessPlatform = 1n << 33n;
/** What every network carries: an Ethernet header and 1500 bytes. */
const largestFrame = 1514;
/** CTRL_RX, CTRL_VLAN. */
const receiveFilters = (1n << 18n) | (1n << 19n);
/** What changes the header, or lets frames come that were not sent: HASH_REPORT, GUEST_RSC4, GUEST_RSC6, tunnels. */
const otherHeaders = (1n << 57n) | (1n << 41n) | (1n << 42n) | (0xfn << 46n);

/** The network device (virtio 5.1): lengths, headers, and that what comes back is what was sent. */
export class NetModel implements DeviceModel {
  readonly #options: NetModelOptions;
  /** Frames that can come, as text, in the order in which they were sent. */
  readonly #expected = new Map<string, SentFrame[]>();
  /** By receive queue. */
  readonly #lent = new Map<number, Set<LentBuffer>>();
  /** Chains so far, of all queues. */
  #chains = 0;
  /** Frames that a disabled transmit ring was given. */
  readonly #discarded = new Set<string>();
  /** Frames that a filter keeps back, and the rule by which it does. */
  readonly #filtered = new Map<string, { readonly sent: SentFrame; readonly requirement: RequirementSlug }>();
  readonly #control: NetControlModel;
  readonly #pairs = new NetPairsModel();
  /** Receive queues of the pairs on which frames were sent. */
  readonly #sentOn = new Set<number>();
  /** Of them, those that were not seen used. */
  #waiting = 0;
  /** Queues that are disabled. */
  readonly #disabled = new Set<number>();
  /** Frames were sent that can come back in any form. */
  #isLost = false;
  /** By receive queue: the frame of which more buffers come. */
  readonly #partial = new Map<number, { missing: number; readonly pieces: Uint8Array[] }>();

  constructor(options: NetModelOptions) {
    this.#options = options;
    const filterChanged = (): void => this.#filterChanged();
    this.#control = new NetControlModel({
      ...options,
      filterChanged,
      pairsAsked: () => this.#pairsAsked(),
      pairsSet: (pairs) => this.#pairs.set(pairs),
    });
  }

  lose(): void {
    this.#isLost = true;
    this.#partial.clear();
    this.#control.lose();
    this.#pairs.lose();
  }

  began(): void {
    this.#control.reset();
    this.#pairsAsked();
    this.#pairs.reset();
    this.#filterChanged();
  }

  negotiated(features: bigint): void {
    this.#control.negotiated(features);
  }

  attached(index: number, features: bigint): void {
    this.#control.queueTurned(index, true);
    if (this.#isControl(index, features)) this.#control.attached();
  }

  maySaveCalls(index: number, features: bigint): boolean {
    return this.#control.maySaveCalls(index, features);
  }

  mayChange(at: number): boolean {
    return at >= netConfig.mac && at < netConfig.mac + MAC_SIZE && this.#control.isAddressOpen;
  }

  configured(offset: number, bytes: Uint8Array): void {
    if (offset === netConfig.mac && bytes.length >= MAC_SIZE) this.#control.addressRead(bytes.subarray(0, MAC_SIZE));
  }

  /** What is under way may meet the filter before or the one behind. */
  #filterChanged(): void {
    for (const sent of [...this.#expected.values()].flat()) {
      if (this.#control.verdictOf(sent.frame, sent.features)?.isReceived !== true) sent.mayBeLost = true;
    }
    for (const [key, { sent }] of this.#filtered) {
      if (this.#control.verdictOf(sent.frame, sent.features)?.isReceived === false) continue;
      this.#filtered.delete(key);
      this.#add(key, { ...sent, mayBeLost: true });
    }
  }

  begin(request: Request, index: number, features: bigint): Pending {
    if (this.#isControl(index, features)) return this.#control.begin(request, features);
    if ((features & otherHeaders) !== 0n || !this.#isOfUse(index, features)) {
      this.lose();
      return { isOwed: false, complete: () => this.#options.take('device-unknown') };
    }
    this.#chains++;
    return isTransmitQueue(index) ? this.#transmit(request, index, features) : this.#receive(request, index, features);
  }

  #isControl(index: number, features: bigint): boolean {
    return isControlQueue(index, features, this.#options.pairs);
  }

  /** Where commands say how many pairs are in use, frames are sent on those alone. */
  #isOfUse(index: number, features: bigint): boolean {
    if ((features & VIRTIO_NET_F_CTRL_VQ) === 0n || index < 2) return true;
    return hasPairs(features) && (!isTransmitQueue(index) || this.#pairs.maySend(index));
  }

  /** What is under way may come on any receive queue, or find no buffers there. */
  #pairsAsked(): void {
    this.#pairs.lose();
    for (const sent of [...this.#expected.values()].flat()) this.#sendAnywhere(sent);
  }

  #sendAnywhere(sent: SentFrame): void {
    sent.isAnywhere = true;
    sent.mayBeLost = true;
  }

  kicked(index: number): void {
    for (const buffer of this.#lent.get(index) ?? []) buffer.number = Math.min(buffer.number, this.#chains);
  }

  enabled(index: number, isOn: boolean, isBusy: boolean): void {
    // A frame that was under way may be discarded, and one that waited may be sent.
    if (isBusy && isTransmitQueue(index)) this.lose();
    // What a ring still holds when it is enabled is sent.
    if (isOn && isTransmitQueue(index) && this.#waiting > 0) this.lose();
    if (isOn) this.#disabled.delete(index);
    else this.#disabled.add(index);
    // What was not made available before is discarded.
    if (!isOn)
      for (const sent of this.#expected.values())
        for (const frame of sent) if (isHeld(frame, index)) frame.mayBeLost = true;
  }

  /** Of a receive queue: what did not come yet does not come any more. */
  ended(index: number, isSeenWhole: boolean, isFull: boolean): void {
    this.#control.queueTurned(index, false);
    if (isTransmitQueue(index)) {
      this.#disabled.delete(index);
      return;
    }
    const lent = isSeenWhole ? [...(this.#lent.get(index) ?? [])] : [];
    this.#lent.delete(index);
    const missing = [...this.#expected.values()].flat().filter(({ queue }) => queue === index);
    missing.sort((one, other) => one.number - other.number);
    const owed = this.#isLost || !this.#options.losesNone ? undefined : missingFrame(missing, lent, isFull);
    if (owed !== undefined) {
      const { requirement, bytes } = owed;
      const expected = `received: ${lent.length} buffers were there`;
      const what = `a frame that takes ${bytes} bytes with its header`;
      this.#options.tell({ requirement, what, expected, actual: 'it did not come' });
    }
    for (const frame of missing) frame.mayBeLost = true;
  }

  #transmit({ readable, room }: Request, index: number, features: bigint): Pending {
    const headerSize = netHeaderSize(features);
    const frame = readable.subarray(headerSize);
    if (room > 0 || frame.length < leastFrame || frame.length > largestFrame) {
      this.lose();
      return { isOwed: false, complete: () => this.#options.take('undefined-request') };
    }
    const outgoing = sentOut(readable, headerSize, features);
    const isPlain = outgoing !== undefined;
    if (!isPlain) this.lose();
    const isDiscarded = isPlain && this.#disabled.has(index);
    if (isDiscarded) {
      this.#discarded.add(this.#keyOf(outgoing));
      this.#waiting++;
    }
    const sent = isPlain && !this.#disabled.has(index) ? this.#expect(outgoing, index - 1, features) : undefined;
    const what = `a transmitted frame of ${frame.length} bytes`;
    return {
      isOwed: isPlain,
      complete: ({ len }, layout) => {
        if (sent !== undefined) sent.isSent = true;
        if (isDiscarded) this.#waiting--;
        tellLength(this.#options.tell, layout, what, 0, len);
      },
    };
  }

  #expect(frame: Uint8Array, queue: number, features: bigint): SentFrame | undefined {
    const { reflected, mayLackTranslations } = this.#options;
    if (reflected === undefined) return undefined;
    const mayBeDropped = mayLackTranslations && (features & accessPlatform) !== 0n;
    const comesBack = reflected(frame);
    const isFiltered = (features & receiveFilters) !== 0n;
    const verdict = isFiltered ? this.#control.verdictOf(comesBack, features) : notFiltered;
    const sent: SentFrame = {
      number: this.#chains,
      bytes: netHeaderSize(features) + frame.length,
      queue,
      isMergeable: (features & VIRTIO_NET_F_MRG_RXBUF) !== 0n,
      isSent: false,
      isAnywhere: false,
      mayBeLost: mayBeDropped || verdict === undefined,
      frame: comesBack,
      features,
      requirement: verdict?.requirement ?? 'net/frames-arrive-intact',
    };
    const key = comesBack.join();
    if (verdict?.isReceived === false) this.#filtered.set(key, { sent, requirement: verdict.requirement });
    else this.#add(key, sent);
    return sent;
  }

  #add(key: string, sent: SentFrame): void {
    this.#sentOn.add(sent.queue);
    if (this.#sentOn.size > 1) this.#steer(sent);
    const before = this.#expected.get(key);
    if (before === undefined) this.#expected.set(key, [sent]);
    else before.push(sent);
  }

  /** The last pair on which a flow is sent decides where its frames come. */
  #steer(sent: SentFrame): void {
    for (const other of [...this.#expected.values()].flat()) {
      if (other.queue === sent.queue) continue;
      this.#sendAnywhere(other);
      if (!other.isSent) this.#sendAnywhere(sent);
    }
  }

  #keyOf(frame: Uint8Array): string {
    return (this.#options.reflected?.(frame) ?? frame).join();
  }

  #receive({ readable, room }: Request, index: number, features: bigint): Pending {
    if (readable.length > 0 || room < netHeaderSize(features)) {
      this.lose();
      return { isOwed: false, complete: () => this.#options.take('undefined-request') };
    }
    const buffer: LentBuffer = { number: Number.POSITIVE_INFINITY, room };
    const lent = this.#lent.get(index) ?? new Set();
    this.#lent.set(index, lent.add(buffer));
    return {
      isOwed: false,
      changesNothing: true,
      complete: ({ len, written }) => {
        lent.delete(buffer);
        this.#received(written.subarray(0, len), written.length, index, features);
      },
    };
  }

  /** Virtio 5.1.6.4: of the buffers of one packet the last alone may have room left. */
  #checkFilled(bytes: number, room: number): void {
    if (bytes >= room) return;
    const what = 'bytes in a buffer of a packet that goes on in the next';
    const requirement = 'net/all-but-last-buffer-filled';
    this.#options.tell({ requirement, what, expected: String(room), actual: String(bytes) });
  }

  #received(bytes: Uint8Array, room: number, index: number, features: bigint): void {
    if (this.#isLost) return;
    const partial = this.#partial.get(index);
    if (partial !== undefined) {
      partial.pieces.push(bytes.slice());
      if (--partial.missing > 0) {
        this.#checkFilled(bytes.length, room);
        return;
      }
      this.#partial.delete(index);
      this.#arrived(joined(partial.pieces), index, features);
      return;
    }
    const { tell } = this.#options;
    const headerSize = netHeaderSize(features);
    if (bytes.length < headerSize) {
      const expected = `${headerSize} at least`;
      const what = 'bytes of a received packet with its header';
      tell({ requirement: 'net/rx-header-precedes-packet', what, expected, actual: String(bytes.length) });
      return;
    }
    checkReceivedHeader(tell, bytes, features);
    const isMergeable = (features & VIRTIO_NET_F_MRG_RXBUF) !== 0n;
    const buffers = headerSize > NUM_BUFFERS_OFFSET ? littleEndian(bytes, NUM_BUFFERS_OFFSET) : 1;
    if (!isMergeable && buffers !== 1) {
      const what = 'num_buffers of a received packet';
      tell({ requirement: 'net/num-buffers-one-without-mergeable', what, expected: '1', actual: String(buffers) });
      return;
    }
    if (buffers === 0) {
      const what = 'num_buffers of a received packet';
      tell({ requirement: 'net/num-buffers-counts-buffers', what, expected: '1 at least', actual: '0' });
      return;
    }
    const frame = bytes.slice(headerSize);
    if (buffers === 1) this.#arrived(frame, index, features);
    else {
      this.#checkFilled(bytes.length, room);
      this.#partial.set(index, { missing: buffers - 1, pieces: [frame] });
    }
  }

  #arrived(frame: Uint8Array, index: number, features: bigint): void {
    const { reflected, take, tell } = this.#options;
    if (reflected === undefined) {
      take('frames-from-elsewhere');
      return;
    }
    take('lost-frames');
    const key = frame.join();
    const left = this.#expected.get(key) ?? [];
    if (left.length === 0 && isRarp(frame)) {
      take('announcing-frame');
      return;
    }
    if (left.length === 0 && this.#discarded.has(key)) {
      const requirement = 'vu-ring-state/disabled-transmit-ring-discards-packets';
      tell({ requirement, what: 'frames of a transmit ring while it is disabled', expected: 'none', actual: 'one' });
      return;
    }
    const kept = left.length === 0 ? this.#filtered.get(key) : undefined;
    if (kept !== undefined) {
      const what = `a frame of ${frame.length} bytes that the filter keeps back`;
      tell({ requirement: kept.requirement, what, expected: 'not received', actual: 'received' });
      return;
    }
    if (left.length === 0) {
      const expected = 'one that was sent and did not come back yet';
      tell({
        requirement: 'net/frames-arrive-intact',
        what: `a received frame of ${frame.length} bytes`,
        expected,
        actual: `another one: ${[...frame.subarray(0, shownBytes)].join(' ')}`,
      });
      return;
    }
    const at = left.findIndex(({ queue }) => queue === index);
    const [sent] = left.splice(Math.max(at, 0), 1);
    if (sent !== undefined) this.#checkPlace(sent, index, features);
  }

  /** Of the flows of other targets nothing is known: frames may be changed on their way. */
  #checkPlace({ queue, isAnywhere }: SentFrame, index: number, features: bigint): void {
    if (isAnywhere || index === queue || !this.#options.losesNone || (features & VIRTIO_NET_F_RSS) !== 0n) return;
    const hasCommands = (features & VIRTIO_NET_F_CTRL_VQ) !== 0n;
    const requirement = hasCommands ? this.#pairs.brokenBy(index, queue) : 'net/frames-return-on-their-pair';
    if (requirement === undefined) return;
    const what = `the receive queue of a frame that was sent on queue ${queue + 1}`;
    this.#options.tell({ requirement, what, expected: String(queue), actual: String(index) });
  }
}

const shownBytes = 24;
