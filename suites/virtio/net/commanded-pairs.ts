import type { ReceiveBuffer } from '../../../drivers/devices/net-frames.ts';
import type { DriverPort, Guest, Queue } from '../../../drivers/port/port.ts';
import {
  netConfig,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_RSS,
  VIRTIO_NET_OK,
} from '../../../reference-impl/devices/net-layout.ts';
import type { Applies, CaseContext, VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { fieldFrom } from '../device-parts.ts';
import { type ControlCommand, commandQueue, setPairs } from './control-queue.ts';
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
const tries = 3;
const bufferBytes = 512;
const maxVirtqueuePairs = { name: 'max_virtqueue_pairs', at: netConfig.maxVirtqueuePairs, bytes: 2 } as const;

export interface PairsContext extends Pick<CaseContext<string, VariantAxes>, 'port' | 'session' | 'driver' | 'ring'> {
  readonly guest: Guest;
}

interface Pair {
  readonly transmit: Queue;
  receive: Queue;
  readonly buffers: Map<number, ReceiveBuffer>;
  /** Buffers that were received into. */
  taken: number;
}

/** A frame that was received, as text, with its header, and on which pair. */
export interface Arrival {
  readonly pair: number;
  readonly header: Uint8Array;
  readonly frame: string;
}

/** Up to four pairs of queues with receive buffers, and the control queue. */
export class CommandedPairs {
  readonly pairs: readonly Pair[];
  readonly #context: PairsContext;
  readonly #check: Check;
  /** Has a command carried out. @returns its acknowledgement. */
  readonly command: (command: ControlCommand) => number;
  readonly #arrived: Arrival[] = [];
  #hasReturned = false;

  /** Attaches all of them, `least` at least, before any is used. What the case presupposes is judged by `check`. */
  constructor(context: PairsContext, check: Check, least = 2) {
    const { session } = context;
    this.#context = context;
    this.#check = check;
    const hasSeveral = (session.negotiated.accepted.device & (VIRTIO_NET_F_MQ | VIRTIO_NET_F_RSS)) !== 0n;
    const most = hasSeveral ? fieldFrom(session, check, maxVirtqueuePairs) : 1;
    check.presumes(most >= least, `max_virtqueue_pairs is at least ${least}`);
    this.pairs = Array.from({ length: Math.min(4, most) }, (_, pair) => ({
      receive: this.#attach(2 * pair),
      transmit: this.#attach(2 * pair + 1),
      buffers: new Map<number, ReceiveBuffer>(),
      taken: 0,
    }));
    this.command = commandQueue(context, 2 * most);
    for (const pair of this.pairs) this.#fill(pair, buffers);
  }

  get count(): number {
    return this.pairs.length;
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

  /**
   * The same of a frame that has to come back: where it is lost, which no text forbids, it is sent again. The case
   * presupposes that a frame came back before. @returns undefined where it is lost each time
   */
  owedFor(frame: Uint8Array, pair: number): Arrival | undefined {
    this.#check.presumes(this.#hasReturned, 'a frame comes back');
    let came: Arrival | undefined;
    for (let n = 0; n < tries && came === undefined; n++) {
      this.send(frame, pair);
      came = this.cameFor(frame);
    }
    return came;
  }

  /** The same of a frame that was sent before. */
  arrival(frame: Uint8Array): number | undefined {
    return this.cameFor(frame)?.pair;
  }

  /** What came in for a frame that was sent; undefined where it does not come. */
  cameFor(frame: Uint8Array): Arrival | undefined {
    const { port } = this.#context;
    let came: Arrival | undefined;
    const isThere = (): boolean => {
      came ??= this.cameBefore(frame);
      return came !== undefined;
    };
    port.until(isThere, port.deadlineMs);
    this.#hasReturned ||= came !== undefined;
    return came;
  }

  /** The same of what came by now. */
  cameBefore(frame: Uint8Array): Arrival | undefined {
    this.#look();
    const wanted = this.#context.driver.net.returned(frame).join();
    const place = this.#arrived.findIndex((one) => one.frame === wanted);
    return place < 0 ? undefined : this.#arrived.splice(place, 1)[0];
  }

  /** Gives a pair a receive queue anew, with buffers, where the one before was reset. */
  renew(pair: number): void {
    const renewed = this.pairs[pair] as Pair;
    renewed.receive = this.#attach(2 * pair);
    renewed.buffers.clear();
    renewed.taken = 0;
    this.#fill(renewed, buffers);
  }

  #attach(index: number): Queue {
    const { driver, ring } = this.#context;
    return driver.attach(ring({ size: 64 }), { index });
  }

  #look(): void {
    const { headerSize } = this.#context.driver.net;
    for (const [n, pair] of this.pairs.entries()) {
      const count = pair.receive.usedCount() - pair.taken;
      if (count <= 0) continue;
      pair.taken += count;
      for (const { id, len } of pair.receive.waitForUsed(count)) {
        const bytes = pair.buffers.get(id)?.load() ?? new Uint8Array();
        const header = bytes.slice(0, headerSize);
        this.#arrived.push({ pair: n, header, frame: bytes.subarray(headerSize, len).join() });
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
