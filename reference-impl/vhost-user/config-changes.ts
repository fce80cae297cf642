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
  readonly #untold: Uint8Array[] = [];

  constructor(session: ChangingSession) {
    this.#session = session;
  }

  changed(isSuspended: boolean): void {
    this.#untold.push(configChangeMessage());
    if (!isSuspended || this.#session.rules.config.announcesWhileSuspended) this.tell();
  }

  /** A ring runs. */
  tell(): void {
    const { edge, backEndChannel, rules } = this.#session;
    if (!rules.config.announcesChanges || !this.#session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_CONFIG')) return;
    for (const message of this.#untold.splice(0)) edge.sendRequest(backEndChannel, message);
  }
}
