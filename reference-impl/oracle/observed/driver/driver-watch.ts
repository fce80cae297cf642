import type { ParentDriver, RingWrapper } from '../../../devices/parent-driver.ts';
import type { SharedDevice } from '../../../devices/reference-devices.ts';
import type { Tell } from '../judgement.ts';
import { blockRequests } from './block-requests.ts';
import { entropyRequests } from './entropy-requests.ts';
import { netRequests } from './net-requests.ts';
import type { DriverRequests } from './request-rules.ts';
import { WatchedRing } from './watched-ring.ts';

const requestsOf: Readonly<Record<SharedDevice, DriverRequests>> = {
  block: blockRequests,
  net: netRequests,
  entropy: entropyRequests,
};

/** Judges what the driver of a device does with its rings. */
export class DriverWatch {
  readonly #device: ParentDriver;
  readonly #requests: DriverRequests;
  readonly #tell: Tell;
  readonly #unexplained: (queue: number, reason: string) => void;
  readonly #rings = new Map<number, WatchedRing>();

  /** @param unexplained told of a chain that the device could not follow, and that no requirement forbids. */
  constructor(
    device: ParentDriver,
    type: SharedDevice,
    tell: Tell,
    unexplained: (queue: number, reason: string) => void,
  ) {
    this.#device = device;
    this.#requests = requestsOf[type];
    this.#tell = tell;
    this.#unexplained = unexplained;
  }

  /** What the device is to work on in place of a ring. */
  readonly wrap: RingWrapper = (queue, ring, attached) => {
    const watched = new WatchedRing(ring, attached, {
      tell: this.#tell,
      taken: (chain) => {
        const { configSize, features } = this.#device;
        const config = this.#device.readConfig(0, configSize) ?? new Uint8Array();
        const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
        this.#requests.judge(chain, queue, features, view, this.#tell);
      },
      unexplained: (reason) => this.#unexplained(queue, reason),
    });
    this.#rings.set(queue, watched);
    return watched;
  };

  /** A kick came, and the device has not seen it yet. */
  kicked(queue: number): void {
    const ring = this.#served(queue);
    ring?.kicks.kicked(() => ring.pending());
  }

  /** Looks whether a ring waits for a kick that does not come. */
  look(nowMs: number): void {
    for (const queue of this.#rings.keys()) {
      const ring = this.#served(queue);
      ring?.kicks.look(nowMs, () => ring.pending());
    }
  }

  /** The memory of a ring that was stopped may be gone. */
  #served(queue: number): WatchedRing | undefined {
    const { isStarted, isEnabled, broken } = this.#device.queueState(queue);
    return isStarted && isEnabled && broken === undefined ? this.#rings.get(queue) : undefined;
  }
}
