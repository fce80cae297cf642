import { makeDevice } from '../../reference-impl/devices/device-rules.ts';
import type { ParentDriver, StoreObserver } from '../../reference-impl/devices/parent-driver.ts';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import { toggleConfig } from '../../reference-impl/devices/toggled-config.ts';
import { type Breakdown, breakdownOf } from '../../reference-impl/vhost-user/back-end-edge.ts';
import type { ReferenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { BackEndSession } from '../../reference-impl/vhost-user/session.ts';
import type { StateTransfer } from '../../reference-impl/vhost-user/state-transfer.ts';
import { acceptConnection, closeFd, monotonicUs, POLLIN, POLLOUT, poll } from '../native/native.ts';
import type { IutResources } from '../port/port.ts';
import { BackEndFiles } from './back-end-files.ts';
import type { ConnectionObserver } from './connection-observer.ts';
import { ReferenceConnection } from './reference-connection.ts';

export interface ReferenceBackEndOptions {
  readonly device: ReferenceDevice;
  readonly rules: ReferenceRules;
  /** Request queues of block, pairs of queues of net. */
  readonly queues: number;
  /** Capacity of a block device. */
  readonly sectors?: number;
  /** Told of each store of the device to a ring. */
  readonly stored?: StoreObserver;
  /** Watches the connection that begins on this socket. */
  readonly observe?: (device: ParentDriver, fd: number) => ConnectionObserver;
  /** What to do where a fault makes the back-end break down. */
  readonly breakDown: (how: Breakdown) => void;
}

/** Chains carried out between two looks at the descriptors. */
const chainsPerTurn = 4096;
/** Rings without kicks are looked at this often, in microseconds. */
const pollingPauseUs = 500;
const touchingPauseUs = 50;

/** The reference back-end with real descriptors: one connection at a time, one thread, one poll. */
export class ReferenceBackEnd {
  readonly device: ParentDriver;
  readonly #rules: ReferenceRules;
  readonly #files = new BackEndFiles();
  readonly #breakDown: (how: Breakdown) => void;
  readonly #observe: ReferenceBackEndOptions['observe'];
  #observer: ConnectionObserver | undefined;
  readonly #waiting: number[] = [];
  #listener = -1;
  #connectionsEnded = 0;
  #connection: ReferenceConnection | undefined;
  #hasWork = false;
  #isAbandoned = false;
  #fds = new Int32Array(64);
  #events = new Int16Array(64);
  #revents = new Int16Array(64);

  constructor(options: ReferenceBackEndOptions) {
    this.#rules = options.rules;
    this.#breakDown = options.breakDown;
    this.#observe = options.observe;
    this.device = makeDevice(
      options.device,
      options.rules,
      options.queues,
      options.sectors === undefined ? {} : { sectors: options.sectors },
    );
    if (options.stored !== undefined) this.device.watchStores?.(options.stored);
  }

  /** Descriptors and mappings that connections have left with it. */
  resources(): IutResources {
    return this.#files.resources();
  }

  /** Toggles a field of configuration space that says nothing of what is served, as an operator might. */
  changeConfig(): void {
    if (!toggleConfig(this.device)) return;
    const session = this.#connection?.session;
    session?.configChanges.changed(!session.rings.someStarted);
  }

  get connectionsEnded(): number {
    return this.#connectionsEnded;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Serves the connections of a listening socket, which stays the caller's. */
  listenOn(fd: number): void {
    this.#listener = fd;
  }

  /** Serves a connected socket, after those that came before it. It is ours from now on. */
  adopt(fd: number): void {
    if (this.#connection !== undefined && this.#rules.stream.endsFirstConnection) this.#end(this.#connection);
    if (this.#connection === undefined) this.#begin(fd);
    else this.#waiting.push(fd);
  }

  /** Waits for something to do, for at most `timeoutUs`, and does it. Returns whether there was something. */
  turn(timeoutUs: number): boolean {
    let progressed = true;
    try {
      progressed = this.#turn(timeoutUs);
    } catch (error) {
      const how = breakdownOf(error);
      if (how === undefined) throw error;
      this.#breakDown(how);
    }
    this.#observer?.look(monotonicUs() / 1000);
    if (this.#isAbandoned) this.close();
    return progressed;
  }

  #turn(timeoutUs: number): boolean {
    const connection = this.#connection;
    const kicks = connection?.session.rings.kicks ?? [];
    const transfer = connection?.transfer;
    const isIdle = kicks.length === 0 && transfer === undefined && this.#files.arrivalsFd < 0;
    if (timeoutUs === 0 && connection?.wantsToReceive && !connection.wantsToSend && isIdle) {
      return this.#turnOnMessages(connection);
    }
    const count = this.#gather(connection, kicks, transfer);
    const ready = poll(this.#fds, this.#events, this.#revents, count, this.#timeoutOf(connection, timeoutUs));
    let progressed = ready > 0;
    if (connection === undefined) {
      if (ready > 0) this.#accept();
      return progressed;
    }
    // Kicks first: what was told before a message was sent is done before it is answered.
    for (const [n, { token, index }] of kicks.entries()) {
      if (this.#revents[n + 1] !== 0) connection.readKick(token, index);
    }
    if (transfer !== undefined && this.#revents[kicks.length + 1] !== 0) transfer.step();
    if (this.#awaitsPages()) progressed = true;
    if (this.#work(connection)) progressed = true;
    const revents = this.#revents[0] ?? 0;
    if (revents !== 0 && !this.#exchange(connection, revents)) this.#end(connection);
    else if (this.#work(connection)) progressed = true;
    return progressed;
  }

  #timeoutOf(connection: ReferenceConnection | undefined, timeoutUs: number): number {
    if (this.#hasWork) return 0;
    // Even a turn that is not to wait lets the thread run that touches pages.
    if (this.#files.arrivalsFd >= 0) return Math.max(timeoutUs, touchingPauseUs);
    if (connection === undefined) return timeoutUs;
    const { polled, notifiers } = connection.session.rings;
    return polled.length > 0 || notifiers.pages.size > 0 ? Math.min(timeoutUs, pollingPauseUs) : timeoutUs;
  }

  /** A turn while there are no kicks: to receive, and find nothing, says as much as a poll. */
  #turnOnMessages(connection: ReferenceConnection): boolean {
    const worked = this.#work(connection);
    connection.hasReceived = false;
    if (!connection.receive()) {
      this.#end(connection);
      return true;
    }
    const workedAfter = this.#work(connection);
    return worked || connection.hasReceived || workedAfter;
  }

  /** Whether something was done since the last call of this that others may be waiting for. */
  takeSignalled(): boolean {
    const { hasSignalled } = this.#files;
    this.#files.hasSignalled = false;
    return hasSignalled;
  }

  /** Ends every connection once the turn that runs is over. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Ends the connection that is served, as its peer might. */
  endConnection(): void {
    if (this.#connection !== undefined) this.#end(this.#connection);
  }

  /** Ends every connection, and gives back what they held. */
  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
    this.#endObservation();
    for (const fd of this.#waiting.splice(0)) closeFd(fd);
  }

  #begin(fd: number): void {
    this.#observer = this.#observe?.(this.device, fd);
    this.#connection = new ReferenceConnection(
      fd,
      new BackEndSession(this.device, this.#files, this.#rules, this.#observer),
      this.#files,
    );
    this.#hasWork = false;
  }

  #endObservation(): void {
    this.#observer?.ended();
    this.#observer = undefined;
  }

  #accept(): void {
    const fd = acceptConnection(this.#listener);
    if (fd >= 0) this.#begin(fd);
  }

  #end(connection: ReferenceConnection): void {
    connection.close();
    this.#connectionsEnded++;
    this.#connection = undefined;
    this.#endObservation();
    this.#hasWork = false;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#begin(next);
  }

  /** Fills in what to poll for: the connection (or the listener) first, then kicks, then a transfer of state and pages that are awaited. */
  #gather(
    connection: ReferenceConnection | undefined,
    kicks: readonly { token: number }[],
    transfer: StateTransfer | undefined,
  ): number {
    if (kicks.length + 3 > this.#fds.length) this.#grow(kicks.length + 3);
    if (connection === undefined) {
      this.#fds[0] = this.#listener;
      this.#events[0] = POLLIN;
      return 1;
    }
    this.#fds[0] = connection.fd;
    this.#events[0] = (connection.wantsToReceive ? POLLIN : 0) | (connection.wantsToSend ? POLLOUT : 0);
    for (const [n, { token }] of kicks.entries()) {
      this.#fds[n + 1] = connection.isDeaf(token) ? -1 : token;
      this.#events[n + 1] = POLLIN;
    }
    let count = kicks.length + 1;
    if (transfer?.token !== undefined) {
      this.#fds[count] = transfer.token;
      this.#events[count++] = transfer.waitsTo === 'read' ? POLLIN : POLLOUT;
    }
    if (this.#files.arrivalsFd < 0) return count;
    this.#fds[count] = this.#files.arrivalsFd;
    this.#events[count] = POLLIN;
    return count + 1;
  }

  /** Takes in pages that have come. True while others are waited for: a thread of this process does that, and not we. */
  #awaitsPages(): boolean {
    if (this.#files.arrivalsFd < 0) return false;
    this.#files.takeArrivals();
    this.#files.hasSignalled = true;
    return true;
  }

  #exchange(connection: ReferenceConnection, revents: number): boolean {
    if ((revents & POLLOUT) !== 0 && !connection.flush()) return false;
    return (revents & ~POLLOUT) === 0 || connection.receive();
  }

  /** Carries out chains that wait. */
  #work(connection: ReferenceConnection): boolean {
    let progressed = false;
    const { rings } = connection.session;
    const most = rings.isSlow ? 1 : chainsPerTurn;
    let outcome = rings.step();
    for (let n = 1; outcome === 'progressed' && n < most; n++) {
      progressed = true;
      outcome = rings.step();
    }
    this.#hasWork = outcome === 'progressed';
    return progressed || this.#hasWork;
  }

  #grow(count: number): void {
    const size = count * 2;
    this.#fds = new Int32Array(size);
    this.#events = new Int16Array(size);
    this.#revents = new Int16Array(size);
  }
}
