import type { VhostMdevSession } from '../../drivers/port/port.ts';
import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import {
  encodeMdevMessage,
  MDEV_HEADER_SIZE,
  mdevMemoryTablePayload,
  mdevMessages,
} from '../../reference-impl/wire/mdev-messages.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import type { VhostRequest } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { mdevRequestOf } from '../program/mdev-request.ts';
import type { CallOf } from '../program/program.ts';
import { type DoorOutcome, skipped, type ToldRegion, type TransportDoor, type VfioDoor } from './transport-door.ts';
import { SessionVfioDoor } from './vfio-door.ts';

const done: DoorOutcome = { kind: 'done', by: 'return' };

/** The raw door of vhost-mdev: a message has been handled when its write returns. */
export class VhostMdevDoor implements TransportDoor {
  readonly vfio: VfioDoor;
  readonly #session: VhostMdevSession;

  constructor(session: VhostMdevSession) {
    this.#session = session;
    this.vfio = new SessionVfioDoor(session);
  }

  negotiateExactly({ device }: CallOf<'negotiate'>): DoorOutcome {
    const owner = tell(this.#session, 'VHOST_SET_OWNER', new Uint8Array());
    if (owner.kind !== 'done') return owner;
    return tell(this.#session, 'VHOST_SET_FEATURES', encodeStructure(u64Payload, { u64: device }));
  }

  message(call: CallOf<'message'>, payload: Uint8Array): DoorOutcome {
    const known = mdevRequestOf(call.request);
    const { flags, declared, truncate } = call;
    const message = encodeMdevMessage(known ?? BigInt(call.request), payload, {
      flags,
      ...(declared === undefined ? {} : { size: declared }),
    });
    const taken = this.#session.channel.send(truncate === undefined ? message : message.subarray(0, truncate));
    if (taken < 0) return refused(taken);
    const reply: Codec<never> | undefined = known === undefined ? undefined : mdevMessages[known].reply;
    if (reply === undefined || call.unfenced) return done;
    const answer = this.#session.channel.receive(MDEV_HEADER_SIZE + reply.size);
    return typeof answer === 'number'
      ? refused(answer)
      : { kind: 'answered', bytes: answer.subarray(Math.min(MDEV_HEADER_SIZE, answer.length)) };
  }

  bytes(bytes: Uint8Array): DoorOutcome {
    const taken = this.#session.channel.send(bytes);
    return taken < 0 ? refused(taken) : done;
  }

  memoryTable(regions: readonly ToldRegion[], count: number): DoorOutcome {
    if (this.#session.places.memory === 'table') {
      const table = encodeStructure(mdevMemoryTablePayload, { numRegions: count, regions });
      const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
      for (const [n, { padding = 0n }] of regions.entries()) {
        const at = tableHeader + (n + 1) * tableEntry - 8;
        if (at + 8 <= table.length) view.setBigUint64(at, padding, true);
      }
      return tell(this.#session, 'VHOST_SET_MEM_TABLE', table);
    }
    for (const region of regions) {
      const mapped = this.memorySlot('add', region);
      if (mapped.kind !== 'done') return mapped;
    }
    return done;
  }

  memorySlot(how: 'add' | 'remove', region: ToldRegion): DoorOutcome {
    const { places, vfio } = this.#session;
    if (places.memory === 'table') return skipped;
    const { ioVirtualAddress, userAddress, size } = region;
    if (how === 'remove') {
      const unmapped = vfio.unmapDma({ ioVirtualAddress, size });
      return typeof unmapped === 'number' ? refused(unmapped) : { kind: 'done', by: 'return', value: unmapped };
    }
    const error = vfio.mapDma({ ioVirtualAddress, userAddress, size });
    return error < 0 ? refused(error) : done;
  }

  channel(): DoorOutcome {
    return skipped;
  }

  shutdown(): DoorOutcome {
    this.#session.abandon();
    return done;
  }
}

/** Bytes of a table ahead of its regions, and of one. */
const tableHeader = 8;
const tableEntry = 32;

const refused = (error: number): DoorOutcome => ({ kind: 'refused', by: 'errno', value: -error });

function tell(session: VhostMdevSession, request: VhostRequest, payload: Uint8Array): DoorOutcome {
  const taken = session.channel.send(encodeMdevMessage(request, payload));
  return taken < 0 ? refused(taken) : done;
}
