import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type {
  AttachOptions,
  DriverPort,
  GuestRing,
  Queue,
  RingPosition,
  VhostUserSession,
} from '../../drivers/port/port.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { transferred } from '../premise.ts';
import { settled, stoppedAt } from '../ring-positions.ts';
import { setDescriptor } from './ring-messages.ts';

type Context = Pick<
  CaseContext<string, VariantAxes, VhostUserSession, GuestRing>,
  'port' | 'session' | 'driver' | 'ring'
>;

/** A ring that is in use, and the event descriptor on which its calls come. */
export class CalledQueue {
  queue: Queue;
  readonly #port: DriverPort<VhostUserSession>;
  readonly #session: VhostUserSession;
  /** In place of the queue's own. */
  #call: number | undefined;

  constructor(port: DriverPort<VhostUserSession>, session: VhostUserSession, queue: Queue) {
    this.#port = port;
    this.#session = session;
    this.queue = queue;
  }

  /** Calls since this was last asked. */
  take(): number {
    return this.#call === undefined ? this.queue.drainCalls() : this.#port.descriptors.read(this.#call);
  }

  /** Whether a call comes within the deadline. */
  isCalled(): boolean {
    if (this.#call === undefined) return this.queue.waitForCalls(1);
    const { descriptors, deadlineMs } = this.#port;
    let count = 0;
    const read = (): boolean => {
      count += descriptors.read(this.#call ?? -1);
      return count > 0;
    };
    return this.#port.until(read, deadlineMs) === 'true' || read();
  }

  /** SET_VRING_CALL with a new descriptor. */
  replaceCall(): void {
    this.#call = this.#port.descriptors.eventfd();
    this.#session.messages.send(setDescriptor('CALL', this.queue.index, this.#call));
  }

  /** Stops the ring: where it goes on, or a recorded failure and undefined. */
  stop(check: Check): RingPosition | undefined {
    const stopped = stoppedAt(check, this.queue.stop(), `GET_VRING_BASE of ring ${this.queue.index}`);
    return stopped === undefined ? undefined : settled(stopped);
  }

  /** Starts the ring at a position, with descriptors of its own. */
  start(position: RingPosition, options: Partial<AttachOptions>): void {
    const { ring, index } = this.queue;
    this.queue = this.#session.attach(ring, { ...options, index, position });
    this.#call = undefined;
    // A transmit ring that is looked at before it is enabled drops its frames: nothing is shown before that.
    this.queue.drainCalls();
  }
}

/** Stops all rings, and starts each where it stopped. False where one does not stop. */
export function restart(check: Check, { rings }: DeviceInUse, options: Partial<AttachOptions> = {}): boolean {
  const positions = rings.map((ring) => ring.stop(check));
  for (const [n, ring] of rings.entries()) {
    const position = positions[n];
    if (position === undefined) return false;
    ring.start(position, options);
  }
  return true;
}

/** The rings of a device, each of which has one chain used by each use of the device. */
export interface DeviceInUse {
  readonly rings: readonly CalledQueue[];
  /** One chain on each of the rings. @throws as `waitForUsed`. */
  use(seed: number): void;
}

/** The ring on which requests complete, and the receive ring of a network device whose frames come back. */
export function deviceInUse(
  { port, session, driver, ring }: Context,
  options: Partial<AttachOptions> = {},
): DeviceInUse {
  const main = new CalledQueue(port, session, driver.attach(ring({ size: 16 }), options));
  if (driver.kind !== 'net' || driver.net.facts.returns === 'none') {
    return {
      rings: [main],
      use: (seed) => {
        driver.warmUp(main.queue, { seed });
      },
    };
  }
  const receive = new CalledQueue(port, session, driver.companion(driver.net.facts.receiveIndex));
  // A frame may be lost where a back-end takes its time to use a ring that started again.
  const use = (seed: number): void =>
    transferred(port, () => frameThereAndBack(driver, main.queue, receive.queue, seed));
  return { rings: [main, receive], use };
}

function frameThereAndBack(driver: DeviceDriver, transmit: Queue, receive: Queue, seed: number): void {
  driver.net.roundTrip(transmit, receive, driver.net.frame(60, seed));
}
