import type { BackEndEdge, DescriptorToken } from './back-end-edge.ts';

/** Directions and the one phase of SET_DEVICE_STATE_FD. */
export const transferDirection = { save: 0, load: 1 } as const;
const phaseStopped = 0;

/** Bits 0 to 7 of the answer to SET_DEVICE_STATE_FD. */
const failed = 1n;
const withoutDescriptor = 0x100n;

/** How the state of the device behind its rings is saved and loaded (vhost-user, "Migrating back-end state"). */
export interface StateTransferRules {
  readonly accepts: (direction: number, phase: number) => boolean;
  /** What is saved of a state. */
  readonly saved: (state: Uint8Array) => Uint8Array;
  readonly closesAtEnd: boolean;
  /** Whether loading goes on until the end of the file; else it takes what comes first for all. */
  readonly readsToEnd: boolean;
  /** The answer to SET_DEVICE_STATE_FD: always without a descriptor, the channel of the front-end serves. */
  readonly answer: (isAccepted: boolean) => bigint;
  /** The answer to CHECK_DEVICE_STATE. */
  readonly result: (hasSucceeded: boolean) => bigint;
}

export const stateTransferRules: StateTransferRules = {
  accepts: (direction, phase) =>
    (direction === transferDirection.save || direction === transferDirection.load) && phase === phaseStopped,
  saved: (state) => state,
  closesAtEnd: true,
  readsToEnd: true,
  answer: (isAccepted) => withoutDescriptor | (isAccepted ? 0n : failed),
  result: (hasSucceeded) => (hasSucceeded ? 0n : 1n),
};

/** No device has a state of more bytes, and what a front-end sends without an end is not kept. */
const mostBytes = 1 << 20;

/** One transfer of the state of a device through the descriptor that a front-end gave. It never waits. */
export abstract class StateTransfer {
  protected readonly edge: BackEndEdge;
  protected readonly rules: StateTransferRules;
  #token: DescriptorToken | undefined;
  #hasSucceeded = false;

  constructor(edge: BackEndEdge, token: DescriptorToken, rules: StateTransferRules) {
    this.edge = edge;
    this.#token = token;
    this.rules = rules;
  }

  /** What the descriptor is waited for while the transfer is under way. */
  abstract readonly waitsTo: 'read' | 'write';

  /** The descriptor while the transfer is under way; undefined behind its end. */
  get token(): DescriptorToken | undefined {
    return this.#token;
  }

  get hasSucceeded(): boolean {
    return this.#hasSucceeded;
  }

  /** Goes on as far as it can. */
  step(): void {
    if (this.#token !== undefined) this.advance(this.#token);
  }

  /** The end of a transfer that is still under way. */
  release(): void {
    this.edge.close(this.#token);
    this.#token = undefined;
  }

  protected abstract advance(token: DescriptorToken): void;

  protected end(hasSucceeded: boolean): void {
    this.#hasSucceeded = hasSucceeded;
    if (this.rules.closesAtEnd) this.release();
    else this.#token = undefined;
  }
}

/** Writes all bytes, and closes. */
export class StateSaving extends StateTransfer {
  readonly waitsTo = 'write';
  #rest: Uint8Array;

  constructor(edge: BackEndEdge, token: DescriptorToken, rules: StateTransferRules, state: Uint8Array) {
    super(edge, token, rules);
    this.#rest = rules.saved(state);
  }

  protected advance(token: DescriptorToken): void {
    while (this.#rest.length > 0) {
      const written = this.edge.write(token, this.#rest);
      if (written === 'broken') {
        this.end(false);
        return;
      }
      if (written === 0) return;
      this.#rest = this.#rest.subarray(written);
    }
    this.end(true);
  }
}

/** Reads to the end of the file, and takes the state over. */
export class StateLoading extends StateTransfer {
  readonly waitsTo = 'read';
  readonly #takeOver: (state: Uint8Array) => boolean;
  #state = new Uint8Array(0);

  /** @param takeOver says whether the bytes are a state of this device, which is in force then. */
  constructor(
    edge: BackEndEdge,
    token: DescriptorToken,
    rules: StateTransferRules,
    takeOver: (state: Uint8Array) => boolean,
  ) {
    super(edge, token, rules);
    this.#takeOver = takeOver;
  }

  protected advance(token: DescriptorToken): void {
    for (;;) {
      const read = this.edge.read(token);
      if (read === 'nothing') return;
      if (read === 'broken') {
        this.end(false);
        return;
      }
      if (read !== 'end') this.#add(read);
      if (this.#state.length > mostBytes) {
        this.end(false);
        return;
      }
      if (read === 'end' || !this.rules.readsToEnd) {
        this.end(this.#takeOver(this.#state));
        return;
      }
    }
  }

  #add(bytes: Uint8Array): void {
    const state = new Uint8Array(this.#state.length + bytes.length);
    state.set(this.#state);
    state.set(bytes, this.#state.length);
    this.#state = state;
  }
}
