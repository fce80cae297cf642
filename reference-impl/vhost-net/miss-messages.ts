import type { IotlbFault } from '../memory/memory-map.ts';
import { errno } from '../wire/errno.ts';
import {
  IOTLB_MESSAGE_SIZE,
  iotlbBytes,
  VHOST_ACCESS_RO,
  VHOST_ACCESS_WO,
  VHOST_IOTLB_MISS,
} from '../wire/vdpa-structures.ts';
import type { VhostNetMissRules } from './vhost-net-rules.ts';

/** Messages for the user, which tell of translations that are missing. */
export class MissMessages {
  readonly #rules: VhostNetMissRules;
  readonly #waiting: Uint8Array[] = [];

  constructor(rules: VhostNetMissRules) {
    this.#rules = rules;
  }

  tell({ ioVirtualAddress, access }: IotlbFault, hasVersion2: boolean): void {
    if (!this.#rules.tells) return;
    const message = {
      request: VHOST_IOTLB_MISS,
      ioVirtualAddress: this.#rules.addressOf(ioVirtualAddress),
      permission: access === 'read' ? VHOST_ACCESS_RO : VHOST_ACCESS_WO,
    };
    this.#waiting.push(iotlbBytes(message, this.#rules.typeOf(hasVersion2)));
  }

  /** The next message, or an error number negated. A place that is too short for any gets nothing. */
  read(length: number): Uint8Array | number {
    if (length < IOTLB_MESSAGE_SIZE) return 0;
    return this.#waiting.shift() ?? -errno.EAGAIN;
  }

  forget(): void {
    this.#waiting.length = 0;
  }
}
