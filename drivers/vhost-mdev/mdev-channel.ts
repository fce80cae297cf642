import { errno } from '../../reference-impl/vhost-mdev/error-numbers.ts';
import {
  encodeMdevMessage,
  MDEV_HEADER_SIZE,
  MDEV_NEED_REPLY,
  mdevHeader,
  mdevMessages,
} from '../../reference-impl/wire/mdev-messages.ts';
import {
  decodeStructure,
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_VHOST,
  vfioPci,
} from '../../reference-impl/wire/vfio-structures.ts';
import { type VhostRequest, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { PeerProtocolError } from '../errors.ts';
import type { VfioDevice } from '../vfio/vfio-device.ts';

/** Where a layout has its regions and its interrupts, and which addresses it is told. */
export interface MdevPlaces {
  readonly name: 'l1' | 'l2';
  readonly messages: number;
  readonly doorbells: number;
  readonly interrupts: number;
  /** Memory is told by SET_MEM_TABLE, or mapped into the container. */
  readonly memory: 'table' | 'container';
}

export const mdevPlaces: Readonly<Record<'l1' | 'l2', MdevPlaces>> = {
  l1: {
    name: 'l1',
    messages: vfioPci.BAR0_REGION_INDEX,
    doorbells: vfioPci.BAR1_REGION_INDEX,
    interrupts: vfioPci.MSIX_IRQ_INDEX,
    memory: 'table',
  },
  l2: { name: 'l2', messages: 0, doorbells: 1, interrupts: 0, memory: 'container' },
};

/** Which layout a device has by its flags. The second RFC sets more bits than it means, that of PCI among them. */
export function layoutOf(flags: number): MdevPlaces | undefined {
  if ((flags & VFIO_DEVICE_FLAGS_VHOST) !== 0) return mdevPlaces.l2;
  return (flags & VFIO_DEVICE_FLAGS_PCI) !== 0 ? mdevPlaces.l1 : undefined;
}

/** What came of a message: the payload of its answer (none where it has none), or an error number, negated. */
export type MdevExchange = Uint8Array | number;

const noPayload = new Uint8Array();

/** Messages to a device and answers from it: a write each, and a read for those that have an answer. */
export class MdevChannel {
  readonly #device: VfioDevice;
  readonly #region: number;

  constructor(device: VfioDevice, places: MdevPlaces) {
    this.#device = device;
    this.#region = places.messages;
  }

  /** Writes a message as it is given: the bytes taken, or an error negated. */
  send(message: Uint8Array): number {
    return this.#device.write(this.#region, 0, message);
  }

  /** Reads what waits: the bytes of an answer, fewer than asked where there are fewer, or an error negated. */
  receive(length: number): Uint8Array | number {
    const bytes = new Uint8Array(length);
    const read = this.#device.read(this.#region, 0, bytes);
    return read < 0 ? read : bytes.subarray(0, read);
  }

  /**
   * One message and its answer.
   * @throws PeerProtocolError where a write or read is short, or the answer is of another request.
   */
  exchange(request: VhostRequest, payload: Uint8Array = noPayload): MdevExchange {
    const { reply } = mdevMessages[request];
    const message = encodeMdevMessage(request, payload, { flags: reply === undefined ? 0 : MDEV_NEED_REPLY });
    const taken = this.send(message);
    if (taken < 0) return taken;
    if (taken !== message.length) throw new PeerProtocolError(`${request}: ${taken} of ${message.length} bytes taken`);
    if (reply === undefined) return noPayload;
    const length = MDEV_HEADER_SIZE + reply.size;
    const answer = this.receive(length);
    if (typeof answer === 'number') return answer;
    const header = decodeStructure(mdevHeader, answer);
    if (header === undefined || answer.length !== length) {
      throw new PeerProtocolError(`the answer to ${request} has ${answer.length} bytes and not ${length}`);
    }
    if (header.request !== BigInt(vhostRequests[request])) {
      throw new PeerProtocolError(`the answer to ${request} is one to 0x${header.request.toString(16)}`);
    }
    return answer.subarray(MDEV_HEADER_SIZE);
  }

  /** Whether an error says that there is no device any more. */
  static isGone(answer: number): boolean {
    return answer === -errno.ENODEV || answer === -errno.EBADF;
  }
}
