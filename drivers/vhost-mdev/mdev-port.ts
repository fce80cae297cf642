import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { Iut, IutExit } from '../port/port.ts';
import { MappedGuest } from '../session/guest-memory.ts';
import { SessionPort, type SessionPortOptions } from '../session/session-port.ts';
import { Waiting } from '../session/waiting.ts';
import { recordedOpening } from '../vfio/recorded-vfio-file.ts';
import type { VfioCarrier } from '../vfio/vfio-carrier.ts';
import type { NotifyBy } from './mdev-queue.ts';
import { MdevSession } from './mdev-session.ts';
import { openMdevDevice } from './open-mdev-device.ts';

export interface MdevPortOptions extends SessionPortOptions {
  readonly carrier: VfioCarrier;
  /** Who knows of the device's health; `close` gives everything back. */
  readonly iut: Iut & { close(): void };
  /** By write unless told. */
  readonly notifyBy?: NotifyBy;
}

/** The vhost-mdev driver, in layout L1 or L2 as the device says, over any carrier of VFIO. */
export class MdevPort extends SessionPort<MdevSession> {
  readonly #options: MdevPortOptions;
  /** How to take each guest away from a device that it was lent to. */
  readonly #lent = new Map<MappedGuest, () => void>();

  constructor(options: MdevPortOptions) {
    super(options, new Waiting(options.carrier.step?.bind(options.carrier)));
    this.#options = options;
  }

  protected restart(): void {
    for (const session of this.sessions) session.abandon();
    this.#options.iut.restart();
  }

  protected open(id: number): ReturnType<SessionPort<MdevSession>['open']> {
    const opened = this.#options.carrier.open(recordedOpening(this.log, id));
    if (opened.kind === 'refused') return opened;
    const found = openMdevDevice(opened.file, this.log, id);
    if (found.kind === 'refused') return found;
    const { device, places } = found;
    const { carrier, notifyBy = 'write' } = this.#options;
    const session = new MdevSession({
      context: this,
      vfio: device,
      places,
      id,
      pageSize: carrier.pageSize,
      notifyBy,
      lend: (guest) => this.#lend(guest),
    });
    return { kind: 'opened', session, detail: `layout ${places.name}` };
  }

  protected override mapGuest(layout: GuestLayout, name: string, hasRedZones: boolean): MappedGuest {
    const isLent = this.#options.carrier.lendMemory !== undefined;
    const mapped = new MappedGuest(layout, name, isLent ? 'anywhere' : 'at-user-addresses', hasRedZones);
    this.#lent.set(mapped, this.#lend(mapped.guest));
    return mapped;
  }

  protected override releaseGuest(guest: MappedGuest): void {
    this.#lent.get(guest)?.();
    this.#lent.delete(guest);
    super.releaseGuest(guest);
  }

  close(): void {
    this.releaseAll();
    this.waiting.close();
    this.#options.iut.close();
  }

  exit(): IutExit | undefined {
    return this.#options.iut.exit();
  }

  exitAfterClose(): IutExit | undefined {
    return this.exit();
  }

  /** Lets a device that does not see this process reach a guest by its user addresses. Returns how to take it away. */
  #lend(guest: Guest): () => void {
    const { carrier } = this.#options;
    const taken = guest.regions.map(({ userAddress, bytes }) => carrier.lendMemory?.(userAddress, bytes));
    return () => {
      for (const take of taken) take?.();
    };
  }
}
