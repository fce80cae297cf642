import { vringAreaPayload } from '../wire/vhost-user-payloads.ts';
import type { BackEndEdge, DescriptorToken, SharedPage } from './back-end-edge.ts';
import type { NegotiatedState } from './negotiated-state.ts';
import { backEndRequest } from './reply-payloads.ts';

/** A page that tells of buffers, as the front-end is told of it. */
export interface NotifierArea {
  readonly index: number;
  readonly size: number;
}

/** Pages through which a driver kicks without the front-end (VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG). */
export interface HostNotifierRules {
  readonly told: (area: NotifierArea) => NotifierArea;
  /** Whether nothing is told without BACKEND_SEND_FD, by which alone the page can be passed. */
  readonly needsSendFd: boolean;
  /** What travels along with the message. */
  readonly passed: (page: DescriptorToken) => readonly DescriptorToken[];
  /** Whether what a driver stores in a page is a kick. */
  readonly isKick: boolean;
}

export const hostNotifierRules: HostNotifierRules = {
  told: (area) => area,
  needsSendFd: true,
  passed: (page) => [page],
  isKick: true,
};

interface NotifyingSession extends NegotiatedState {
  readonly edge: BackEndEdge;
  readonly backEndChannel: DescriptorToken | undefined;
  readonly rules: { readonly hostNotifier: HostNotifierRules };
}

/** No queue has this index: nothing was stored since. */
const nothingStored = 0xffff;

/** A page for each ring that was started, for as long as the connection lasts. A driver stores the ring's index in its first 16 bits. */
export class HostNotifiers {
  readonly #session: NotifyingSession;
  /** By the index of their ring. They must be looked at. */
  readonly pages = new Map<number, SharedPage>();

  constructor(session: NotifyingSession) {
    this.#session = session;
  }

  /** Tells the front-end of the page of a ring, the same at each start. */
  tell(index: number): void {
    const { edge, backEndChannel, rules, isKickedByPages } = this.#wishes;
    if (backEndChannel === undefined || !isKickedByPages) return;
    const page = this.pages.get(index) ?? this.#made(index);
    const area = rules.hostNotifier.told({ index, size: edge.pageSize });
    const value = { u64: BigInt(area.index), size: BigInt(area.size), offset: 0n };
    const message = backEndRequest('VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG', vringAreaPayload, value);
    edge.sendRequest(backEndChannel, message, rules.hostNotifier.passed(page.token));
  }

  /** The rings whose page has been stored to since this was last asked. */
  takeKicks(): number[] {
    const kicked: number[] = [];
    for (const [index, { memory }] of this.pages) {
      const [low = 0xff, high = 0xff] = memory.bytes;
      if ((low | (high << 8)) === nothingStored) continue;
      memory.bytes.fill(0xff, 0, 2);
      if (this.#session.rules.hostNotifier.isKick) kicked.push(index);
    }
    return kicked;
  }

  release(): void {
    for (const { token, memory } of this.pages.values()) {
      memory.unmap();
      this.#session.edge.close(token);
    }
    this.pages.clear();
  }

  get #wishes() {
    const session = this.#session;
    const { edge, backEndChannel, rules } = session;
    const canPass =
      session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD') || !rules.hostNotifier.needsSendFd;
    const isKickedByPages = session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_HOST_NOTIFIER') && canPass;
    return { edge, backEndChannel, rules, isKickedByPages };
  }

  #made(index: number): SharedPage {
    const page = this.#session.edge.createSharedPage('vhost-user-notifier');
    page.memory.bytes.fill(0xff, 0, 2);
    this.pages.set(index, page);
    return page;
  }
}
