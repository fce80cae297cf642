import type { IotlbFault } from '../memory/memory-map.ts';
import type { BackEndEdge, DescriptorToken } from './back-end-edge.ts';
import type { FrontEndMemory } from './front-end-memory.ts';
import type { IotlbReport, IotlbRules } from './iotlb-rules.ts';
import { iotlbReportMessage } from './reply-payloads.ts';

interface ReportingSession {
  readonly edge: BackEndEdge;
  readonly memory: FrontEndMemory;
  readonly backEndChannel: DescriptorToken | undefined;
  readonly rules: { readonly iotlb: IotlbRules };
}

/**
 * Tells the front-end of accesses that the IOTLB does not let through: each once, until translations of that place change.
 * An answer to one is not to repeat the others: front-ends answer each report, and would never come to an end.
 */
export class IotlbReports {
  readonly #session: ReportingSession;
  readonly #told = new Map<string, bigint>();

  constructor(session: ReportingSession) {
    this.#session = session;
  }

  /** Reports the last access that failed. Without a channel of the back-end there is no way to. */
  report(kind: IotlbReport): void {
    const { edge, memory, backEndChannel, rules } = this.#session;
    // The access that is reported has just failed in this map.
    const lastFault = memory.map.lastFault as IotlbFault;
    const key = `${kind} ${lastFault.ioVirtualAddress} ${lastFault.access}`;
    if (this.#told.has(key)) return;
    this.#told.set(key, lastFault.ioVirtualAddress);
    for (const told of rules.iotlb.reported(kind, lastFault)) {
      edge.sendRequest(backEndChannel, iotlbReportMessage(kind, told));
    }
  }

  /** Translations of this range came or went. */
  forgetWithin(ioVirtualAddress: bigint, size: bigint): void {
    for (const [key, at] of this.#told) {
      if (at >= ioVirtualAddress && at < ioVirtualAddress + size) this.#told.delete(key);
    }
  }

  forget(): void {
    this.#told.clear();
  }
}
