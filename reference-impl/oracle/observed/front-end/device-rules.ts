import {
  type Feature,
  type FeatureName,
  featureByName,
  featuresAtBit,
  missingPrerequisites,
} from '../../../catalogue/catalogue.ts';
import { VIRTIO_F_VERSION_1 } from '../../../virtqueue/feature-bits.ts';
import {
  bit,
  virtioDeviceStatus as status,
  vhostUserVirtioFeatures as transport,
} from '../../../wire/vhost-user-constants.ts';
import { breach, type Judgement, keptIf } from '../judgement.ts';
import { hexWord, type ObservedMessageRule } from './message-rule.ts';

const transportBits = bit(transport.VHOST_F_LOG_ALL) | bit(transport.VHOST_USER_F_PROTOCOL_FEATURES);

function featuresIn(word: bigint, device: string): Feature[] {
  const found: Feature[] = [];
  for (let number = 0; number < 64; number++) {
    if ((word & bit(number)) === 0n) continue;
    const [feature] = featuresAtBit(number, { transport: 'vhost-user', device });
    if (feature !== undefined) found.push(feature);
  }
  return found;
}

/** What the front-end serves by itself does not travel in SET_FEATURES. */
const isOfFrontEnd = (name: FeatureName): boolean => featureByName(name).frontEndServedOver.includes('vhost-user');

function judgePrerequisites(word: bigint, device: string): Judgement {
  const accepted = featuresIn(word, device);
  const names = new Set<string>(accepted.map(({ name }) => name));
  for (const feature of accepted) {
    const missing = missingPrerequisites(feature, names).find((alternatives) => !alternatives.some(isOfFrontEnd));
    if (missing !== undefined)
      return breach('SET_FEATURES', `${missing.join(' or ')} with ${feature.name}`, hexWord(word));
  }
  return accepted.some(({ requires }) => requires.length > 0) ? 'kept' : undefined;
}

/** Steps of initialization (virtio 3.1.1), each with those that come before it. */
const sequence = [status.ACKNOWLEDGE, status.DRIVER, status.FEATURES_OK, status.DRIVER_OK] as const;

/** A step without the one before it; a legacy driver has no FEATURES_OK. */
function isOutOfOrder(value: number, isModern: boolean): boolean {
  const steps = isModern ? sequence : sequence.filter((step) => step !== status.FEATURES_OK);
  const reached = steps.findLastIndex((step) => (value & step) !== 0);
  return steps.slice(0, reached).some((step) => (value & step) === 0);
}

const suspendable = bit(featureByName('VIRTIO_F_SUSPEND').bit);

/**
 * Bits that may be gone though the driver cleared none: those that the device sets or takes back, and those of
 * suspension, which clears DRIVER_OK until the device goes on.
 */
function mayBeGone(before: number, now: number, features: bigint): number {
  const refused = (now & status.FAILED) === 0 ? 0 : status.FEATURES_OK;
  const isSuspension = (features & suspendable) !== 0n && ((before | now) & status.SUSPEND) !== 0;
  return status.DEVICE_NEEDS_RESET | refused | (isSuspension ? status.SUSPEND | status.DRIVER_OK : 0);
}

/** Features of the device, and its status. */
export const deviceRules: readonly ObservedMessageRule[] = [
  {
    requirement: 'features/only-offered-bits-accepted',
    judge: (request, { offer }) => {
      if (request.name !== 'VHOST_USER_SET_FEATURES') return undefined;
      const beyond = request.value.u64 & ~offer.features & ~transportBits;
      return keptIf(beyond === 0n, () =>
        breach(request.name, `bits of ${hexWord(offer.features)}`, `${hexWord(beyond)} as well`),
      );
    },
  },
  {
    requirement: 'features/accepted-feature-has-prerequisite',
    judge: (request, { offer }) =>
      request.name === 'VHOST_USER_SET_FEATURES' ? judgePrerequisites(request.value.u64, offer.device) : undefined,
  },
  {
    requirement: 'vu-front-end/features-fixed-after-features-ok',
    judge: (request, before) => {
      if (request.name !== 'VHOST_USER_SET_FEATURES' || (before.status & status.FEATURES_OK) === 0) return undefined;
      const now = request.value.u64 & ~transportBits;
      const then = (before.features ?? 0n) & ~transportBits;
      return keptIf(now === then, () => breach(request.name, `${hexWord(then)} as at FEATURES_OK`, hexWord(now)));
    },
  },
  {
    requirement: 'vu-front-end/status-in-sequence',
    judge: (request, before) => {
      if (request.name !== 'VHOST_USER_SET_STATUS' || request.value.u64 === 0n) return undefined;
      const value = Number(request.value.u64 & 0xffn);
      const isModern = ((before.features ?? VIRTIO_F_VERSION_1) & VIRTIO_F_VERSION_1) !== 0n;
      return keptIf(!isOutOfOrder(value, isModern), () =>
        breach(request.name, 'each step of initialization after those before it', `status ${hexWord(BigInt(value))}`),
      );
    },
  },
  {
    requirement: 'vu-front-end/status-bits-never-cleared-singly',
    judge: (request, before) => {
      if (request.name !== 'VHOST_USER_SET_STATUS' || request.value.u64 === 0n || before.status === 0) return undefined;
      const now = Number(request.value.u64 & 0xffn);
      const gone = before.status & ~now & ~mayBeGone(before.status, now, before.features ?? 0n);
      return keptIf(gone === 0, () =>
        breach(request.name, `the bits of ${hexWord(BigInt(before.status))}, or 0`, hexWord(request.value.u64)),
      );
    },
  },
  {
    requirement: 'vu-front-end/reset-after-failed',
    judge: (request, before) => {
      if (request.name !== 'VHOST_USER_SET_STATUS' || (before.status & status.FAILED) === 0) return undefined;
      const value = Number(request.value.u64 & 0xffn);
      return keptIf(value === 0 || value === before.status, () =>
        breach(request.name, '0, a reset, behind FAILED', hexWord(request.value.u64)),
      );
    },
  },
];
