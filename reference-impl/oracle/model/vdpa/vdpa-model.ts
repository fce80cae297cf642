import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { IoctlObservation, RegionAccessObservation } from '../../../observations/event.ts';
import { errno } from '../../../wire/errno.ts';
import { type VdpaRequest, vdpaRequests } from '../../../wire/vdpa-structures.ts';
import { CallCheck, type Kept, type Rule } from '../mdev/call-check.ts';
import type { Tell } from '../observation.ts';
import { IotlbModel } from './iotlb-model.ts';
import { eventRule, type VdpaFacts } from './vdpa-facts.ts';
import { type RingCall, ringBytes, VdpaRingModel } from './vdpa-ring-model.ts';

const nameOf: ReadonlyMap<number, VdpaRequest> = new Map(
  Object.entries(vdpaRequests).map(([name, number]) => [number, name as VdpaRequest]),
);

/** Bytes of the argument of each call that has one; calls on rings are in `ringBytes`. */
const argumentBytes: Readonly<Partial<Record<VdpaRequest, number>>> = {
  VHOST_GET_FEATURES: 8,
  VHOST_SET_FEATURES: 8,
  VHOST_GET_BACKEND_FEATURES: 8,
  VHOST_SET_BACKEND_FEATURES: 8,
  VHOST_VDPA_GET_DEVICE_ID: 4,
  VHOST_VDPA_GET_STATUS: 1,
  VHOST_VDPA_SET_STATUS: 1,
  VHOST_VDPA_GET_CONFIG: 8,
  VHOST_VDPA_SET_CONFIG: 8,
  VHOST_VDPA_GET_VRING_NUM: 2,
  VHOST_VDPA_SET_CONFIG_CALL: 4,
  VHOST_VDPA_GET_IOVA_RANGE: 16,
  VHOST_VDPA_GET_CONFIG_SIZE: 4,
  VHOST_VDPA_GET_AS_NUM: 4,
  VHOST_VDPA_GET_GROUP_NUM: 4,
  VHOST_VDPA_GET_VQS_COUNT: 4,
};

const DRIVER_OK = 4;
const FEATURES_OK = 8;
/** ACKNOWLEDGE, DRIVER, DRIVER_OK: the device takes none of them back. */
const driverBits = 7;
const suspendBit = 1n << 4n;
const persistBit = 1n << 8n;

const anything = (requirement: RequirementSlug): Rule => ({ allowed: 'any', requirement });
const configWindow = 8;

/**
 * One open vhost-vdpa device, from its open on: what each call on it may come to, as Linux has it. What is wrong once ends
 * the judging of it.
 */
export class VdpaModel {
  readonly #facts: VdpaFacts;
  readonly #check: CallCheck;
  readonly #rings: VdpaRingModel;
  readonly #iotlb: IotlbModel;
  #hasOwner = false;
  /** As it was written last. */
  #status = 0;
  /** The requirement by which the status is 0 now, where nothing was written since. */
  #isZeroBy: RequirementSlug | undefined = 'vk-open/open-resets-device';
  #areFeaturesFixed = false;
  #offeredBackend: bigint | undefined;
  #backend = 0n;
  #configSize: number | undefined;
  #isSuspended = false;

  constructor(facts: VdpaFacts, tell: Tell, kept?: Kept) {
    this.#facts = facts;
    this.#check = new CallCheck(tell, kept);
    this.#rings = new VdpaRingModel(facts, this.#check);
    this.#iotlb = new IotlbModel(facts, this.#check);
  }

  get isLost(): boolean {
    return this.#check.isLost;
  }

  lose(): void {
    this.#check.isLost = true;
  }

