import type { BackEndEdge, DescriptorToken } from './back-end-edge.ts';
import type { ConfigRules } from './config-rules.ts';
import type { NegotiatedState } from './negotiated-state.ts';
import { configChangeMessage } from './reply-payloads.ts';

interface ChangingSession extends NegotiatedState {
  readonly edge: BackEndEdge;
  readonly backEndChannel: DescriptorToken | undefined;
  readonly rules: { readonly config: ConfigRules };
}

/** Changes of configuration space that no driver has made. A suspended device tells of them once a ring runs. */
export class ConfigChanges {
  readonly #session: ChangingSession;
  #isUntold = false;

  constructor(session: ChangingSession) {
    this.#session = session;
  }

  changed(isSuspended: boolean): void {
    this.#isUntold = true;
    if (!isSuspended) this.tell();
  }

  /** A ring runs. */
  tell(): void {
    const { edge, backEndChannel, rules } = this.#session;
    if (!this.#isUntold || backEndChannel === undefined || !rules.config.announcesChanges) return;
    if (!this.#session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_CONFIG')) return;
    this.#isUntold = false;
    edge.sendRequest(backEndChannel, configChangeMessage());
  }
}
