import type { TargetRecord } from '../reports/record/record.ts';
import type { HostJob, HostMessage, HostOrder } from './host-protocol.ts';
import { HostMessageReader } from './host-protocol.ts';

/** How the kernel of a guest ended under a host process. */
export interface KernelDeath {
  readonly how: 'crash' | 'hang';
  /** The complaint, one line. */
  readonly signature: string;
  /** What the console printed about it. */
  readonly log: string;
}

/** How a host process ended, as its parent sees it. */
export type HostEnd =
  | { readonly kind: 'completed'; readonly gaveUp?: string | undefined }
  | { readonly kind: 'unusable'; readonly why: string }
  | { readonly kind: 'not-served'; readonly why: string }
  | { readonly kind: 'no-point'; readonly why: string }
  | { readonly kind: 'unwritable'; readonly why: string }
  /** It died, or was killed past its budget, before it was done. `cause` is the same where it would be so again. */
  | { readonly kind: 'died'; readonly why: string; readonly cause: string }
  /** The kernel under it ended or hung; only in a guest. */
  | { readonly kind: 'kernel-died'; readonly death: KernelDeath }
  /** The parent ended it on request. */
  | { readonly kind: 'stopped' };

export interface HostListener {
  /** The target serves. When this returns, the run's directory is there and the host may write; a throw ends it. */
  ready(target: TargetRecord): void;
  /** The host wants an order, which may be given later. */
  wantsOrder(gaveUp: boolean, give: (order: HostOrder) => void): void;
  message(message: HostMessage): void;
  /** A kernel was booted for this host: what ran before ran on another one. */
  booted(): void;
  /** Whether the result of this key is expected to end the kernel. */
  isKnownEnd?(key: string): boolean;
  /** A long step began. */
  note(line: string): void;
}

export interface HostBudgets {
  /** Until the target serves. */
  readonly startMs: number;
  /** For one step of a result, as the host tells them. */
  readonly resultMs: number;
  /** For one step of a result that is expected to end the kernel; without it as for any other. */
  readonly knownEndMs?: number;
}

/** A host process, on this kernel or in a guest. */
export interface Host {
  readonly ended: Promise<HostEnd>;
  /** Ends it at once; what it had started ends with it. */
  stop(): void;
}

/** Where host processes run: on this kernel, or in a guest. */
export interface HostPlace {
  /** The words after `vhost-conformance` that ask for a run there, before those of its targets. */
  readonly runWords: readonly string[];
  startHost(job: HostJob, listener: HostListener): Host;
  /** Ends what serves the hosts. Returns why the results cannot be trusted, if they cannot. */
  close(): Promise<string | undefined>;
}

/** The conversation of a host process and its parent: messages one way, orders the other, a budget for each result. */
export class HostConversation {
  readonly #listener: HostListener;
  readonly #send: (line: string) => void;
  readonly #kill: () => void;
  readonly #reader = new HostMessageReader();
  #timer: NodeJS.Timeout | undefined;
  #end: HostEnd | undefined;
  #isClosed = false;
  #resultMs: number;
  #knownEndMs: number;
  /** For a step of the result that runs. */
  #stepMs: number;
  #running = 'the first result';
  #failure: { readonly error: unknown } | undefined;

  constructor(listener: HostListener, budgets: HostBudgets, send: (line: string) => void, kill: () => void) {
    this.#listener = listener;
    this.#resultMs = budgets.resultMs;
    this.#knownEndMs = budgets.knownEndMs ?? budgets.resultMs;
    this.#stepMs = budgets.resultMs;
    this.#send = send;
    this.#kill = kill;
    this.#watch(budgets.startMs, 'the start of the target');
  }

  /** How the host ended, as it or its parent says; undefined if it fell silent. */
  get end(): HostEnd | undefined {
    return this.#end;
  }

  /** What the step that runs may take, or took too long for. */
  get patienceMs(): number {
    return this.#stepMs;
  }

  received(text: string): void {
    if (this.#failure !== undefined) return;
    try {
      for (const message of this.#reader.push(text)) this.#take(message);
    } catch (error) {
      this.#failure = { error };
      this.#kill();
    }
  }

  /** We end it on request. */
  stop(): void {
    this.#end ??= { kind: 'stopped' };
    this.#kill();
  }

  /** Nothing more comes. @throws what a listener threw. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #take(message: HostMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#resultMs += message.slowerByMs;
        this.#knownEndMs += message.slowerByMs;
        this.#listener.ready(message.target);
        this.#askForOrder(false);
        return;
      case 'more':
        this.#askForOrder(message.gaveUp);
        return;
      case 'begin':
        this.#running = message.key;
        this.#watch(this.#listener.isKnownEnd?.(message.key) ? this.#knownEndMs : this.#resultMs, message.key);
        this.#listener.message(message);
        return;
      case 'step':
        this.#watch(this.#stepMs, this.#running);
        return;
      case 'case':
        this.#watch(this.#resultMs, `recovery behind ${message.key}`);
        this.#listener.message(message);
        return;
      case 'death':
        this.#listener.message(message);
        return;
      case 'said':
      case 'replayed':
      case 'minimized':
      case 'distilled':
      case 'property':
      case 'fuzzing':
      case 'bucket':
        this.#watch(this.#resultMs, 'what follows');
        this.#listener.message(message);
        return;
      case 'unusable':
      case 'not-served':
      case 'unwritable':
      case 'no-point':
      case 'completed':
        this.#end ??= message;
    }
  }

  /** A host that waits for its order costs no time of its own. */
  #askForOrder(gaveUp: boolean): void {
    clearTimeout(this.#timer);
    this.#listener.wantsOrder(gaveUp, (order) => {
      if (this.#isClosed) return;
      this.#send(`${JSON.stringify(order)}\n`);
      this.#watch(this.#resultMs, order.kind === 'run' ? 'the first result' : 'its end');
    });
  }

  #watch(ms: number, what: string): void {
    clearTimeout(this.#timer);
    this.#stepMs = ms;
    this.#timer = setTimeout(() => {
      const why = `the host process was killed: ${what} took more than ${Math.round(ms / 1000)} s`;
      this.#end ??= { kind: 'died', why, cause: 'a result took too long' };
      this.#kill();
    }, ms);
  }
}
