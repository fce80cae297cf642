import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errno } from '../../../wire/errno.ts';
import { MDEV_MEMORY_REGIONS_MAXIMUM } from '../../../wire/mdev-messages.ts';
import { encodeStructure } from '../../../wire/structure.ts';
import { vhostRequests } from '../../../wire/vhost-requests.ts';
import { u64Payload, vringStatePayload } from '../../../wire/vhost-user-payloads.ts';
import type { Allowed } from './call-check.ts';
import type { MdevFacts } from './mdev-shape.ts';
import { overlaps, type Range } from './range.ts';
import { isRingSize, newRing, startRule, type ToldRing } from './ring-table-model.ts';

/** What a message may come to: 0 for what is taken. */
export interface Outcome {
  readonly allowed: Allowed;
  readonly requirement: RequirementSlug;
  /** The payload of the answer that waits afterwards; undefined bytes where it is not known. */
  readonly answer?: Answer;
  /** What it changes where it was taken. */
  readonly apply?: () => void;
}

export interface Answer {
  /** The whole payload, or what of it is known. */
  readonly payload: Uint8Array;
  /** The last four bytes hold what is not known. */
  readonly isOpen: boolean;
  readonly requirement: RequirementSlug;
  /** What the answer tells is learnt. */
  readonly learn?: (payload: DataView) => void;
}

const packedBit = 1n << 34n;
const splitBases = 0xffff;

/** Sizes of payloads; those of SET_MEM_TABLE and DEVICE_SET_STATE are looked at apart. */
const payloadSizes: ReadonlyMap<bigint, number> = new Map([
  [BigInt(vhostRequests.VHOST_SET_FEATURES), 8],
  [BigInt(vhostRequests.VHOST_GET_FEATURES), 0],
  [BigInt(vhostRequests.VHOST_SET_OWNER), 0],
  [BigInt(vhostRequests.VHOST_RESET_OWNER), 0],
  [BigInt(vhostRequests.VHOST_SET_LOG_BASE), 8],
  [BigInt(vhostRequests.VHOST_SET_VRING_NUM), 8],
  [BigInt(vhostRequests.VHOST_SET_VRING_ADDR), 40],
  [BigInt(vhostRequests.VHOST_SET_VRING_BASE), 8],
  [BigInt(vhostRequests.VHOST_GET_VRING_BASE), 8],
]);

const refusedBy = (error: number, requirement: RequirementSlug): Outcome => ({ allowed: -error, requirement });

/** What the messages of a device change, and what they may come to. */
export class RequestModel {
  readonly #facts: MdevFacts;
  readonly #mapped: () => readonly Range[];
  readonly #rings: ToldRing[];
  #table: readonly Range[] = [];
  /** Undefined where it is not known. */
  #features: bigint | undefined = 0n;
  #isRunning: boolean | undefined = false;

  constructor(facts: MdevFacts, mapped: () => readonly Range[]) {
    this.#facts = facts;
    this.#mapped = mapped;
    this.#rings = Array.from({ length: facts.rings }, newRing);
  }

  get isRunning(): boolean | undefined {
    return this.#isRunning;
  }

  /** As the device was made. */
  reset(): void {
    this.#rings.fill(newRing());
    for (let index = 0; index < this.#rings.length; index++) this.#rings[index] = newRing();
    this.#table = [];
    this.#features = 0n;
    this.#isRunning = false;
  }

  /** @param size bytes of payload that came; behind them `payload` is zero. */
  outcomeOf(request: bigint, payload: DataView, size: number): Outcome {
    const { shape } = this.#facts;
    if (request === BigInt(vhostRequests.VHOST_SET_MEM_TABLE)) {
      if (shape.memory === 'table') return this.#tableTold(payload, size);
      return {
        allowed: 0,
        requirement: size === 1024 ? 'vm-channel/l2-payload-of-1024-taken' : 'vm-memory/l2-table-ignored',
      };
    }
    if (request === BigInt(vhostRequests.VHOST_DEVICE_SET_STATE)) {
      if (size !== 4 && size !== 8) return refusedBy(errno.EINVAL, 'vm-channel/payload-size-checked');
      return this.#stateTold(payload.getBigUint64(0, true), size);
    }
    const wanted = payloadSizes.get(request);
    if (wanted === undefined) {
      const isCut = payloadSizes.has(request & 0xffff_ffffn);
      return refusedBy(errno.EINVAL, isCut ? 'vm-channel/request-has-64-bits' : 'vm-channel/unknown-request-refused');
    }
    if (size !== wanted) return refusedBy(errno.EINVAL, 'vm-channel/payload-size-checked');
    switch (Number(request)) {
      case vhostRequests.VHOST_GET_FEATURES:
        return this.#featuresAsked();
      case vhostRequests.VHOST_SET_FEATURES:
        return this.#featuresTold(payload.getBigUint64(0, true));
      case vhostRequests.VHOST_SET_LOG_BASE:
        return { allowed: 0, requirement: 'vm-channel/log-base-taken' };
      case vhostRequests.VHOST_GET_VRING_BASE:
        return this.#baseAsked(payload.getUint32(0, true));
      case vhostRequests.VHOST_SET_VRING_NUM:
      case vhostRequests.VHOST_SET_VRING_BASE:
      case vhostRequests.VHOST_SET_VRING_ADDR:
        return this.#ringTold(Number(request), payload);
    }
    return { allowed: 0, requirement: 'vm-channel/owner-messages-taken' };
  }

  get #isPacked(): boolean | undefined {
    return this.#features === undefined ? undefined : (this.#features & packedBit) !== 0n;
  }

