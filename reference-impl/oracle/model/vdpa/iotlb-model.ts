import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { decodeStructure } from '../../../wire/structure.ts';
import {
  iotlbMessageTypes,
  iotlbMessageV2,
  VHOST_ACCESS_RW,
  VHOST_IOTLB_MSG,
  VHOST_IOTLB_MSG_V2,
} from '../../../wire/vdpa-structures.ts';
import type { CallCheck, Rule } from '../mdev/call-check.ts';
import type { VdpaFacts } from './vdpa-facts.ts';

interface Mapped {
  readonly space: number;
  readonly start: bigint;
  readonly end: bigint;
  /** It was there before the device was reset. */
  readonly isOld: boolean;
}

interface Update {
  readonly space: number;
  readonly ioVirtualAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
  readonly permission: number;
}

interface Sender {
  readonly hasOwner: boolean;
  readonly backend: bigint;
}

const asidBit = 1n << 3n;
const knownRequests: readonly number[] = Object.values(iotlbMessageTypes);

const refused = (requirement: RequirementSlug): Rule => ({ allowed: 'error', requirement });

/** What messages of the IOTLB come to: which ranges of each address space are mapped. */
export class IotlbModel {
  range: VdpaFacts['range'];
  /** How many there are. */
  spaces: number | undefined;
  readonly #facts: VdpaFacts;
  readonly #check: CallCheck;
  #mapped: readonly Mapped[] = [];
  /** Ranges that were mapped, and are no more. */
  #gone: readonly Mapped[] = [];
  /** The address space of the batch that has begun. */
  #batch: number | undefined;
  /** What is mapped is not known any more. */
  #isOpen = false;

  constructor(facts: VdpaFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
    this.range = facts.range;
  }

  /** @param keeps whether mappings outlive it, as was negotiated. */
  reset(keeps: boolean): void {
    // Whether a batch goes on is open, and with it which space takes updates.
    if (this.#batch !== undefined) this.#isOpen = true;
    this.#batch = undefined;
    if (keeps) this.#mapped = this.#mapped.map((one) => ({ ...one, isOld: true }));
    else this.#isOpen = true;
  }

  write(bytes: Uint8Array, result: number, { hasOwner, backend }: Sender): void {
    const what = 'a message of the IOTLB';
    if (!hasOwner) {
      this.#check.expect(`${what} without an owner`, result, refused('vk-owner/calls-before-set-owner-denied'));
      return;
    }
    const message = decodeStructure(iotlbMessageV2, bytes);
    const isKnown =
      message !== undefined &&
      (message.type === VHOST_IOTLB_MSG || message.type === VHOST_IOTLB_MSG_V2) &&
      knownRequests.includes(message.request);
    if (!isKnown) {
      this.#check.expect(what, result, refused('vk-iotlb/malformed-messages-refused'));
      return;
    }
    const space = message.type === VHOST_IOTLB_MSG_V2 && (backend & asidBit) !== 0n ? message.asid : 0;
    if (this.spaces !== undefined && space >= this.spaces) {
      this.#check.expect(what, result, refused('vk-iotlb/unknown-address-space-refused'));
      return;
    }
    if (this.#batch !== undefined && this.#batch !== space) {
      this.#check.expect(what, result, refused('vk-iotlb/batch-excludes-other-address-spaces'));
      return;
    }
    switch (message.request) {
      case iotlbMessageTypes.VHOST_IOTLB_UPDATE:
        this.#update({ ...message, space }, result);
        return;
      case iotlbMessageTypes.VHOST_IOTLB_INVALIDATE:
        if (result >= 0) this.#invalidate(space, message.ioVirtualAddress, message.size);
        return;
      case iotlbMessageTypes.VHOST_IOTLB_BATCH_BEGIN:
        if (result >= 0) this.#batch = space;
        return;
      case iotlbMessageTypes.VHOST_IOTLB_BATCH_END:
        if (result >= 0) this.#batch = undefined;
    }
  }

  #update(update: Update, result: number): void {
    const { space, ioVirtualAddress: start, size } = update;
    const what = `an update of ${size} bytes at 0x${start.toString(16)}`;
    if (!this.#check.expect(what, result, this.#ruleOf(update)) || result < 0) return;
    this.#mapped = [...this.#mapped, { space, start, end: start + size, isOld: false }];
  }

  #ruleOf(update: Update): Rule {
    const { space, ioVirtualAddress: start, size, userAddress, permission } = update;
    const { range } = this;
    const outside = 'vk-iotlb/update-outside-iova-range-refused';
    if (size === 0n) return refused(outside);
    if (range !== undefined && (start < range.first || start + size - 1n > range.last)) return refused(outside);
    if (this.#isOpen) return { allowed: 'any', requirement: outside };
    const end = start + size;
    const meets = (one: Mapped): boolean => one.space === space && one.start < end && start < one.end;
    const there = this.#mapped.find(meets);
    if (there !== undefined) {
      return refused(there.isOld ? 'vk-iotlb/mappings-outlive-reset' : 'vk-iotlb/overlapping-update-refused');
    }
    const page = BigInt(this.#facts.pageSize);
    const isPaged = start % page === 0n && size % page === 0n && userAddress % page === 0n;
    const isSpace = space === 0 || this.spaces !== undefined;
    const isSound = isSpace && isPaged && permission >= 1 && permission <= VHOST_ACCESS_RW;
    if (!isSound || range === undefined || !this.#facts.isMemory(userAddress, size)) {
      return { allowed: 'any', requirement: outside };
    }
    const requirement = this.#gone.some(meets)
      ? 'vk-iotlb/invalidated-range-is-mapped-anew'
      : end > range.last - page || start < range.first + page
        ? 'vk-iotlb/range-is-mapped-to-its-ends'
        : 'vk-close/close-resets-and-unmaps';
    return { allowed: wholeMessage, requirement };
  }

  /** Each mapping that lies in the range in part goes as a whole. */
  #invalidate(space: number, start: bigint, size: bigint): void {
    const isMet = (one: Mapped): boolean => one.space === space && one.start < start + size && start < one.end;
    this.#gone = [...this.#gone, ...this.#mapped.filter(isMet)].slice(-mostGone);
    this.#mapped = this.#mapped.filter((one) => !isMet(one));
  }
}

/** What the write of a whole message returns. */
const wholeMessage = 72;
const mostGone = 16;
