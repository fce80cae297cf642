import type { StoreObserver } from '../../reference-impl/devices/parent-driver.ts';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { Breakdown } from '../../reference-impl/vhost-user/back-end-edge.ts';
import type { ReferenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { socketPair } from '../native/native.ts';
import type { IutResources } from '../port/port.ts';
import type { Carrier } from '../vhost-user/channel.ts';
import { SocketChannel } from '../vhost-user/socket-channel.ts';
import { ReferenceBackEnd } from './reference-back-end.ts';

const stepsToRest = 1000;

export interface InProcessOptions {
  readonly device: ReferenceDevice;
  readonly rules: ReferenceRules;
  readonly queues: number;
  /** Told of each store of the device to a ring. */
  readonly stored: StoreObserver;
}

/**
 * Connections to a reference of this process: the same edge and the same descriptors as in a process of its own,
 * stepped by each wait for it.
 */
export class InProcessCarrier implements Carrier {
  readonly #options: InProcessOptions;
  #backEnd: ReferenceBackEnd;
  #brokenDown: Breakdown | undefined;

  constructor(options: InProcessOptions) {
    this.#options = options;
    this.#backEnd = this.#start();
  }

  get backEnd(): ReferenceBackEnd {
    return this.#backEnd;
  }

  /** How a fault made an end of it; undefined while it serves. */
  get brokenDown(): Breakdown | undefined {
    return this.#brokenDown;
  }

  connect(): ReturnType<Carrier['connect']> {
    if (this.#brokenDown !== undefined) {
      return { kind: 'refused', why: `the back-end broke down: ${this.#brokenDown}`, mayListenLater: false };
    }
    const [ours, theirs] = socketPair();
    this.#backEnd.adopt(theirs);
    return { kind: 'connected', channel: new SocketChannel(ours) };
  }

  step(): boolean {
    return this.#brokenDown === undefined && this.#backEnd.turn(0);
  }

  /** What the back-end holds once it has nothing more to do, as a process of its own would by the time of the look. */
  resourcesAtRest(): IutResources {
    for (let n = 0; n < stepsToRest && this.step(); n++);
    return this.#backEnd.resources();
  }

  takeSignalled(): boolean {
    return this.#backEnd.takeSignalled();
  }

  close(): void {
    this.#backEnd.close();
  }

  /** A fresh back-end in place of the old one, its stored data gone. */
  restart(): void {
    this.#backEnd.close();
    this.#brokenDown = undefined;
    this.#backEnd = this.#start();
  }

  #start(): ReferenceBackEnd {
    return new ReferenceBackEnd({ ...this.#options, breakDown: (how) => this.#breakDown(how) });
  }

  #breakDown(how: Breakdown): void {
    if (this.#brokenDown !== undefined) return;
    this.#brokenDown = how;
    // A process that dies takes its descriptors along; one that hangs keeps them.
    if (how !== 'hang') this.#backEnd.abandon();
  }
}