  #featuresAsked(): Outcome {
    const payload = encodeStructure(u64Payload, { u64: this.#facts.offered });
    const requirement = 'vm-channel/features-are-the-same-again';
    return { allowed: 0, requirement, answer: { payload, isOpen: false, requirement } };
  }

  #featuresTold(word: bigint): Outcome {
    const { offered } = this.#facts;
    const isUnoffered = (word & ~offered) !== 0n;
    if (this.#isRunning === true) {
      const requirement = 'vm-channel/features-while-running-refused';
      return { allowed: isUnoffered ? 'error' : -errno.EBUSY, requirement };
    }
    if (isUnoffered) return refusedBy(errno.EINVAL, 'vm-channel/unoffered-features-refused');
    const isSound = this.#isRunning === false && (word === 0n || word === offered);
    return {
      allowed: isSound ? 0 : 'any',
      requirement: 'vm-channel/offered-features-taken',
      apply: () => {
        this.#features = word;
      },
    };
  }

  #baseAsked(index: number): Outcome {
    const ring = this.#rings[index];
    if (ring === undefined) return refusedBy(errno.ENOBUFS, 'vm-rings/base-of-missing-ring-refused');
    const isMoving = ring.isStarted && this.#isRunning !== false;
    const base = isMoving ? undefined : ring.base;
    const payload = encodeStructure(vringStatePayload, { index, num: base ?? 0 });
    const requirement = ring.isBaseTold ? 'vm-rings/base-is-told-back' : 'vm-rings/base-never-told-is-zero';
    return {
      allowed: 0,
      requirement: isMoving ? 'vm-state/base-reads-before-stop' : 'vm-state/stop-before-base-reads',
      apply: () => {
        // A ring that was asked while it ran rests from then on.
        ring.isStarted = false;
        if (isMoving) ring.base = undefined;
      },
      answer: {
        payload,
        isOpen: base === undefined,
        requirement,
        learn: (told) => {
          ring.base ??= told.getUint32(4, true);
          ring.isBaseTold = true;
        },
      },
    };
  }

  #ringTold(request: number, payload: DataView): Outcome {
    const index = payload.getUint32(0, true);
    const ring = this.#rings[index];
    if (ring === undefined) {
      const allowed = this.#isRunning === false ? -errno.ENOBUFS : 'error';
      return { allowed, requirement: 'vm-rings/missing-ring-refused' };
    }
    switch (request) {
      case vhostRequests.VHOST_SET_VRING_NUM:
        return this.#sizeTold(ring, payload.getUint32(4, true));
      case vhostRequests.VHOST_SET_VRING_BASE:
        return this.#baseTold(ring, payload.getUint32(4, true));
    }
    const [descriptor, used, available] = [8, 16, 24].map((at) => payload.getBigUint64(at, true)) as [
      bigint,
      bigint,
      bigint,
    ];
    const hasFlags = payload.getUint32(4, true) !== 0;
    return (
      this.#whileRunning('vm-rings/addr-while-running-refused') ?? {
        allowed: 0,
        requirement: hasFlags ? 'vm-rings/address-flags-ignored' : 'vm-memory/memory-may-come-after-rings',
        apply: () => {
          ring.addresses = { descriptor, used, available };
        },
      }
    );
  }

  #sizeTold(ring: ToldRing, size: number): Outcome {
    const running = this.#whileRunning('vm-rings/num-while-running-refused', !isRingSize(size, true));
    if (running !== undefined) return running;
    const isPacked = this.#isPacked;
    if (!isRingSize(size, isPacked ?? true)) return refusedBy(errno.EINVAL, 'vm-rings/bad-size-refused');
    const isOpen = isPacked === undefined && !isRingSize(size, false);
    return {
      allowed: isOpen ? 'any' : 0,
      requirement: size === 0 ? 'vm-rings/size-zero-takes-ring-out' : 'vm-rings/sizes-are-powers-of-two',
      apply: () => {
        // Where it goes on is a slot of the ring that it was.
        ring.mayLieBeyond ||= ring.base === undefined && size < ring.size;
        ring.size = size;
      },
    };
  }

  #baseTold(ring: ToldRing, base: number): Outcome {
    const isLarge = base > splitBases && this.#isPacked !== true;
    const running = this.#whileRunning('vm-rings/base-set-while-running-refused', isLarge);
    if (running !== undefined) return running;
    if (isLarge && this.#isPacked === false) return refusedBy(errno.EINVAL, 'vm-rings/base-beyond-16-bits-refused');
    return {
      allowed: isLarge ? 'any' : 0,
      requirement: 'vm-rings/ring-messages-in-any-order',
      apply: () => {
        ring.base = base;
        ring.mayLieBeyond = false;
        ring.isBaseTold = true;
      },
    };
  }

  #whileRunning(requirement: RequirementSlug, isWrong = false): Outcome | undefined {
    switch (this.#isRunning) {
      case true:
        return { allowed: isWrong ? 'error' : -errno.EBUSY, requirement };
      case undefined:
        return { allowed: 'any', requirement };
      case false:
        return undefined;
    }
  }

  #tableTold(payload: DataView, size: number): Outcome {
    const count = payload.getUint32(0, true);
    const isLong = count > MDEV_MEMORY_REGIONS_MAXIMUM;
    if (isLong)
      return {
        allowed: size === 8 + 32 * count ? -errno.E2BIG : 'error',
        requirement: 'vm-memory/l1-table-beyond-64-refused',
      };
    if (size !== 8 + 32 * count) return refusedBy(errno.EINVAL, 'vm-memory/l1-table-size-checked');
    const regions = Array.from({ length: count }, (_, n) => {
      const [guest, bytes, user, flags] = [0, 8, 16, 24].map((at) => payload.getBigUint64(8 + 32 * n + at, true)) as [
        bigint,
        bigint,
        bigint,
        bigint,
      ];
      return { guest: { start: guest, size: bytes }, user: { start: user, size: bytes }, flags };
    });
    const problems: Outcome[] = [];
    if (payload.getUint32(4, true) !== 0 || regions.some(({ flags }) => flags !== 0n)) {
      problems.push(refusedBy(errno.EINVAL, 'vm-memory/l1-padding-refused'));
    }
    if (regions.some(({ user }) => user.size === 0n)) {
      problems.push(refusedBy(errno.EINVAL, 'vm-memory/l1-empty-region-refused'));
    }
    const clash = regions.some((one, at) =>
      regions.slice(0, at).some((other) => overlaps(one.guest, other.guest) || overlaps(one.user, other.user)),
    );
    if (clash) problems.push(refusedBy(errno.EINVAL, 'vm-memory/l1-overlapping-regions-refused'));
    if (regions.some(({ user }) => user.size > 0n && !this.#facts.isMemory(user.start, user.size))) {
      problems.push(refusedBy(errno.EFAULT, 'vm-memory/l1-memory-nowhere-refused'));
    }
    const [first] = problems;
    if (first !== undefined) return problems.length === 1 ? first : { ...first, allowed: 'error' };
    return {
      allowed: 0,
      requirement: this.#tableTakenBy(count),
      apply: () => {
        this.#table = regions.map(({ user }) => user);
        // Rings that do not lie in it any more rest.
        this.#memoryChanged();
      },
    };
  }

  #tableTakenBy(count: number): RequirementSlug {
    if (count === MDEV_MEMORY_REGIONS_MAXIMUM) return 'vm-memory/l1-table-of-64-regions-taken';
    return this.#isRunning === false
      ? 'vm-memory/l1-table-replaces-one-before'
      : 'vm-memory/l1-table-while-running-taken';
  }

  /** While a device runs, rings are where memory is; where that changed, their bases are asked for anew. */
  #memoryChanged(): void {
    for (const ring of this.#rings) if (ring.isStarted) ring.base = undefined;
  }

  mappingsChanged(): void {
    if (this.#facts.shape.memory === 'container') this.#memoryChanged();
  }

  #stateTold(state: bigint, size: number): Outcome {
    const small: RequirementSlug | undefined = size === 4 ? 'vm-channel/state-of-4-bytes-taken' : undefined;
    if (state > 1n) {
      const isCut = (state & 0xffff_ffffn) <= 1n;
      return refusedBy(errno.EINVAL, isCut ? 'vm-state/state-has-64-bits' : 'vm-state/unknown-state-refused');
    }
    if (state === 0n) {
      const requirement = this.#isRunning === false ? 'vm-state/stop-again-is-nothing' : 'vm-state/stop-ends-service';
      return { allowed: 0, requirement: small ?? requirement, apply: () => this.#stopped() };
    }
    if (this.#isRunning === true) return { allowed: 0, requirement: small ?? 'vm-state/start-again-is-nothing' };
    const memory = this.#facts.shape.memory === 'table' ? this.#table : this.#mapped();
    const isPacked = this.#isPacked;
    const rule = startRule(this.#rings, memory, isPacked ?? false);
    const isOpen = isPacked === undefined || this.#isRunning === undefined;
    return {
      allowed: isOpen ? 'any' : rule.allowed,
      requirement: rule.allowed === 0 ? (small ?? rule.requirement) : rule.requirement,
      apply: () => this.#started(),
    };
  }

  #started(): void {
    this.#isRunning = true;
    for (const ring of this.#rings) ring.isStarted = ring.size !== 0 && ring.addresses !== undefined;
  }

  #stopped(): void {
    this.#isRunning = false;
    for (const ring of this.#rings) {
      if (ring.isStarted) ring.base = undefined;
      ring.isStarted = false;
    }
  }
}
