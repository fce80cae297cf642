import type { DriverPort, GuestSplitRing, UsedElement, VhostUserSession } from '../../drivers/port/port.ts';
import { exitText } from '../../judging/failure.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { Check } from '../check.ts';
import { addressesOf, setAddresses, setBase, setDescriptor, setEnable, setNum } from './ring-messages.ts';

/** One message of those that set up a ring. */
export type Step = 'num' | 'base' | 'addresses' | 'call' | 'error' | 'kick' | 'enable' | 'disable';

export interface ByHandOptions {
  readonly index: number;
  readonly base?: number;
}

/** A ring that a case sets up message by message, to leave one out, change their order, or look in between. */
export class RingByHand {
  readonly ring: GuestSplitRing;
  readonly index: number;
  readonly driver: SplitDriver;
  readonly kickFd: number;
  readonly callFd: number;
  readonly errorFd: number;
  readonly #port: DriverPort<VhostUserSession>;
  readonly #session: VhostUserSession;
  readonly #base: number;

  constructor(
    port: DriverPort<VhostUserSession>,
    session: VhostUserSession,
    ring: GuestSplitRing,
    { index, base = 0 }: ByHandOptions,
  ) {
    this.#port = port;
    this.#session = session;
    this.#base = base;
    this.ring = ring;
    this.index = index;
    this.driver = new SplitDriver(ring, { position: splitPosition(base) });
    this.kickFd = port.descriptors.eventfd();
    this.callFd = port.descriptors.eventfd();
    this.errorFd = port.descriptors.eventfd();
  }

  /** Sends these messages in this order, without waiting. */
  tell(...steps: readonly Step[]): void {
    const { index, ring } = this;
    const messages = {
      num: () => setNum(index, ring.size),
      base: () => setBase(index, this.#base),
      addresses: () => setAddresses(index, addressesOf(ring)),
      call: () => setDescriptor('CALL', index, this.callFd),
      error: () => setDescriptor('ERR', index, this.errorFd),
      kick: () => setDescriptor('KICK', index, this.kickFd),
      enable: () => setEnable(index, 1),
      disable: () => setEnable(index, 0),
    };
    for (const step of steps) this.#session.messages.send(messages[step]());
  }

  /** Enters the chains into the ring and shows them to the device; no kick. The heads, in order. */
  makeAvailable(...chains: readonly (readonly Segment[])[]): number[] {
    const heads = chains.map((chain) => Number(this.driver.add(chain)));
    this.driver.publish();
    return heads;
  }

  kick(value: number | bigint = 1): void {
    this.#port.descriptors.signal(this.kickFd, value);
  }

  /** Signals on the call eventfd since this was last asked. */
  calls(): number {
    return this.#port.descriptors.read(this.callFd);
  }

  /** Waits for as many used elements. What came in time, or a failure of the check and undefined. */
  waitForUsed(check: Check, count: number, what: string): UsedElement[] | undefined {
    const elements: UsedElement[] = [];
    const reaped = (): boolean => {
      elements.push(...this.driver.reapUsed(count - elements.length));
      return elements.length >= count;
    };
    return waited(this.#port, check, what, `${count} used elements`, reaped) ? elements : undefined;
  }
}

/** Waits for what is owed. Holding is recorded as a claim that held; anything else as the failure that it is. */
export function waited(
  port: DriverPort<VhostUserSession>,
  check: Check,
  what: string,
  expected: string,
  condition: () => boolean,
): boolean {
  let isMet = false;
  // A condition that consumes what it waits for holds once only.
  const outcome = port.until(() => {
    isMet ||= condition();
    return isMet;
  }, port.deadlineMs);
  switch (outcome) {
    case 'true':
      return check.holds(true, what, { expected, actual: expected });
    case 'deadline':
      check.silence(what, expected, port.deadlineMs);
      return false;
    case 'closed':
      check.fails('wrong', what, expected, 'the connection was closed');
      return false;
    case 'died': {
      const exit = port.iut.exit();
      check.fail('crash', what, expected, exit === undefined ? 'the process ended' : exitText(exit), exit);
      return false;
    }
  }
}

/** What must hold of the answer to GET_VRING_BASE before more is looked at; its base. */
export function baseFrom(
  check: Check,
  answer: { readonly kind: string; readonly base?: number; readonly num?: number },
  what: string,
): number | undefined {
  const base = answer.base ?? answer.num;
  const isBase = check.holds(answer.kind === 'base', what, { expected: 'a base', actual: answer.kind });
  return isBase ? base : undefined;
}
