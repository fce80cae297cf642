import {
  encodeMdevMessage,
  MDEV_HEADER_SIZE,
  MDEV_NEED_REPLY,
  mdevHeader,
  mdevMessages,
} from '../../reference-impl/wire/mdev-messages.ts';
import { decodeStructure } from '../../reference-impl/wire/structure.ts';
import { VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_VHOST, vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { type VhostRequest, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { PeerProtocolError } from '../errors.ts';
import type { MdevChannel, MdevExchange, MdevPlaces, VfioDevice } from '../port/vhost-mdev-door.ts';

const mdevPlaces: Readonly<Record<'l1' | 'l2', MdevPlaces>> = {
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

const noPayload = new Uint8Array();

/** The channel in the message region of an open device. */
export class RegionChannel implements MdevChannel {
  readonly #device: VfioDevice;
  readonly #region: number;

  constructor(device: VfioDevice, places: MdevPlaces) {
    this.#device = device;
    this.#region = places.messages;
  }

  send(message: Uint8Array): number {
    return this.#device.write(this.#region, 0, message);
  }

  receive(length: number): Uint8Array | number {
    const bytes = new Uint8Array(length);
    const read = this.#device.read(this.#region, 0, bytes);
    return read < 0 ? read : bytes.subarray(0, read);
  }

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
}