  /** Rings may be served: DRIVER_OK is set, and it is not suspended. */
  get isServing(): boolean {
    return (this.#status & DRIVER_OK) !== 0 && !this.#isSuspended;
  }

  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  access({ access, region, length, bytes, result }: RegionAccessObservation): void {
    if (this.isLost || access !== 'write' || region !== 0) return;
    if (result === undefined || bytes.length < length) this.lose();
    else this.#iotlb.write(bytes, result, { hasOwner: this.#hasOwner, backend: this.#backend });
  }

  call({ on, request, length, before, after, result }: IoctlObservation): void {
    if (this.isLost || on !== 'device') return;
    if (result === undefined || before.length < length) {
      this.lose();
      return;
    }
    const name = nameOf.get(request >>> 0);
    const view = viewOf(before);
    const isOfRing = name === undefined || ringBytes[name] !== undefined;
    if (isOfRing) this.#ringCall({ name, view, after: viewOf(after), result });
    else if (before.length < (argumentBytes[name] ?? 0)) {
      const rule = { allowed: -errno.EFAULT, requirement: 'vk-call/bad-pointers-refused' } as const;
      this.#check.expect(`${name} with an argument of ${before.length} bytes`, result, rule);
    } else this.#deviceCall(name, view, viewOf(after), result);
  }

  #ringCall(call: RingCall): void {
    const { name, result } = call;
    if (!this.#hasOwner) {
      const rule = { allowed: -errno.EPERM, requirement: 'vk-owner/calls-before-set-owner-denied' } as const;
      this.#check.expect(`${name ?? 'an unknown call'} without an owner`, result, rule);
      return;
    }
    this.#rings.call(call, { isServing: this.isServing, isSuspended: this.#isSuspended });
  }

