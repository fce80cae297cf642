import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errno } from '../../../wire/errno.ts';
import { type VdpaRequest, VHOST_VRING_F_LOG } from '../../../wire/vdpa-structures.ts';
import type { CallCheck, Rule } from '../mdev/call-check.ts';
import { eventRule, type VdpaFacts } from './vdpa-facts.ts';

/** Bytes of the argument of each call on a ring. */
export const ringBytes: Readonly<Partial<Record<VdpaRequest, number>>> = {
  VHOST_SET_VRING_NUM: 8,
  VHOST_SET_VRING_ADDR: 40,
  VHOST_SET_VRING_BASE: 8,
  VHOST_GET_VRING_BASE: 8,
  VHOST_SET_VRING_KICK: 8,
  VHOST_SET_VRING_CALL: 8,
  VHOST_SET_VRING_ERR: 8,
  VHOST_VDPA_SET_VRING_ENABLE: 8,
  VHOST_VDPA_GET_VRING_GROUP: 8,
  VHOST_VDPA_SET_GROUP_ASID: 8,
  VHOST_VDPA_GET_VRING_DESC_GROUP: 8,
  VHOST_VDPA_GET_VRING_SIZE: 8,
};

/** A kernel that does not know them reads no more of their arguments than the number of a ring. */
const laterCalls: ReadonlySet<VdpaRequest> = new Set(['VHOST_VDPA_GET_VRING_DESC_GROUP', 'VHOST_VDPA_GET_VRING_SIZE']);

/** A call on a ring, or one that no text knows, which is taken for one. */
export interface RingCall {
  readonly name: VdpaRequest | undefined;
  readonly view: DataView;
  /** The argument as the call left it. */
  readonly after: DataView;
  readonly result: number;
}

interface DeviceState {
  readonly isServing: boolean;
  readonly isSuspended: boolean;
}

const indexBytes = 4;
const packedRing = 1n << 34n;
const mostEntries = 0xffff;
/** Of vhost_vring_addr. */
const at = { flags: 4, used: 16, available: 24, log: 32 } as const;

const open = (requirement: RequirementSlug): Rule => ({ allowed: 'any', requirement });

/** What calls on the rings of an open vhost-vdpa device come to, and what they tell. */
export class VdpaRingModel {
  /** Accepted ones. */
  features = 0n;
  groups: number | undefined;
  spaces: number | undefined;
  readonly #facts: VdpaFacts;
  readonly #check: CallCheck;
  /** By ring, where it stands; undefined where that is not known any more. */
  #bases: (number | undefined)[] = [];
  /** By what they are known: what was told, or that the device is as it was made. */
  #isAsMade = true;
  #wasReset = false;

  constructor(facts: VdpaFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
    this.reset();
    this.#wasReset = false;
  }

  /** Rings are as they were made. */
  reset(): void {
    this.#bases = Array.from({ length: this.#facts.rings }, () => 0);
    this.features = 0n;
    this.#isAsMade = true;
    this.#wasReset = true;
  }

  /** Rings may have moved on. */
  ran(): void {
    this.#bases.fill(undefined);
    this.#isAsMade = false;
  }

