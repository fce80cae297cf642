import type { ReceiveBuffer } from '../../../drivers/devices/net-frames.ts';
import type { DriverPort, Guest, Queue } from '../../../drivers/port/port.ts';
import { netConfig, VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import type { Applies, CaseContext, VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { fieldFrom } from '../device-parts.ts';
import { type ControlCommand, setPairs } from './control-queue.ts';
import { framesComeBack } from './net-port.ts';

/** Pairs of queues of which a command of the control queue says how many are in use (virtio 5.1.9.5.5, 5.1.9.5.6). */

const pairsOf = ({ workload }: DriverPort['facts']): number => ('pairs' in workload ? Number(workload.pairs) : 1);

/** For cases that ask for pairs. Over vhost of other kinds the front-end serves the control queue. */
export const applies = {
  start: 'negotiated',
  transports: ['vhost-vdpa', 'virtio-pci'],
  devices: ['net'],
  needs: ['device.config'],
  negotiate: ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_MQ'],
  when: [
    framesComeBack,
    { holds: (facts) => pairsOf(facts) > 1, missing: 'a target with two pairs of queues (pairs)' },
  ],
} as const satisfies Applies;

const buffers = 32;
const bufferBytes = 512;
const maxVirtqueuePairs = { name: 'max_virtqueue_pairs', at: netConfig.maxVirtqueuePairs, bytes: 2 } as const;

export interface PairsContext extends Pick<CaseContext<string, VariantAxes>, 'port' | 'session' | 'driver' | 'ring'> {
  readonly guest: Guest;
}

interface Pair {
  readonly transmit: Queue;
  readonly receive: Queue;
  readonly buffers: Map<number, ReceiveBuffer>;
  /** Buffers that were received into. */
  taken: number;
}

/** Up to four pairs of queues with receive buffers, and the control queue. */
export class CommandedPairs {
  readonly pairs: readonly Pair[];
  readonly #context: PairsContext;
  readonly #control: Queue;
  readonly #check: Check;
  /** Frames that were received, and on which pair. */
  readonly #arrived: { readonly pair: number; readonly frame: string }[] = [];

  /** Attaches all of them before any is used. What the case presupposes is judged by `check`. */
  constructor(context: PairsContext, check: Check) {
    const { driver, ring, session } = context;
    this.#context = context;
    this.#check = check;
    const most = fieldFrom(session, check, maxVirtqueuePairs);
    check.presumes(most > 1, 'max_virtqueue_pairs is more than 1');
    const attach = (index: number): Queue => driver.attach(ring({ size: 64 }), { index });
    this.pairs = Array.from({ length: Math.min(4, most) }, (_, pair) => ({
      receive: attach(2 * pair),
      transmit: attach(2 * pair + 1),
      buffers: new Map<number, ReceiveBuffer>(),
      taken: 0,
    }));
    this.#control = attach(2 * most);
    for (const pair of this.pairs) this.#fill(pair, buffers);
  }

  get count(): number {
    return this.pairs.length;
  }

  /** Has a command carried out. @returns its acknowledgement. */
  command({ segments, acknowledgement }: ControlCommand): number {
    this.#control.makeAvailable([segments]);
    this.#control.kickAndWaitForUsed(1);
    return acknowledgement();
  }

  /** The same of a command that the case presupposes. @throws CaseEnded where it is not acknowledged. */
  commanded(command: ControlCommand, what: string): void {
    const answer = this.command(command);
    this.#check.presumes(answer === VIRTIO_NET_OK, `${what} is acknowledged with VIRTIO_NET_OK`);
  }

  /** Asks for so many pairs, as a presupposition. */
  use(pairs: number): void {
    this.commanded(setPairs(this.#context.guest, pairs), `the command for ${pairs} pairs`);
  }

  /** Sends a frame on a pair, and waits until that is done. */
  send(frame: Uint8Array, pair: number): void {
    const { transmit } = this.pairs[pair] as Pair;
    transmit.makeAvailable([this.#context.driver.net.transmitFrame(frame).segments]);
    transmit.kickAndWaitForUsed(1);
  }

  /**
   * Sends a frame on a pair and waits until it is back.
   * @returns the pair on whose receive queue it came; undefined where it does not come
   */
  pairFor(frame: Uint8Array, pair: number): number | undefined {
    this.send(frame, pair);
    return this.arrival(frame);
  }

  /** The same of a frame that was sent before. */
  arrival(frame: Uint8Array, deadlineMs: number = this.#context.port.deadlineMs): number | undefined {
    const { port, driver } = this.#context;
    const wanted = driver.net.returned(frame).join();
    const place = (): number => this.#arrived.findIndex((one) => one.frame === wanted);
    const isThere = (): boolean => {
      this.#look();
      return place() >= 0;
    };
    port.until(isThere, deadlineMs);
    if (place() < 0) return undefined;
    return this.#arrived.splice(place(), 1)[0]?.pair;
  }

  #look(): void {
    const { headerSize } = this.#context.driver.net;
    for (const [n, pair] of this.pairs.entries()) {
      const count = pair.receive.usedCount() - pair.taken;
      if (count <= 0) continue;
      pair.taken += count;
      for (const { id, len } of pair.receive.waitForUsed(count)) {
        const bytes = pair.buffers.get(id)?.load() ?? new Uint8Array();
        this.#arrived.push({ pair: n, frame: bytes.subarray(headerSize, len).join() });
      }
    }
  }

  #fill({ receive, buffers: known }: Pair, count: number): void {
    const { net } = this.#context.driver;
    for (let n = 0; n < count; n++) {
      const buffer = net.receiveBuffer(bufferBytes);
      for (const id of receive.makeAvailable([buffer.request.segments])) known.set(id, buffer);
    }
    receive.kick();
  }
}
