import { type OtherDescriptors, POLLIN, poll } from '../native/native.ts';

/** The most descriptors that an exchange can watch beside its own. */
const mostOthers = 63;

/** Something with a descriptor that can wake a wait. */
export interface WaitSource {
  /** Asked when the source is added; it must not change before it is removed. */
  readonly pollFd: number;
  /** Called when the descriptor is readable, hung up or broken. It may add and remove sources, itself too. */
  onReady(revents: number): void;
}

/** All descriptors that one wait looks at. Sources with a negative descriptor are never ready. */
export interface WaitSet {
  add(source: WaitSource): void;
  /** Before its descriptor is closed. No effect for a source that is not there. */
  remove(source: WaitSource): void;
  /** All descriptors as they stand, for a wait elsewhere that they may end; undefined where they are too many. */
  others(): OtherDescriptors | undefined;
  /**
   * Waits once, for at most `timeoutUs` microseconds and perhaps less, and calls the sources that are ready. Answers how
   * many were.
   */
  wait(timeoutUs: number): number;
  /** Gives back what it holds itself. */
  close(): void;
}

/** A set without anything of its own: each wait hands all descriptors to the kernel. */
export class PollSet implements WaitSet {
  #fds = new Int32Array(32);
  #events = new Int16Array(32).fill(POLLIN);
  #revents = new Int16Array(32);
  #others = { fds: this.#fds, events: this.#events, revents: this.#revents, count: 0 };
  readonly #sources: (WaitSource | undefined)[] = [];
  #count = 0;
  #holes = false;

  add(source: WaitSource): void {
    if (this.#count === this.#fds.length) this.#grow();
    this.#fds[this.#count] = source.pollFd;
    this.#sources[this.#count] = source;
    this.#count++;
  }

  remove(source: WaitSource): void {
    const at = this.#sources.indexOf(source);
    if (at < 0) return;
    this.#sources[at] = undefined;
    this.#fds[at] = -1;
    this.#holes = true;
  }

  others(): OtherDescriptors | undefined {
    if (this.#holes) this.#close();
    if (this.#count > mostOthers) return undefined;
    this.#others.count = this.#count;
    return this.#others;
  }

  /** Polls once, for at most `timeoutUs` microseconds, and calls the sources that are ready. Returns how many were. */
  wait(timeoutUs: number): number {
    if (this.#holes) this.#close();
    const count = this.#count;
    const ready = poll(this.#fds, this.#events, this.#revents, count, timeoutUs);
    if (ready === 0) return 0;
    for (let at = 0; at < count; at++) {
      const revents = this.#revents[at] as number;
      if (revents !== 0) this.#sources[at]?.onReady(revents);
    }
    return ready;
  }

  close(): void {}

  /** Closes the holes that removals left; not while sources are being called, so that places hold still. */
  #close(): void {
    let to = 0;
    for (let from = 0; from < this.#count; from++) {
      const source = this.#sources[from];
      if (source === undefined) continue;
      this.#sources[to] = source;
      this.#fds[to] = this.#fds[from] as number;
      to++;
    }
    this.#sources.length = to;
    this.#count = to;
    this.#holes = false;
  }

  #grow(): void {
    const size = this.#fds.length * 2;
    const fds = new Int32Array(size);
    fds.set(this.#fds);
    this.#fds = fds;
    this.#events = new Int16Array(size).fill(POLLIN);
    this.#revents = new Int16Array(size);
    this.#others = { fds, events: this.#events, revents: this.#revents, count: 0 };
  }
}
