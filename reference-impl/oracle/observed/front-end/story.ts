import type { RegionDescription } from '../../../vhost-user/memory-rules.ts';
import { areaSizes, ringAreasAt } from '../../../vhost-user/vring-rules.ts';
import { ringLayoutOf, VIRTIO_F_ACCESS_PLATFORM } from '../../../virtqueue/feature-bits.ts';
import { type RingArea, type RingLayout, ringAreas } from '../../../virtqueue/ring.ts';
import type { FrontEndRequest } from '../../../wire/decoded-message.ts';
import type { NegotiatedContext } from '../../../wire/message-description.ts';
import { type FrontEndMessageName, requestId } from '../../../wire/vhost-user-messages.ts';

/** What a front-end told of a ring. */
export interface ToldRing {
  size: number | undefined;
  areas: Readonly<Record<RingArea, bigint>> | undefined;
  isStarted: boolean;
}

export interface AreaPlace {
  readonly area: RingArea;
  readonly address: bigint;
  readonly size: number;
}

/** What the back-end offers and has. */
export interface Offer {
  /** The type of the device, as in a target's facts. */
  readonly device: string;
  readonly features: bigint;
  readonly protocolFeatures: bigint;
  readonly rings: number;
  readonly memorySlots: number;
}

/** What a front-end has said so far on its connection, as far as its back-end took it. */
export class FrontEndStory {
  readonly offer: Offer;
  hasOwner = false;
  askedForFeatures = false;
  /** Undefined before SET_FEATURES. */
  features: bigint | undefined;
  /** Undefined before SET_PROTOCOL_FEATURES. */
  protocolFeatures: bigint | undefined;
  status = 0;
  regions: readonly RegionDescription[] = [];
  #isPostcopyListening = false;
  /** The request whose reply, in postcopy, the front-end answers with a message of the same number. */
  #owedAcknowledgement: FrontEndMessageName | undefined;
  readonly #rings = new Map<number, ToldRing>();

  constructor(offer: Offer) {
    this.offer = offer;
  }

  /** What was negotiated, for the decoder: what was never told is not set. */
  get context(): NegotiatedContext {
    return {
      offeredFeatures: this.askedForFeatures ? this.offer.features : 0n,
      features: this.features ?? 0n,
      protocolFeatures: this.protocolFeatures ?? 0n,
    };
  }

  get layout(): RingLayout {
    return ringLayoutOf(this.features ?? 0n);
  }

  get translates(): boolean {
    return ((this.features ?? 0n) & VIRTIO_F_ACCESS_PLATFORM) !== 0n;
  }

  get rings(): ReadonlyMap<number, ToldRing> {
    return this.#rings;
  }

  ring(index: number): ToldRing {
    let ring = this.#rings.get(index);
    if (ring === undefined) {
      ring = { size: undefined, areas: undefined, isStarted: false };
      this.#rings.set(index, ring);
    }
    return ring;
  }

  /** The first area of a ring that does not lie in one of these regions; undefined where all do. */
  areaOutside({ size, areas }: ToldRing, regions: readonly RegionDescription[]): AreaPlace | undefined {
    if (size === undefined || areas === undefined) return undefined;
    const sizes = areaSizes(this.layout, Math.max(1, size));
    const places = ringAreas.map((area) => ({
      area,
      address: areas[area],
      size: sizes[area],
    }));
    return places.find((place) => !regions.some((region) => contains(region, place.address, BigInt(place.size))));
  }

  /** The regions once a message is carried out. */
  regionsAfter(request: FrontEndRequest): readonly RegionDescription[] {
    switch (request.name) {
      case 'VHOST_USER_SET_MEM_TABLE':
        return request.value.regions;
      case 'VHOST_USER_ADD_MEM_REG':
        return [...this.regions, request.value];
      case 'VHOST_USER_REM_MEM_REG': {
        const { value } = request;
        return this.regions.filter((region) => !isSameRegion(region, value));
      }
      default:
        return this.regions;
    }
  }

  /**
   * Whether a message is no request, but says that the reply to the memory table before it came, or the replies to regions
   * that were added (postcopy). It is empty, or a u64.
   */
  takesAcknowledgement(request: number, bytes: number): boolean {
    const owed = this.#owedAcknowledgement;
    if (owed === undefined || requestId[owed] !== request || (bytes !== 0 && bytes !== 8)) return false;
    this.#owedAcknowledgement = undefined;
    return true;
  }

  /** Takes a message that was carried out. */
  take(request: FrontEndRequest): void {
    switch (request.name) {
      case 'VHOST_USER_POSTCOPY_LISTEN':
        this.#isPostcopyListening = true;
        break;
      case 'VHOST_USER_POSTCOPY_END':
        this.#isPostcopyListening = false;
        this.#owedAcknowledgement = undefined;
        break;
      case 'VHOST_USER_GET_FEATURES':
        this.askedForFeatures = true;
        break;
      case 'VHOST_USER_SET_FEATURES':
        this.features = request.value.u64;
        break;
      case 'VHOST_USER_SET_PROTOCOL_FEATURES':
        this.protocolFeatures = request.value.u64;
        break;
      case 'VHOST_USER_SET_OWNER':
        this.hasOwner = true;
        break;
      case 'VHOST_USER_SET_MEM_TABLE':
      case 'VHOST_USER_ADD_MEM_REG':
      case 'VHOST_USER_REM_MEM_REG':
        this.regions = this.regionsAfter(request);
        if (this.#isPostcopyListening && request.name !== 'VHOST_USER_REM_MEM_REG') {
          this.#owedAcknowledgement = request.name;
        }
        break;
      case 'VHOST_USER_SET_STATUS':
        this.status = Number(request.value.u64 & 0xffn);
        if (this.status === 0) this.#reset();
        break;
      case 'VHOST_USER_RESET_DEVICE':
        this.#reset();
        break;
      default:
        this.#takeOfRing(request);
    }
  }

  #takeOfRing(request: FrontEndRequest): void {
    switch (request.name) {
      case 'VHOST_USER_SET_VRING_NUM':
        this.ring(request.value.index).size = request.value.num;
        break;
      case 'VHOST_USER_SET_VRING_ADDR': {
        const { index, descriptor, available, used } = request.value;
        this.ring(index).areas = ringAreasAt({ desc: descriptor, avail: available, used });
        break;
      }
      case 'VHOST_USER_SET_VRING_KICK':
        this.ring(Number(request.value.u64 & 0xffn)).isStarted = true;
        break;
      case 'VHOST_USER_VRING_KICK':
        this.ring(request.value.index).isStarted = true;
        break;
      case 'VHOST_USER_GET_VRING_BASE':
      case 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN':
        this.ring(request.value.index).isStarted = false;
        break;
      default:
    }
  }

  #reset(): void {
    this.status = 0;
    for (const ring of this.#rings.values()) ring.isStarted = false;
  }
}

export const isSameRegion = (one: RegionDescription, other: RegionDescription): boolean =>
  one.guestAddress === other.guestAddress && one.userAddress === other.userAddress && one.size === other.size;

export const contains = (region: RegionDescription, userAddress: bigint, size: bigint): boolean =>
  region.userAddress <= userAddress && userAddress + size <= region.userAddress + region.size;