  call(call: RingCall, state: DeviceState): void {
    const { name, view, after, result } = call;
    const what = name ?? 'an unknown call';
    if (!this.#check.expect(what, result, this.#ruleOf(call, state)) || result < 0 || name === undefined) return;
    const index = view.getUint32(0, true);
    switch (name) {
      case 'VHOST_SET_VRING_BASE':
        this.#bases[index] = view.getUint32(indexBytes, true);
        this.#isAsMade = false;
        return;
      case 'VHOST_GET_VRING_BASE':
        this.#baseTold(index, after.getUint32(indexBytes, true), state);
        return;
      case 'VHOST_VDPA_GET_VRING_GROUP': {
        const group = after.getUint32(indexBytes, true);
        const { groups } = this;
        if (groups === undefined) return;
        const requirement = 'vk-groups/group-and-address-space-numbers-bounded';
        this.#check.holds(group < groups, requirement, `the group of ring ${index}`, `below ${groups}`, String(group));
      }
    }
  }

  #ruleOf({ name, view, result }: RingCall, state: DeviceState): Rule {
    const { rings } = this.#facts;
    const outOfRange = 'vk-vring/ring-index-out-of-range-refused';
    if (name === undefined) return { allowed: 'error', requirement: 'vk-unknown/unknown-ioctl-refused' };
    const badPointer: Rule = { allowed: -errno.EFAULT, requirement: 'vk-call/bad-pointers-refused' };
    if (view.byteLength < indexBytes) return badPointer;
    const index = view.getUint32(0, true);
    if (index >= rings) return { allowed: -errno.ENOBUFS, requirement: outOfRange };
    // The number that the device told is the one that it goes by.
    if (result === -errno.ENOBUFS) return { allowed: 0, requirement: 'vk-vring/queue-count-is-told' };
    if (view.byteLength < (ringBytes[name] ?? 0)) return laterCalls.has(name) ? open(outOfRange) : badPointer;
    const number = view.getUint32(indexBytes, true);
    switch (name) {
      case 'VHOST_SET_VRING_NUM': {
        const requirement = 'vk-vring/bad-ring-size-refused';
        const isSize = number > 0 && number <= mostEntries && (number & (number - 1)) === 0;
        return isSize ? open(requirement) : { allowed: -errno.EINVAL, requirement };
      }
      case 'VHOST_SET_VRING_ADDR':
        return addressRule(view, state);
      case 'VHOST_SET_VRING_BASE': {
        const requirement = 'vk-vring/split-base-above-16-bits-refused';
        const isSplit = (this.features & packedRing) === 0n;
        if (isSplit && number > 0xffff) return { allowed: -errno.EINVAL, requirement };
        return state.isServing ? fixedWhileRunning : open(requirement);
      }
      case 'VHOST_SET_VRING_KICK':
      case 'VHOST_SET_VRING_CALL':
      case 'VHOST_SET_VRING_ERR':
        return eventRule(number);
      case 'VHOST_VDPA_SET_GROUP_ASID': {
        const requirement = 'vk-groups/group-and-address-space-numbers-bounded';
        const isGroup = this.groups === undefined || index < this.groups;
        const isSpace = this.spaces === undefined || number < this.spaces;
        return isGroup && isSpace ? open(requirement) : { allowed: 'error', requirement };
      }
      default:
        return open(outOfRange);
    }
  }

  /** Some devices do not tell where a ring stands: what they tell counts. */
  #baseTold(index: number, base: number, { isSuspended }: DeviceState): void {
    const before = this.#bases[index];
    const isPackedAsMade = this.#isAsMade && (this.features & packedRing) !== 0n;
    if (before !== undefined && !isPackedAsMade) {
      this.#check.equal(this.#requirementOfBase(isSuspended), `where ring ${index} stands`, base, before);
    }
    // Behind SUSPEND it stands still.
    if (isSuspended) this.#bases[index] = base;
  }

  #requirementOfBase(isSuspended: boolean): RequirementSlug {
    if (isSuspended) return 'vk-suspend/suspended-rings-stand-still';
    if (!this.#isAsMade) return 'vk-vring/base-reads-back';
    return this.#wasReset ? 'vk-status/status-zero-resets' : 'vk-open/open-resets-device';
  }
}

const fixedWhileRunning: Rule = {
  allowed: -errno.EINVAL,
  requirement: 'vk-vring/addresses-and-base-fixed-while-running',
};

function addressRule(view: DataView, { isServing }: DeviceState): Rule {
  if ((view.getUint32(at.flags, true) & ~VHOST_VRING_F_LOG) !== 0) {
    return { allowed: -errno.EOPNOTSUPP, requirement: 'vk-vring/unknown-address-flags-refused' };
  }
  const requirement = 'vk-vring/misaligned-addresses-refused';
  const isAligned =
    view.getBigUint64(at.available, true) % 2n === 0n &&
    view.getBigUint64(at.used, true) % 4n === 0n &&
    view.getBigUint64(at.log, true) % 4n === 0n;
  if (!isAligned) return { allowed: -errno.EINVAL, requirement };
  return isServing ? fixedWhileRunning : open(requirement);
}
