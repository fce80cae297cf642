import type { DriverPort, GuestRing, RingPosition, UsedElement, VhostUserSession } from '../../drivers/port/port.ts';
import type { RingSetUpMessage } from '../../drivers/port/ring-set-up.ts';
import { exitText } from '../../judging/failure.ts';
import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import type { Check } from '../check.ts';
import {
  addressesOf,
  type getBase,
  setAddresses,
  setBase,
  setDescriptor,
  setEnable,
  setNum,
  type ToldBase,
} from './ring-messages.ts';
/** One message of those that set up a ring. */
export type Step = 'num' | 'base' | 'addresses' | 'call' | 'error' | 'kick' | 'enable' | 'disable';

const messageOf: Readonly<Partial<Record<Step, RingSetUpMessage>>> = {
  num: 'VHOST_USER_SET_VRING_NUM',
  base: 'VHOST_USER_SET_VRING_BASE',
  addresses: 'VHOST_USER_SET_VRING_ADDR',
  call: 'VHOST_USER_SET_VRING_CALL',
  error: 'VHOST_USER_SET_VRING_ERR',
  kick: 'VHOST_USER_SET_VRING_KICK',
  enable: 'VHOST_USER_SET_VRING_ENABLE',
};

export interface ByHandOptions {
  readonly index: number;
  /** Where the ring begins; where it does in memory, unless told. */
  readonly position?: RingPosition;
  /** Our side of it, where that is no usual one. */
  readonly driver?: DriverRing;
  /** What the device is given in place of `kickFd`. */
  readonly kick?: number;
  /** What the device is given in place of `callFd`; `none` sets the no-fd bit. */
  readonly call?: number | 'none';
}

/** A ring that a case sets up message by message, to leave one out, change their order, or look in between. */
export class RingByHand<R extends GuestRing = GuestRing> {
  readonly ring: R;
  readonly index: number;
  readonly driver: DriverRing;
  readonly kickFd: number;
  readonly callFd: number;
  readonly errorFd: number;
  readonly #port: DriverPort<VhostUserSession>;
  readonly #session: VhostUserSession;
  readonly #position: RingPosition;
  readonly #theirs: { readonly kick: number; readonly call: number | undefined };
  #taken = 0;

  constructor(
    port: DriverPort<VhostUserSession>,
    session: VhostUserSession,
    ring: R,
    { index, position = ring.position, driver, kick, call }: ByHandOptions,
  ) {
    this.#port = port;
    this.#session = session;
    this.#position = position;
    this.ring = ring;
    this.index = index;
    this.driver = driver ?? port.driverSide(ring, index, { position });
    this.kickFd = port.descriptors.eventfd();
    this.callFd = port.descriptors.eventfd();
    this.errorFd = port.descriptors.eventfd();
    this.#theirs = { kick: kick ?? this.kickFd, call: call === 'none' ? undefined : (call ?? this.callFd) };
  }

  /**
   * Sends these messages without waiting, in this order. Where `call` stands among them is the target's.
   */
  tell(...steps: readonly Step[]): void {
    const { index, ring } = this;
    const messages = {
      num: () => setNum(index, ring.size),
      base: () => setBase(index, encodeVringBase(this.#position)),
      addresses: () => setAddresses(index, addressesOf(ring)),
      call: () => setDescriptor('CALL', index, this.#theirs.call),
      error: () => setDescriptor('ERR', index, this.errorFd),
      kick: () => setDescriptor('KICK', index, this.#theirs.kick),
      enable: () => setEnable(index, 1),
      disable: () => setEnable(index, 0),
    };
    for (const step of this.#ordered(steps)) this.#session.messages.send(messages[step]());
  }

  /** With `call` behind those that the target wants before it: no case tells these together for the place of `call`. */
  #ordered(steps: readonly Step[]): readonly Step[] {
    const { setUpOrder = [] } = this.#port.facts;
    const before = setUpOrder.slice(0, Math.max(0, setUpOrder.indexOf('VHOST_USER_SET_VRING_CALL')));
    const last = steps.findLastIndex((step) => before.some((name) => name === messageOf[step]));
    const at = steps.indexOf('call');
    return at < 0 || last < at
      ? steps
      : [...steps.slice(0, at), ...steps.slice(at + 1, last + 1), 'call', ...steps.slice(last + 1)];
  }

  /** Enters the chains into the ring and shows them to the device; no kick. The heads, in order. */
  makeAvailable(...chains: readonly (readonly Segment[])[]): number[] {
    const heads = chains.map((chain) => Number(this.driver.add(chain)));
    this.driver.publish();
    return heads;
  }

  kick(value: number | bigint = 1): void {
    this.#port.log.notification(0, this.#session.id, this.index, Number(value));
    this.#port.descriptors.signal(this.kickFd, value);
  }

  /** Signals on the call eventfd since this was last asked. */
  calls(): number {
    const count = this.#port.descriptors.read(this.callFd);
    if (count > 0) this.#port.log.notification(1, this.#session.id, this.index, count);
    return count;
  }

  /** Used elements since the ring began: those that `waitForUsed` gave, and those that memory shows. */
  usedCount(): number {
    return this.#taken + this.driver.usedCount();
  }

  /** Waits for as many used elements. What came in time, or a failure of the check and undefined. */
  waitForUsed(check: Check, count: number, what: string): UsedElement[] | undefined {
    const elements: UsedElement[] = [];
    const reaped = (): boolean => {
      const taken = this.driver.reapUsed(count - elements.length);
      this.#taken += taken.length;
      elements.push(...taken);
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

/** What must hold of the answer to GET_VRING_BASE before more is looked at; its base with all 32 bits. */
export function baseFrom(check: Check, answer: ReturnType<typeof getBase>, what: string): number | undefined {
  return check.answered<ToldBase>(answer, what, 'a base') ? answer.num : undefined;
}
