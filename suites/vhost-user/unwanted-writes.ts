import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { GuestRing, Queue, VhostUserSession } from '../../drivers/port/port.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Check } from '../check.ts';
import { servedBeside } from '../premise.ts';

const sectorBytes = 512;

/** A disk whose first sector tells whether a ring that is disabled has side effects. */
export class WatchedDisk {
  readonly #session: VhostUserSession;
  readonly #driver: DeviceDriver<GuestRing>;
  /** An enabled ring beside the disabled one. */
  readonly #control: Queue;

  constructor(session: VhostUserSession, driver: DeviceDriver<GuestRing>, control: Queue) {
    this.#session = session;
    this.#driver = driver;
    this.#control = control;
  }

  /** What the sector holds behind a fence after `hand` was given a write of 512 such bytes, and what it held before. */
  after(check: Check, fill: number, hand: (write: readonly Segment[]) => void): DiskChange {
    const written = new Uint8Array(sectorBytes).fill(fill);
    const before = new Uint8Array(sectorBytes).fill(fill ^ 0xff);
    this.#serve(this.#driver.block.write(before).segments);
    hand(this.#driver.block.write(written).segments);
    check.reply(this.#session.messages.fence(), 'GET_FEATURES');
    const seen = this.#driver.block.read({ bytes: sectorBytes });
    this.#serve(seen.segments);
    return { before, seen: seen.data() };
  }

  #serve(request: readonly Segment[]): void {
    this.#control.makeAvailable([request]);
    servedBeside(this.#control, () => this.#control.kickAndWaitForUsed(1));
  }
}

export interface DiskChange {
  readonly before: Uint8Array;
  readonly seen: Uint8Array;
}

export function isChanged({ before, seen }: DiskChange): boolean {
  return seen.some((byte, at) => byte !== before[at]);
}

/**
 * Judges a write on a ring that is disabled for the reason of `own`. Where it reached the disk, one more on the ring after
 * SET_VRING_ENABLE 0 decides: a back-end that ignores that message breaks `disabled` alone, and nothing can be said of `own`.
 * @param again gives the ring, disabled by the message, one more write
 */
export function judgesDisabled(
  own: Check,
  disabled: Check,
  what: string,
  first: DiskChange,
  again: () => DiskChange,
): void {
  const said = 'the sector after a write on a ring after SET_VRING_ENABLE 0';
  if (!isChanged(first)) {
    own.bytesEqual(first.seen, first.before, what);
    disabled.bytesEqual(first.seen, first.before, what);
    return;
  }
  const second = again();
  if (isChanged(second)) {
    disabled.bytesEqual(second.seen, second.before, said);
    own.inconclusive('a ring after SET_VRING_ENABLE 0 has side effects too: whether it is enabled makes no difference');
    return;
  }
  disabled.bytesEqual(second.seen, second.before, said);
  own.bytesEqual(first.seen, first.before, what);
}
