import { isGateOpen, protocolGate } from '../../wire/message-description.ts';
import { requestAt } from '../../wire/vhost-user-codec.ts';
import {
  hasBit,
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_VRING_NOFD_MASK,
  type VhostUserProtocolFeature,
  vhostUserProtocolFeatures,
} from '../../wire/vhost-user-constants.ts';
import { messageById, requestId } from '../../wire/vhost-user-messages.ts';
import {
  mmapPayload,
  sharedObjectPayload,
  shmemConfigPayload,
  vringAreaPayload,
} from '../../wire/vhost-user-payloads.ts';
import type { KnownSharing } from './model-target.ts';
import type { Tell } from './observation.ts';
import { SharedMappings } from './shared-mappings.ts';

const mostDescriptors = 8;
const ringOfWord = 0xffn;
const sendFd = 'VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD';

/** Requests behind which a back-end may forget what it shared. */
const resets: ReadonlySet<number> = new Set([
  requestId.VHOST_USER_RESET_DEVICE,
  requestId.VHOST_USER_RESET_OWNER,
  requestId.VHOST_USER_SET_STATUS,
]);

/**
 * The requests that a back-end makes of its front-end on one session (vhost-user, "Back-end message types"): which of them
 * may come, with which descriptors, and what host notifiers, shared objects and shared memory they tell of.
 */
export class BackEndRequestsModel {
  readonly #tell: Tell;
  readonly #known: KnownSharing | undefined;
  /** Protocol features that were acknowledged at any time, and those of the last word. */
  #acknowledged = 0n;
  #protocol = 0n;
  /** `whole`: there is one channel, all that comes on it is seen, and each request is said to be done. */
  #channel: 'none' | 'whole' | 'in-part' = 'none';
  /** Rings that were started behind the channel, and those of them that used a buffer. */
  readonly #started = new Set<number>();
  readonly #served = new Set<number>();
  /** Rings that have a host notifier with a page. */
  readonly #notified = new Set<number>();
  /** UUIDs of shared objects that were added, and of those that were removed, in hexadecimal. */
  readonly #added = new Set<string>();
  readonly #removed = new Set<string>();
  /** UUIDs that GET_SHARED_OBJECT asked for, without an answer yet. */
  readonly #asked: string[] = [];
  readonly #mappings: SharedMappings;

  constructor(tell: Tell, known: KnownSharing | undefined) {
    this.#tell = tell;
    this.#known = known;
    this.#mappings = new SharedMappings(tell);
  }

