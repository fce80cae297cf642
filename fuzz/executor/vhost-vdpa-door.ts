import type { VdpaCalls, VhostVdpaSession } from '../../drivers/port/port.ts';
import {
  type IotlbMessage,
  iotlbBytes,
  iotlbMessageTypes,
  VHOST_ACCESS_RW,
} from '../../reference-impl/wire/vdpa-structures.ts';
import type { CallOf } from '../program/program.ts';
import { vdpaRequestOf } from '../program/vdpa-lawfulness.ts';
import { type DoorOutcome, skipped, type ToldRegion, type TransportDoor } from './transport-door.ts';

const done: DoorOutcome = { kind: 'done', by: 'return' };
/** The bit of an ioctl whose argument holds the answer. */
const readsBack = 0x8000_0000;
const live = 1 | 2 | 8;

/** The raw door of vhost-vdpa: a call has been handled when it returns. */
export class VhostVdpaDoor implements TransportDoor {
  readonly vfio = undefined;
  readonly #session: VhostVdpaSession;
  readonly #calls: VdpaCalls;

  constructor(session: VhostVdpaSession) {
    this.#session = session;
    this.#calls = session.calls;
  }

  negotiateExactly({ device }: CallOf<'negotiate'>): DoorOutcome {
    const owner = this.#calls.setOwner();
    if (owner < 0) return outcomeOf(owner);
    const features = this.#calls.setFeatures(device);
    return features < 0 ? outcomeOf(features) : outcomeOf(this.#calls.setStatus(live));
  }

  /** The call of the same name, with the payload as its argument. */
  message(call: CallOf<'message'>, payload: Uint8Array): DoorOutcome {
    const request = vdpaRequestOf(call.request);
    const argument = payload.slice(0, call.truncate ?? payload.length);
    const answer = this.#calls.file.ioctl(request, argument);
    if (answer < 0) return outcomeOf(answer);
    return (request & readsBack) !== 0 ? { kind: 'answered', bytes: argument } : done;
  }

  bytes(bytes: Uint8Array): DoorOutcome {
    return outcomeOf(this.#calls.file.write(bytes));
  }

  memoryTable(regions: readonly ToldRegion[]): DoorOutcome {
    for (const region of regions) {
      const mapped = this.memorySlot('add', region);
      if (mapped.kind !== 'done') return mapped;
    }
    return done;
  }

  memorySlot(how: 'add' | 'remove', { ioVirtualAddress, userAddress, size }: ToldRegion): DoorOutcome {
    const { VHOST_IOTLB_UPDATE, VHOST_IOTLB_INVALIDATE } = iotlbMessageTypes;
    const request = how === 'add' ? VHOST_IOTLB_UPDATE : VHOST_IOTLB_INVALIDATE;
    return outcomeOf(this.#calls.iotlb({ request, ioVirtualAddress, userAddress, size, permission: VHOST_ACCESS_RW }));
  }

  iotlb(message: IotlbMessage, bytes: number | undefined): DoorOutcome {
    return outcomeOf(this.#calls.file.write(iotlbBytes(message).subarray(0, bytes)));
  }

  channel(): DoorOutcome {
    return skipped;
  }

  shutdown(): DoorOutcome {
    this.#session.abandon();
    return done;
  }
}

const outcomeOf = (answer: number): DoorOutcome =>
  answer < 0 ? { kind: 'refused', by: 'errno', value: -answer } : done;
