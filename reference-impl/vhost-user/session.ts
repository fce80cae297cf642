import type { ParentDriver, QueueFailure } from '../devices/parent-driver.ts';
import { isGateOpen } from '../wire/message-description.ts';
import { hasBit, vhostUserProtocolFeatures as protocol, VHOST_USER_REPLY_MASK } from '../wire/vhost-user-constants.ts';
import { namesOfProblems } from '../wire/wire-problem.ts';
import type { BackEndEdge, DescriptorToken } from './back-end-edge.ts';
import type { BackEndRules } from './back-end-rules.ts';
import { ConfigChanges } from './config-changes.ts';
import { DirtyMarks } from './dirty-marks.ts';
import { FrontEndMemory } from './front-end-memory.ts';
import type { Handled } from './handled.ts';
import type { IncomingMessage } from './incoming-message.ts';
import type { InflightBuffer } from './inflight-buffer.ts';
import type { MessageRule } from './message-rule.ts';
import { Postcopy } from './postcopy.ts';
import { decodePayload, u64Bytes } from './reply-payloads.ts';
import type { OutgoingMessage } from './reply-rules.ts';
import { RingService } from './ring-service.ts';
import type { SessionObserver } from './session-observer.ts';
import type { SessionState } from './session-state.ts';
import { SharedMemoryRegions } from './shared-memory.ts';
import { SharedObjects } from './shared-objects.ts';
import type { StateTransfer } from './state-transfer.ts';
import type { Vring } from './vring.ts';

/**
 * One connection as the back-end lives it. It does no I/O: messages go in, messages come out by `takeOutgoing`, and
 * the rest goes through the edge. The device outlives it.
 *
 * A request that cannot be served is refused: with a non-zero acknowledgement where one was asked for; else, where
 * the request has a reply of its own and that reply has no form for a failure, by closing the connection; else by
 * leaving everything as it was. What cannot be told apart as messages closes the connection: another version, or a
 * payload larger than any message has. Descriptors of a refused or unknown request are closed.
 */
export class BackEndSession implements SessionState {
  readonly device: ParentDriver;
  readonly edge: BackEndEdge;
  readonly rules: BackEndRules;
  readonly memory: FrontEndMemory;
  readonly rings: RingService;
  readonly marks: DirtyMarks;
  readonly observer: SessionObserver | undefined;
  readonly configChanges: ConfigChanges;
  readonly sharedObjects: SharedObjects;
  readonly sharedMemory: SharedMemoryRegions;
  readonly postcopy: Postcopy;
  /** Features acknowledged by SET_FEATURES, those of the transport included; undefined before. */
  acknowledgedFeatures: bigint | undefined;
  /** Whether the last SET_FEATURES was one that could be accepted. */
  areFeaturesAcceptable = true;
  protocolFeatures = 0n;
  status = 0;
  backEndChannel: DescriptorToken | undefined;
  inflight: InflightBuffer | undefined;
  stateTransfer: StateTransfer | undefined;
  hasOwner = false;
  #isOpen = true;
  readonly #outgoing: OutgoingMessage[] = [];
  readonly #entries: (MessageRule | undefined)[] = [];

