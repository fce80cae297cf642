import type { RingLayout } from '../../../reference-impl/virtqueue/ring.ts';
import { requestId } from '../../../reference-impl/wire/vhost-user-messages.ts';
import { type Call, callOf } from '../../program/program.ts';
import type { CallDraft } from '../call-draft.ts';
import { CallList } from '../call-list.ts';
import { logAll, ofDevice, packedRing } from '../feature-words.ts';
import type { Step } from '../lawful-step.ts';
import type { Setting } from '../setting.ts';
import {
  logBase,
  objectAsked,
  protocolBits,
  sharedMemoryAsked,
  type ToldMessage,
  ToldSlots,
  toldCall,
  writeback,
} from '../told-message.ts';
import type { SessionShape } from './session-shape.ts';

/** What a driver writes one after another. */
const driverStatus = [1, 3, 0xb, 0xf] as const;

type MessageValues = Parameters<typeof callOf<'message'>>[2];

/** The calls of a program so far, and what its session was told beside its rings. */
export class LaidSession extends CallList {
  readonly shape: SessionShape;
  readonly setting: Setting;
  session = 0;
  /** The memory that the session was told last. */
  memory = 0;
  layout: RingLayout;
  /** Features that are accepted. */
  deviceWord: bigint;
  protocol: bigint;
  /** The session was told its log, and its buffer of requests in flight. */
  hasLog = false;
  hasBuffer = false;
  #status = 0;
  readonly #slots = new ToldSlots();

  constructor(shape: SessionShape, setting: Setting) {
    super();
    this.shape = shape;
    this.setting = setting;
    this.layout = shape.layout;
    this.deviceWord = shape.deviceWord;
    this.protocol = shape.protocol;
  }

  draft({ kind, values }: CallDraft): void {
    const of = kind === 'connect' ? {} : { session: this.session };
    this.calls.push(callOf(kind, this.calls.length + 1, { ...values, ...of }) as unknown as Call);
  }

  has(protocol: bigint): boolean {
    return (this.protocol & protocol) !== 0n;
  }

  negotiate(): void {
    this.#status = 0;
    this.hasLog = false;
    this.hasBuffer = false;
    this.add('negotiate', { session: this.session, device: this.deviceWord, protocol: this.protocol });
    const { policy } = this.shape;
    if (policy === undefined) return;
    this.add('channel', { session: this.session, policy });
    if (policy === 'serve') this.tell(sharedMemoryAsked);
  }

  /** A new session in the place of the one before. */
  reconnect(): void {
    this.session = this.add('reconnect', { session: this.session });
    this.negotiate();
    this.share();
  }

  /** A table takes the place of all regions before it. */
  share(): void {
    this.#slots.clear();
    const { session, memory } = this;
    this.add('share', { session, memory, untold: this.shape.isTranslated && this.setting.isUntold });
  }

  /** Flags of a message that is acknowledged, where that was negotiated. */
  get replyFlags(): number {
    return this.has(protocolBits.replyAck) ? 9 : 1;
  }

  tell(message: ToldMessage): void {
    const { isOld, isFile, isTranslated, policy, device } = this.shape;
    // SET_VRING_ENABLE belongs to sessions with protocol features.
    if (isOld && message.request === requestId.VHOST_USER_SET_VRING_ENABLE) return;
    if (isFile || (this.has(message.gate) && !this.#slots.fits(message))) return;
    // Who answers what the back-end asks for stays.
    if (policy !== undefined && message.request === requestId.VHOST_USER_SET_BACKEND_REQ_FD) return;
    if (isTranslated && policy === 'refuse' && (message.gate & protocolBits.memorySlots) !== 0n) return;
    if (message.request === requestId.VHOST_USER_NET_SET_MTU && device !== 'net') return;
    if (message.request === requestId.VHOST_USER_SET_CONFIG && !this.#writesConfiguration) return;
    for (let time = 0; time < message.times; time++) {
      const call = toldCall(message, this.session, this.protocol, this.calls.length + 1);
      if (call !== undefined) this.calls.push(call);
    }
  }

  /** The objects that the back-end exports. */
  askForObjects(): void {
    for (const uuid of this.shape.sharedObjects) this.tell(objectAsked(uuid));
  }

  get #writesConfiguration(): boolean {
    return this.shape.device === 'block' && (this.deviceWord & ofDevice.block & (1n << 11n)) !== 0n;
  }

  /** A message that counts from its second time on, for some. */
  addAgain(values: MessageValues): void {
    for (let time = 0; time < 2; time++) this.add('message', values);
  }

  /** Rings are served from DRIVER_OK on. */
  tellReady(): void {
    if (!this.has(protocolBits.status)) return;
    for (const status of driverStatus) if (status > this.#status) this.#writeStatus(status);
  }

  #writeStatus(status: number): void {
    this.#status = status;
    this.add('message', {
      session: this.session,
      request: requestId.VHOST_USER_SET_STATUS,
      flags: status === 3 ? 1 : this.replyFlags,
      fields: [{ name: 'u64', value: { kind: 'literal', value: BigInt(status) } }],
    });
  }

  /** The log that belongs to the features. */
  tellLog(): void {
    if ((this.deviceWord & logAll) === 0n || this.hasLog) return;
    this.tell(logBase(this.setting.logOffset));
    this.hasLog = true;
  }

  /** The features as they are now. */
  acknowledge(): void {
    const value = { kind: 'literal' as const, value: this.deviceWord };
    const request = requestId.VHOST_USER_SET_FEATURES;
    this.add('message', { session: this.session, request, flags: this.replyFlags, fields: [{ name: 'u64', value }] });
  }

  /** Other features, while every ring is stopped. */
  turnFeatures(features: bigint): void {
    this.deviceWord ^= features & this.shape.offered;
    this.layout = (this.deviceWord & packedRing) === 0n ? 'split' : 'packed';
    this.acknowledge();
  }

  /** Words of features that are told again. */
  tellFeatures(word: 'device' | 'protocol'): void {
    const isOfDevice = word === 'device';
    const value = { kind: 'literal' as const, value: isOfDevice ? this.deviceWord : this.protocol };
    this.addAgain({
      session: this.session,
      request: isOfDevice ? requestId.VHOST_USER_SET_FEATURES : requestId.VHOST_USER_SET_PROTOCOL_FEATURES,
      flags: this.replyFlags,
      fields: [{ name: 'u64', value }],
    });
  }

  readConfiguration({ written, isMigrated, windows }: Extract<Step, { readonly kind: 'configuration' }>): void {
    if (!this.has(protocolBits.config) || this.shape.device === 'entropy') return;
    if (written !== undefined) this.tell(writeback(written, isMigrated));
    for (const { offset, length } of windows) this.add('read-config', { session: this.session, offset, length });
  }
}