  #deviceCall(name: VdpaRequest, view: DataView, after: DataView, result: number): void {
    if (!this.#check.expect(name, result, this.#ruleOf(name, view)) || result < 0) return;
    switch (name) {
      case 'VHOST_SET_OWNER':
        this.#hasOwner = true;
        return;
      case 'VHOST_SET_FEATURES':
        this.#rings.features = view.getBigUint64(0, true);
        return;
      case 'VHOST_GET_BACKEND_FEATURES':
        this.#offeredBackend = after.getBigUint64(0, true);
        return;
      case 'VHOST_SET_BACKEND_FEATURES':
        this.#backend = view.getBigUint64(0, true);
        return;
      case 'VHOST_VDPA_GET_DEVICE_ID':
        if (this.#facts.deviceId === undefined) return;
        this.#check.equal('vk-id/device-id-is-told', 'the device id', after.getUint32(0, true), this.#facts.deviceId);
        return;
      case 'VHOST_VDPA_GET_STATUS':
        this.#statusTold(after.getUint8(0));
        return;
      case 'VHOST_VDPA_SET_STATUS':
        this.#statusWritten(view.getUint8(0));
        return;
      case 'VHOST_VDPA_GET_CONFIG_SIZE':
        this.#configSize = after.getUint32(0, true);
        return;
      case 'VHOST_VDPA_GET_VRING_NUM': {
        const size = after.getUint16(0, true);
        const isPower = size > 0 && (size & (size - 1)) === 0;
        const requirement = 'vk-vring/largest-size-is-told';
        this.#check.holds(isPower, requirement, 'the largest size of a ring', 'a power of two', String(size));
        return;
      }
      case 'VHOST_VDPA_GET_GROUP_NUM':
        this.#rings.groups = after.getUint32(0, true);
        return;
      case 'VHOST_VDPA_GET_AS_NUM':
        this.#rings.spaces = after.getUint32(0, true);
        this.#iotlb.spaces = after.getUint32(0, true);
        return;
      case 'VHOST_VDPA_GET_IOVA_RANGE':
        this.#iotlb.range = { first: after.getBigUint64(0, true), last: after.getBigUint64(8, true) };
        return;
      case 'VHOST_VDPA_SUSPEND':
        // It has no effect on a device that does not run.
        this.#isSuspended = (this.#status & DRIVER_OK) !== 0;
        return;
      case 'VHOST_VDPA_RESUME':
        this.#isSuspended = false;
        this.#rings.ran();
    }
  }

  #ruleOf(name: VdpaRequest, view: DataView): Rule {
    switch (name) {
      case 'VHOST_SET_OWNER':
        return this.#hasOwner
          ? { allowed: -errno.EBUSY, requirement: 'vk-owner/second-set-owner-is-busy' }
          : { allowed: 0, requirement: 'vk-close/close-resets-and-unmaps' };
      case 'VHOST_SET_LOG_BASE':
      case 'VHOST_SET_LOG_FD':
        return { allowed: -errno.ENOTTY, requirement: 'vk-log/vdpa-log-calls-refused' };
      case 'VHOST_SET_FEATURES':
        if (this.#areFeaturesFixed) {
          return { allowed: -errno.EBUSY, requirement: 'vk-features/features-fixed-after-features-ok' };
        }
        // Parent drivers may leave out the bits that they do not offer.
        return anything('vk-features/unoffered-features-refused');
      case 'VHOST_SET_BACKEND_FEATURES': {
        const requirement = 'vk-features/unoffered-backend-features-refused';
        const offered = this.#offeredBackend;
        const isUnoffered = offered !== undefined && (view.getBigUint64(0, true) & ~offered) !== 0n;
        return isUnoffered ? { allowed: -errno.EOPNOTSUPP, requirement } : anything(requirement);
      }
      case 'VHOST_VDPA_SET_STATUS': {
        const value = view.getUint8(0);
        if (value === 0) return { allowed: 0, requirement: 'vk-status/status-zero-resets' };
        const requirement = 'vk-status/status-bit-removal-refused';
        const isRemoval = (this.#status & driverBits & ~value) !== 0;
        return isRemoval ? { allowed: -errno.EINVAL, requirement } : anything(requirement);
      }
      case 'VHOST_VDPA_GET_CONFIG':
      case 'VHOST_VDPA_SET_CONFIG':
        return this.#configRule(name, view);
      case 'VHOST_VDPA_SET_CONFIG_CALL':
        return eventRule(view.getUint32(0, true));
      case 'VHOST_VDPA_SUSPEND': {
        const requirement = 'vk-suspend/suspend-without-feature-refused';
        const isMissing = this.#offeredBackend !== undefined && (this.#offeredBackend & suspendBit) === 0n;
        return isMissing ? { allowed: -errno.EOPNOTSUPP, requirement } : anything(requirement);
      }
      default:
        return anything('vk-call/bad-pointers-refused');
    }
  }

  #configRule(name: VdpaRequest, view: DataView): Rule {
    const [offset, length] = [view.getUint32(0, true), view.getUint32(4, true)];
    const refused = 'vk-config/empty-or-overlong-access-refused';
    const size = this.#configSize;
    if (length === 0 || (size !== undefined && offset + length > size)) {
      return { allowed: 'error', requirement: refused };
    }
    if (size === undefined) return anything(refused);
    if (view.byteLength < configWindow + length) {
      return { allowed: -errno.EFAULT, requirement: 'vk-call/bad-pointers-refused' };
    }
    const requirement = 'vk-config/size-agrees-with-readable-bytes';
    return name === 'VHOST_VDPA_GET_CONFIG' ? { allowed: 0, requirement } : anything(requirement);
  }

  #statusTold(status: number): void {
    if (this.#isZeroBy !== undefined) this.#check.equal(this.#isZeroBy, 'the status', status, 0);
    this.#areFeaturesFixed = (status & FEATURES_OK) !== 0;
  }

  #statusWritten(value: number): void {
    this.#status = value;
    this.#isZeroBy = undefined;
    if ((value & DRIVER_OK) !== 0) this.#rings.ran();
    if (value !== 0) return;
    this.#isZeroBy = 'vk-status/status-zero-resets';
    this.#areFeaturesFixed = false;
    this.#isSuspended = false;
    this.#rings.reset();
    this.#iotlb.reset((this.#backend & persistBit) !== 0n);
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