  /**
   * A message to the back-end.
   * @param isServed it passes a channel, on which the front-end reads each request and says that it is done.
   */
  sent(bytes: Uint8Array, isServed: boolean): void {
    if (bytes.length < VHOST_USER_HEADER_SIZE) return;
    const view = viewOf(bytes);
    const request = requestAt(view, 0);
    const word = bytes.length >= VHOST_USER_HEADER_SIZE + 8 ? view.getBigUint64(VHOST_USER_HEADER_SIZE, true) : 0n;
    switch (request) {
      case requestId.VHOST_USER_SET_PROTOCOL_FEATURES:
        if (this.#protocol !== 0n && word !== this.#protocol) this.#forget();
        this.#protocol = word;
        this.#acknowledged |= word;
        return;
      case requestId.VHOST_USER_SET_BACKEND_REQ_FD:
        if (this.#channel === 'none' && isServed) this.#channel = 'whole';
        else this.#forget();
        return;
      case requestId.VHOST_USER_SET_VRING_KICK:
        if (this.#channel === 'whole') this.#started.add(Number(word & ringOfWord));
        return;
      case requestId.VHOST_USER_GET_SHARED_OBJECT: {
        const asked = decoded(sharedObjectPayload, view);
        if (asked !== undefined) this.#asked.push(hexOf(asked.uuid));
        return;
      }
    }
    if (resets.has(request) && (request !== requestId.VHOST_USER_SET_STATUS || word === 0n)) this.#forget();
  }

  /** An answer of the back-end. */
  received(bytes: Uint8Array, descriptors: number): void {
    if (bytes.length < VHOST_USER_HEADER_SIZE) return;
    const view = viewOf(bytes);
    switch (requestAt(view, 0)) {
      case requestId.VHOST_USER_GET_SHMEM_CONFIG: {
        const told = decoded(shmemConfigPayload, view);
        if (told !== undefined) this.#checkSizes(told.memorySizes);
        return;
      }
      case requestId.VHOST_USER_GET_SHARED_OBJECT: {
        const asked = this.#asked.shift();
        if (asked !== undefined) this.#checkObject(asked, descriptors);
        return;
      }
      case requestId.VHOST_USER_GET_VRING_BASE:
        this.#checkKnown();
    }
  }

  /** A ring used a buffer. */
  served(index: number): void {
    if (this.#started.has(index)) this.#served.add(index);
  }

  /** A request of the back-end. @param descriptors how many came with it. */
  request(bytes: Uint8Array, descriptors: number): void {
    if (bytes.length < VHOST_USER_HEADER_SIZE) return;
    const view = viewOf(bytes);
    const request = requestAt(view, 0);
    const message = messageById('back-end', request);
    const name = message?.name ?? `request ${request}`;
    const what = `descriptors with ${name}`;
    if (descriptors > mostDescriptors) {
      const requirement = 'vu-backend-req/at-most-eight-descriptors-per-message';
      this.#tell({ requirement, what, expected: `${mostDescriptors} at most`, actual: String(descriptors) });
    }
    const context = { protocolFeatures: this.#acknowledged };
    if (descriptors > 0 && isGateOpen(protocolGate(sendFd), context) === false) {
      const requirement = 'vu-backend-req/descriptors-need-send-fd';
      this.#tell({ requirement, what, expected: 'none without BACKEND_SEND_FD', actual: String(descriptors) });
      return;
    }
    for (const gate of message?.gate ?? []) {
      if (gate.word !== 'protocol' || gate.feature === sendFd || isGateOpen(gate, context) !== false) continue;
      const requirement = 'vu-features/no-extension-before-negotiation';
      this.#tell({ requirement, what: name, expected: `none without ${gate.feature}`, actual: 'one' });
      return;
    }
    this.#heed(request, view, descriptors);
  }

  #heed(request: number, view: DataView, descriptors: number): void {
    switch (request) {
      case requestId.VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG: {
        const area = decoded(vringAreaPayload, view);
        if (area !== undefined) this.#checkNotifier(area, descriptors);
        return;
      }
      case requestId.VHOST_USER_BACKEND_SHARED_OBJECT_ADD: {
        const object = decoded(sharedObjectPayload, view);
        if (object !== undefined) this.#checkAdded(hexOf(object.uuid));
        return;
      }
      case requestId.VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE: {
        const object = decoded(sharedObjectPayload, view);
        if (object !== undefined) this.#removed.add(hexOf(object.uuid));
        return;
      }
      case requestId.VHOST_USER_BACKEND_SHMEM_MAP:
      case requestId.VHOST_USER_BACKEND_SHMEM_UNMAP: {
        const asked = decoded(mmapPayload, view);
        if (asked === undefined || this.#channel !== 'whole') return;
        if (request === requestId.VHOST_USER_BACKEND_SHMEM_MAP) this.#mappings.map(asked);
        else this.#mappings.unmap(asked);
      }
    }
  }

  #checkSizes(sizes: readonly bigint[]): void {
    this.#mappings.sizes = sizes;
    const page = this.#known?.pageSize;
    const id = page === undefined ? -1 : sizes.findIndex((size) => size % page !== 0n);
    if (id < 0) return;
    this.#tell({
      requirement: 'vu-shmem/region-sizes-page-multiples',
      what: `bytes of shared memory region ${id}`,
      expected: `a multiple of ${page}`,
      actual: String(sizes[id]),
    });
  }

  #checkNotifier({ u64, size }: { readonly u64: bigint; readonly size: bigint }, descriptors: number): void {
    // The message takes a notifier away.
    if ((u64 & VHOST_USER_VRING_NOFD_MASK) !== 0n) return;
    if (descriptors > 0) this.#notified.add(Number(u64 & ringOfWord));
    const page = this.#known?.pageSize;
    if (page === undefined || size === page) return;
    const what = 'bytes of a host notifier';
    const requirement = 'vu-backend-req/host-notifier-page-sized';
    this.#tell({ requirement, what, expected: String(page), actual: String(size) });
  }

  #checkAdded(uuid: string): void {
    this.#added.add(uuid);
    const objects = this.#known?.objects ?? [];
    if (objects.length === 0 || this.#isOfTarget(uuid)) return;
    const requirement = 'vu-shared-object/uuid-parts-big-endian';
    this.#tell({ requirement, what: 'the UUID of an object', expected: `one of ${objects.join(', ')}`, actual: uuid });
  }

  #isOfTarget(uuid: string): boolean {
    return this.#known?.objects.some((object) => object.replaceAll('-', '').toLowerCase() === uuid) === true;
  }

