import type { Attachment, DriverPort, Guest, OutgoingMessage, Session } from '../../drivers/driver-port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { Workload } from '../workload/workload.ts';

/** A region as messages describe it. */
export interface RegionFields {
  readonly guestAddress: bigint;
  readonly size: bigint;
  readonly userAddress: bigint;
  readonly mmapOffset: bigint;
}

export const fieldsOf = ({ guestAddress, size, userAddress, mmapOffset }: Region): RegionFields => ({
  guestAddress,
  size: BigInt(size),
  userAddress,
  mmapOffset,
});

/** SET_MEM_TABLE with any regions and any descriptors. */
export const setMemTable = (
  regions: readonly RegionFields[],
  descriptors: readonly number[],
  numRegions = regions.length,
): OutgoingMessage => ({ request: 'VHOST_USER_SET_MEM_TABLE', payload: { numRegions, regions }, descriptors });

/** SET_MEM_TABLE with the regions of these guests. */
export function tableOf(port: DriverPort, ...guests: readonly Guest[]): OutgoingMessage {
  const regions = guests.flatMap((guest) => [...guest.regions]);
  return setMemTable(regions.map(fieldsOf), descriptorsOf(port, regions));
}

export const descriptorsOf = (port: DriverPort, regions: readonly Region[]): number[] =>
  regions.map((region) => port.descriptors.ofRegion(region));

export const addMemReg = (region: RegionFields, descriptor: number): OutgoingMessage => ({
  request: 'VHOST_USER_ADD_MEM_REG',
  payload: { ...region },
  descriptors: [descriptor],
});

export const remMemReg = (region: RegionFields, descriptors: readonly number[] = []): OutgoingMessage => ({
  request: 'VHOST_USER_REM_MEM_REG',
  payload: { ...region },
  descriptors,
});

/** A device at work in the memory of two guests: rings in one, and buffers that the device is to write in the other. */
export class TwoGuests {
  readonly #session: Session;
  readonly #rings: Workload;
  readonly #buffers: Workload;
  readonly queue: Attachment;

  constructor(session: Session, rings: Workload, buffers: Workload, queue: Attachment) {
    this.#session = session;
    this.#rings = rings;
    this.#buffers = buffers;
    this.queue = queue;
  }

  /** Asks for one write into a buffer of the second guest: a read from the disk, or a frame that comes back. */
  askForWrite(seed = 1): void {
    const { facts } = this.#rings;
    if (facts.kind === 'block') {
      this.queue.makeAvailable([this.#buffers.request({ seed }).segments]);
    } else {
      const receive = this.#rings.companion(this.#session, facts.receiveIndex);
      receive.makeAvailable([this.#buffers.net.receiveBuffer().request.segments]);
      receive.kick();
      this.queue.makeAvailable([this.#rings.request({ seed }).segments]);
    }
    this.queue.kick();
  }

  /** The ring on which the written buffer is used. */
  get written(): Attachment {
    const { facts } = this.#rings;
    return facts.kind === 'block' ? this.queue : this.#rings.companion(this.#session, facts.receiveIndex);
  }

  /** Stops all rings, so that nothing is written any more. Says nothing of whether that worked. */
  stopAll(): void {
    const { facts } = this.#rings;
    const others = facts.companions.map((index) => this.#rings.companion(this.#session, index));
    for (const each of [this.queue, ...others]) if (this.#session.isOpen) each.stop();
  }
}
