import { VHOST_USER_SHMEM_REGIONS } from '../wire/vhost-user-constants.ts';
import { mmapPayload, type PayloadValue, shmemConfigPayload } from '../wire/vhost-user-payloads.ts';
import type { BackEndEdge, DescriptorToken } from './back-end-edge.ts';
import type { NegotiatedState } from './negotiated-state.ts';
import { backEndRequest, encoded } from './reply-payloads.ts';

type Mapping = PayloadValue<typeof mmapPayload>;

/** VIRTIO shared memory regions of the device, and what it has mapped into them (VHOST_USER_GET_SHMEM_CONFIG). */
export interface SharedMemoryRules {
  /** Sizes of the regions, by their ids; `again` tells that the front-end asked before on its connection. */
  readonly sizes: (pageSize: number, again: boolean) => readonly number[];
  /** Whether nothing is mapped without BACKEND_SEND_FD, by which alone a page can be passed. */
  readonly needsSendFd: boolean;
  /** What is asked to be mapped, and to be unmapped. */
  readonly mapped: (mapping: Mapping) => Mapping;
  readonly unmapped: (mapping: Mapping) => Mapping;
  /** Whether what is mapped is unmapped before a ring stops. */
  readonly unmapsAtStop: boolean;
}

const pagesOfRegion = 4;

export const sharedMemoryRules: SharedMemoryRules = {
  sizes: (pageSize) => [pagesOfRegion * pageSize],
  needsSendFd: true,
  mapped: (mapping) => mapping,
  unmapped: (mapping) => mapping,
  unmapsAtStop: true,
};

interface MappingSession extends NegotiatedState {
  readonly edge: BackEndEdge;
  readonly backEndChannel: DescriptorToken | undefined;
  readonly rules: { readonly sharedMemory: SharedMemoryRules };
}

/** Region 0, whose second page is mapped while rings run. */
export class SharedMemoryRegions {
  readonly #session: MappingSession;
  #wasAsked = false;
  #mapping: Mapping | undefined;

  constructor(session: MappingSession) {
    this.#session = session;
  }

  /** The reply to GET_SHMEM_CONFIG. */
  configuration(): Uint8Array {
    const { edge, rules } = this.#session;
    const sizes = rules.sharedMemory.sizes(edge.pageSize, this.#wasAsked);
    this.#wasAsked = true;
    const memorySizes = Array.from({ length: VHOST_USER_SHMEM_REGIONS }, (_, id) => BigInt(sizes[id] ?? 0));
    return encoded(shmemConfigPayload, { numRegions: sizes.length, memorySizes });
  }

  /** A ring runs. */
  map(): void {
    const { edge, backEndChannel, rules } = this.#session;
    if (backEndChannel === undefined || this.#mapping !== undefined || !this.#isShown) return;
    const { token, memory } = edge.createSharedPage('vhost-user-shmem');
    memory.unmap();
    const page = BigInt(edge.pageSize);
    this.#mapping = { shmid: 0, fdOffset: 0n, shmOffset: page, len: page, flags: 0n };
    const message = backEndRequest(
      'VHOST_USER_BACKEND_SHMEM_MAP',
      mmapPayload,
      rules.sharedMemory.mapped(this.#mapping),
    );
    edge.sendRequest(backEndChannel, message, [token]);
    edge.close(token);
  }

  /** A ring is about to stop, perhaps the last. */
  unmap(): void {
    const { edge, backEndChannel, rules } = this.#session;
    const mapping = this.#mapping;
    this.#mapping = undefined;
    if (mapping === undefined || !rules.sharedMemory.unmapsAtStop) return;
    const asked = rules.sharedMemory.unmapped(mapping);
    // It was mapped by way of a channel, which another may have replaced.
    edge.sendRequest(
      backEndChannel as DescriptorToken,
      backEndRequest('VHOST_USER_BACKEND_SHMEM_UNMAP', mmapPayload, asked),
    );
  }

  /** A reset: the front-end unmaps by itself. */
  forget(): void {
    this.#mapping = undefined;
  }

  get #isShown(): boolean {
    const session = this.#session;
    const canPass =
      session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD') || !session.rules.sharedMemory.needsSendFd;
    return session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_SHMEM') && canPass;
  }
}