  #checkObject(uuid: string, descriptors: number): void {
    if (this.#channel !== 'whole' || this.#removed.has(uuid)) return;
    const isAdded = this.#added.has(uuid);
    // An object that the target is known to have may have been added just now.
    if (!isAdded && this.#isOfTarget(uuid)) return;
    if (descriptors === (isAdded ? 1 : 0)) return;
    const requirement = 'vu-shared-object/known-uuid-yields-descriptor';
    const what = `descriptors of the answer for a UUID that was ${isAdded ? '' : 'not '}added`;
    this.#tell({ requirement, what, expected: isAdded ? '1' : '0', actual: String(descriptors) });
  }

  /** What a target is known to share was told by the time that a ring stops which used a buffer. */
  #checkKnown(): void {
    const known = this.#known;
    if (known === undefined || this.#channel !== 'whole' || this.#served.size === 0) return;
    const passes = this.#has(sendFd);
    if (known.hasNotifiers && passes && this.#has('VHOST_USER_PROTOCOL_F_HOST_NOTIFIER')) {
      for (const index of this.#served) {
        const what = `the host notifier of ring ${index}`;
        this.#owes('vu-backend-req/known-host-notifiers-registered', what, this.#notified.has(index));
      }
    }
    if (known.hasMappings && passes && this.#has('VHOST_USER_PROTOCOL_F_SHMEM')) {
      this.#owes('vu-shmem/known-mappings-made', 'a mapping of shared memory', this.#mappings.wereMade);
    }
    if (this.#has('VHOST_USER_PROTOCOL_F_SHARED_OBJECT')) {
      const isEach = this.#added.size >= known.objects.length;
      this.#owes('vu-shared-object/known-objects-added', `${known.objects.length} shared objects`, isEach);
    }
  }

  #owes(requirement: Parameters<Tell>[0]['requirement'], what: string, isThere: boolean): void {
    if (!isThere) this.#tell({ requirement, what, expected: 'told while a ring ran', actual: 'not told' });
  }

  #has(name: VhostUserProtocolFeature): boolean {
    return hasBit(this.#protocol, vhostUserProtocolFeatures[name]);
  }

  #forget(): void {
    this.#channel = 'in-part';
    this.#started.clear();
    this.#served.clear();
  }
}

interface Decodes<Value> {
  readonly decode: (
    view: DataView,
    offset: number,
    length: number,
  ) => { readonly ok: true; readonly value: Value } | { readonly ok: false };
}

/** The payload of a message; undefined where it is cut short. */
function decoded<Value>(codec: Decodes<Value>, view: DataView): Value | undefined {
  const read = codec.decode(view, VHOST_USER_HEADER_SIZE, view.byteLength - VHOST_USER_HEADER_SIZE);
  return read.ok ? read.value : undefined;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
