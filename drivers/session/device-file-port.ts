import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { Iut, IutExit, Session } from '../port/port.ts';
import { MappedGuest } from './guest-memory.ts';
import { SessionPort, type SessionPortOptions } from './session-port.ts';
import { Waiting } from './waiting.ts';

/** What opens a device file, as far as the port of each transport knows it. */
export interface DeviceFileCarrier {
  /** Bytes of a page where the device is. */
  readonly pageSize: number;
  /**
   * Lets a device that does not see this process reach memory of ours by the user addresses that we tell. Absent where
   * user addresses are those of this process. Returns how to take it away.
   */
  lendMemory?(userAddress: bigint, bytes: Uint8Array): () => void;
  /**
   * Lets a device of this process do one step of its work, and returns whether there was any. Absent where it runs
   * by itself.
   */
  step?(): boolean;
}

export interface DeviceFilePortOptions extends SessionPortOptions {
  readonly carrier: DeviceFileCarrier;
  /** Who knows of the device's health; `close` gives everything back. */
  readonly iut: Iut & { close(): void };
}

/** A port whose sessions are open device files, over a kernel or a reference of this process. */
export abstract class DeviceFilePort<S extends Session & { abandon(): void }> extends SessionPort<S> {
  readonly #options: DeviceFilePortOptions;
  /** How to take each guest away from a device that it was lent to. */
  readonly #lent = new Map<MappedGuest, () => void>();

  constructor(options: DeviceFilePortOptions) {
    super(options, new Waiting(options.carrier.step?.bind(options.carrier)));
    this.#options = options;
  }

  protected restart(): void {
    for (const session of this.sessions) session.abandon();
    this.#options.iut.restart();
  }

  protected override mapGuest(layout: GuestLayout, name: string, hasRedZones: boolean): MappedGuest {
    const isLent = this.#options.carrier.lendMemory !== undefined;
    const mapped = new MappedGuest(layout, name, isLent ? 'anywhere' : 'at-user-addresses', hasRedZones);
    this.#lent.set(mapped, this.lend(mapped.guest));
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
  protected lend(guest: Guest): () => void {
    const { carrier } = this.#options;
    const taken = guest.regions.map(({ userAddress, bytes }) => carrier.lendMemory?.(userAddress, bytes));
    return () => {
      for (const take of taken) take?.();
    };
  }
}