  constructor(device: ParentDriver, edge: BackEndEdge, rules: BackEndRules, observer?: SessionObserver) {
    this.observer = observer;
    this.device = device;
    this.edge = edge;
    this.rules = rules;
    for (const entry of rules.messages) this.#entries[entry.request] = entry;
    this.memory = new FrontEndMemory(edge, rules.memory, rules.iotlb);
    this.marks = new DirtyMarks(rules.log);
    this.configChanges = new ConfigChanges(this);
    this.sharedObjects = new SharedObjects(this);
    this.sharedMemory = new SharedMemoryRegions(this);
    this.rings = new RingService(this);
    this.postcopy = new Postcopy(this);
    device.setSinks({
      signalCall: (queue) => this.rings.announceUsed(queue),
      signalError: (queue, reason: QueueFailure) => this.rings.announceError(queue, reason),
      missed: (queue, lacking) => this.rings.stalled(queue, lacking),
      wroteMemory: (address, length) => this.marks.wrote(address, length),
      wroteRing: (queue, _, offset, length) => this.rings.wroteRing(queue, offset, length),
      fetched: (queue, chain) => this.rings.fetched(queue, chain),
      using: (queue, chain) => this.rings.recordOf(queue)?.using(chain),
      used: (queue, chain, position) => this.rings.recordOf(queue)?.used(chain, position),
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get features(): bigint {
    return this.acknowledgedFeatures ?? 0n;
  }

  get offeredFeatures(): bigint {
    return this.rules.features.offered(this.device.supportedFeatures);
  }

  get offeredProtocolFeatures(): bigint {
    return this.rules.features.protocolOffered(this.device, this.edge.pageFaults !== undefined);
  }

  hasProtocolFeature(feature: keyof typeof protocol): boolean {
    return this.rules.features.isUsable(feature, hasBit(this.protocolFeatures, protocol[feature]));
  }

  get isInBand(): boolean {
    return this.hasProtocolFeature('VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS');
  }

  ring(index: number): Vring | undefined {
    const { acceptsIndex, ringOf } = this.rules.vring;
    const { vrings } = this.rings;
    return acceptsIndex(index, vrings.length) ? vrings[ringOf(index, vrings.length)] : undefined;
  }

  /** Handles one message of a session that is open. Never throws for anything that a front-end may send. */
  receive(message: IncomingMessage): void {
    const untaken = new Set(message.descriptors);
    const entry = this.#entries[message.request];
    this.observer?.received(message);
    const handled = this.#handle(message, entry, untaken);
    this.observer?.handled(message, handled);
    if (this.rules.descriptors.closesUntaken(handled.kind, entry?.name)) {
      for (const token of untaken) this.edge.close(token);
    }
    const how = this.rules.stream.breakdownBehind(handled.kind);
    if (how !== undefined) this.edge.breakDown(how);
    this.#answer(message, entry, handled);
    this.rings.refresh();
  }

  /** The next message to send, which is forgotten here. */
  takeOutgoing(): OutgoingMessage | undefined {
    return this.#outgoing.shift();
  }

  /** RESET_DEVICE, or status 0: the device as it was made, while the session and what it negotiated stay. */
  resetDevice(): void {
    const { resets } = this.rules.deviceState;
    this.sharedMemory.forget();
    if (this.rings.someStarted) this.sharedObjects.withdraw();
    if (resets.rings) this.rings.stopAll();
    if (resets.status) this.status = 0;
    if (!resets.device) return;
    this.device.reset();
    this.device.setFeatures(this.features & this.device.supportedFeatures);
  }

  /** Gives everything back that the connection held. The device is as new, its stored data aside. */
  release(): void {
    const { releasesAtEnd } = this.rules.descriptors;
    if (releasesAtEnd.descriptors) this.postcopy.release();
    this.rules.deviceState.atEnd(this.device);
    if (releasesAtEnd.memory) {
      this.memory.release();
      this.inflight?.release();
    }
    if (releasesAtEnd.descriptors) {
      this.rings.closeDescriptors();
      this.edge.close(this.backEndChannel);
      this.stateTransfer?.release();
      this.sharedObjects.release();
    }
    this.marks.release();
  }

  #handle(message: IncomingMessage, entry: MessageRule | undefined, untaken: Set<DescriptorToken>): Handled {
    const { reply, descriptors } = this.rules;
    const refuse = (why: string): Handled =>
      entry?.answer === 'own-reply' && reply.closesWhereNoReplyCanFail
        ? { kind: 'close-connection', why }
        : { kind: 'refused', why };
    if (!reply.acceptsVersion(message.flags)) return { kind: 'close-connection', why: 'another version' };
    if ((message.flags & VHOST_USER_REPLY_MASK) !== 0) return { kind: 'refused', why: 'a reply to nothing' };
    if (entry === undefined) return { kind: 'refused', why: 'no such request' };
    if (!this.#isWithinGate(entry)) return { kind: 'refused', why: 'its feature was not negotiated' };
    const decoded = decodePayload(entry, message.payload);
    if (!decoded.ok) return refuse(`payload: ${namesOfProblems(decoded.problems)}`);
    if (message.descriptorsLate) return refuse('descriptors behind the first bytes');
    const expected = entry.descriptors(decoded.value);
    if (!descriptors.accepts(message.descriptors.length, expected, entry.name)) {
      return refuse(`${message.descriptors.length} descriptors`);
    }
    const untimely = entry.isUntimely(this, decoded.value);
    if (untimely !== undefined) return refuse(untimely);
    const handled = entry.handle(this, decoded.value, {
      size: message.payload.byteLength,
      descriptors: message.descriptors,
      take: (token) => {
        untaken.delete(token);
        return token;
      },
    });
    return handled.kind === 'refused' ? refuse(handled.why) : handled;
  }

  #isWithinGate(entry: MessageRule): boolean {
    const context = {
      offeredFeatures: this.offeredFeatures,
      features: this.features,
      protocolFeatures: this.protocolFeatures,
    };
    return entry.gate.every((gate) => isGateOpen(gate, context) === true);
  }

  #answer(message: IncomingMessage, entry: MessageRule | undefined, handled: Handled): void {
    const { reply } = this.rules;
    const acknowledges = reply.wantsAcknowledgement(
      message.flags,
      this.hasProtocolFeature('VHOST_USER_PROTOCOL_F_REPLY_ACK'),
    );
    switch (handled.kind) {
      case 'reply':
        this.#send(message, handled.payload, handled.descriptors ?? []);
        return;
      case 'done':
        if (acknowledges && entry?.answer !== 'own-reply') this.#send(message, u64Bytes(reply.success), []);
        return;
      case 'refused':
        if (acknowledges) this.#send(message, u64Bytes(reply.failure), []);
        return;
      case 'close-connection':
        this.#isOpen = false;
        return;
    }
  }

  #send(to: IncomingMessage, payload: Uint8Array, descriptors: readonly DescriptorToken[]): void {
    const { reply } = this.rules;
    const message = {
      request: reply.replyRequest(to.request),
      flags: reply.replyFlags(to.flags),
      size: reply.replySize(payload),
      payload,
      descriptors,
    };
    for (const leaving of reply.leaving(message, to.flags, this)) {
      this.observer?.sent(leaving);
      this.#outgoing.push(leaving);
    }
  }
}
