import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import {
  isTransmitQueue,
  VIRTIO_NET_CTRL_NOTF_COAL_RX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_TX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_VQ_NOTF_COAL,
  VIRTIO_NET_OK,
} from '../../devices/net-layout.ts';
import type { Completion, DeviceModelOptions, Pending } from './device-model.ts';
import { isControlQueue } from './net-queues.ts';

/** The parameters of a queue, as bytes, and the rule by which it has them. */
interface Kept {
  readonly parameters: string;
  readonly requirement: RequirementSlug;
}

const parameterBytes = 8;
/** The number of a queue, and a field that the device ignores. */
const queueBytes = 4;
const reservedAt = 2;

const behindReset: Kept = {
  parameters: new Array(parameterBytes).fill(0).join(),
  requirement: 'net/reset-clears-coalescing',
};

export interface CoalescingOptions extends DeviceModelOptions {
  /** Pairs of queues that the device has, where that is known. */
  readonly pairs: number | undefined;
}

/**
 * Parameters of notification coalescing (virtio 5.1.9.5.10): a device may refuse them, and what it took it has. Which
 * notifications it leaves out by them is its choice.
 */
export class CoalescingModel {
  readonly #options: CoalescingOptions;
  /** By queue that is in use; undefined where it is not known. */
  readonly #kept = new Map<number, Kept | undefined>();
  /** Parameters for a queue that were taken. */
  readonly #taken = new Set<string>();
  #underWay = 0;
  /** Each queue that is in use is known. */
  #isUseKnown = true;
  /** A command set parameters, or may have. */
  #isSet = false;

  constructor(options: CoalescingOptions) {
    this.#options = options;
  }

  reset(): void {
    this.#kept.clear();
    this.#taken.clear();
    this.#isSet = false;
    this.#isUseKnown = true;
  }

  /** Nothing is known of the parameters any more, nor which queues are in use. */
  lose(): void {
    this.#isSet = true;
    this.#isUseKnown = false;
    for (const queue of this.#kept.keys()) this.#kept.set(queue, undefined);
  }

  /** A queue that comes back has what its direction has: that is not followed. */
  queueTurned(queue: number, isOn: boolean): void {
    if (!isOn) this.#kept.set(queue, undefined);
    else if (!this.#kept.has(queue)) this.#kept.set(queue, behindReset);
  }

  /** A queue for packets has parameters other than those behind a reset, or may have. */
  maySaveCalls(queue: number, features: bigint): boolean {
    const canHave = (features & (VIRTIO_NET_F_NOTF_COAL | VIRTIO_NET_F_VQ_NOTF_COAL)) !== 0n;
    return canHave && this.#isSet && !isControlQueue(queue, features, this.#options.pairs);
  }

  begin(command: number, data: Uint8Array, room: number, features: bigint): Pending {
    // Of two that are under way, either may be the first.
    if (this.#underWay++ > 0) this.lose();
    if (command !== VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET) this.#isSet = true;
    const complete = this.#completed(command, data, room, features);
    if (complete === undefined) this.lose();
    return {
      isOwed: complete !== undefined,
      complete: (completion) => {
        this.#underWay--;
        if (complete === undefined) this.#options.take('undefined-request');
        else complete(completion);
      },
    };
  }

  /** Judges what came of a sound command; undefined for any other. */
  #completed(
    command: number,
    data: Uint8Array,
    room: number,
    features: bigint,
  ): ((completion: Completion) => void) | undefined {
    const isOfAll = command === VIRTIO_NET_CTRL_NOTF_COAL_TX_SET || command === VIRTIO_NET_CTRL_NOTF_COAL_RX_SET;
    if (isOfAll) {
      if ((features & VIRTIO_NET_F_NOTF_COAL) === 0n || data.length !== parameterBytes) return undefined;
      return ({ written }) => this.#setAll(command === VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, data.join(), written);
    }
    if ((features & VIRTIO_NET_F_VQ_NOTF_COAL) === 0n) return undefined;
    const queue = (data[0] ?? 0) | ((data[1] ?? 0) << 8);
    const { pairs } = this.#options;
    const isForPackets = this.#kept.has(queue) && !isControlQueue(queue, features, pairs);
    const isOpen = !this.#isUseKnown && (pairs === undefined || queue < 2 * pairs);
    const isReserved = data[reservedAt] !== 0 || data[reservedAt + 1] !== 0;
    const isSet = command === VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET && data.length === queueBytes + parameterBytes;
    const isGet = command === VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET && data.length === queueBytes && room > parameterBytes;
    if ((isSet || isGet) && !isForPackets && isOpen) return () => undefined;
    if ((isSet || isGet) && !isForPackets) return ({ written }) => this.#tellTaken(queue, written);
    if (isSet) return ({ written }) => this.#setOne(queue, data.subarray(queueBytes).join(), isReserved, written);
    return isGet ? ({ written }) => this.#got(queue, written) : undefined;
  }

  #setAll(isTransmit: boolean, parameters: string, [acknowledgement]: Uint8Array): void {
    for (const queue of this.#kept.keys()) {
      if (isTransmitQueue(queue) !== isTransmit || acknowledgement !== VIRTIO_NET_OK) continue;
      this.#kept.set(queue, { parameters, requirement: 'net/failed-coalescing-set-yields-err' });
    }
  }

  #setOne(queue: number, parameters: string, isReserved: boolean, [acknowledgement]: Uint8Array): void {
    const isTaken = acknowledgement === VIRTIO_NET_OK;
    const key = `${queue}: ${parameters}`;
    if (isTaken) {
      if (!isReserved) this.#taken.add(key);
      this.#kept.set(queue, { parameters, requirement: 'net/failed-queue-coalescing-set-yields-err' });
    } else if (isReserved && this.#taken.has(key)) {
      const what = `parameters for queue ${queue} that it took before, beside a reserved field that is not 0`;
      const requirement = 'net/coalescing-reserved-field-ignored';
      this.#options.tell({ requirement, what, expected: 'taken again', actual: 'refused' });
    }
  }

  #got(queue: number, written: Uint8Array): void {
    const isTaken = written[0] === VIRTIO_NET_OK;
    const kept = this.#kept.get(queue);
    const parameters = written.subarray(1, 1 + parameterBytes).join();
    if (!isTaken || kept === undefined || parameters === kept.parameters) return;
    const what = `parameters of queue ${queue}`;
    this.#options.tell({ requirement: kept.requirement, what, expected: kept.parameters, actual: parameters });
  }

  /** Virtio 5.1.9.5.10: a queue that is not in use, or for commands, has no such parameters. */
  #tellTaken(queue: number, [acknowledgement]: Uint8Array): void {
    if (acknowledgement !== VIRTIO_NET_OK) return;
    const what = `the acknowledgement of a command for queue ${queue}, which is none for packets that is in use`;
    const requirement = 'net/coalescing-wrong-queue-yields-err';
    this.#options.tell({ requirement, what, expected: 'VIRTIO_NET_ERR', actual: 'VIRTIO_NET_OK' });
  }
}
