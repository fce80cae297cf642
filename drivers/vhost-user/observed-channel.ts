import type { TrafficObserver } from '../port/traffic.ts';
import type { Channel, CutMessage } from './channel.ts';

const descriptorsOf = (descriptors: Int32Array | null, from: number, count: number): number[] =>
  descriptors === null ? [] : Array.from(descriptors.subarray(from, from + count));

/** A channel whose traffic an observer is told of. It has no `exchange`: what is sent is told before its answer comes. */
export class ObservedChannel implements Channel {
  readonly #channel: Channel;
  readonly #session: number;
  readonly #observer: TrafficObserver;
  #isOpen = true;

  constructor(channel: Channel, session: number, observer: TrafficObserver) {
    this.#channel = channel;
    this.#session = session;
    this.#observer = observer;
    observer.opened(session);
  }

  get pollFd(): number {
    return this.#channel.pollFd;
  }

  get peerPid(): number | undefined {
    return this.#channel.peerPid;
  }

  get receivedDescriptors(): number {
    return this.#channel.receivedDescriptors;
  }

  send(
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: Int32Array | null,
    descriptorCount: number,
    deadlineUs: number,
  ): number {
    const told = bytes.subarray(offset, offset + length);
    this.#observer.sending(this.#session, told, descriptorsOf(descriptors, 0, descriptorCount));
    return this.#channel.send(bytes, offset, length, descriptors, descriptorCount, deadlineUs);
  }

  sendAll(
    bytes: Uint8Array,
    lengths: Int32Array,
    descriptors: Int32Array,
    descriptorCounts: Int32Array,
    count: number,
    deadlineUs: number,
    cut: CutMessage,
  ): number {
    let at = 0;
    let from = 0;
    for (let n = 0; n < count; n++) {
      const length = lengths[n] ?? 0;
      const passed = descriptorCounts[n] ?? 0;
      const told = descriptorsOf(descriptors, from, passed);
      this.#observer.sending(this.#session, bytes.subarray(at, at + length), told);
      at += length;
      from += passed;
    }
    return this.#channel.sendAll(bytes, lengths, descriptors, descriptorCounts, count, deadlineUs, cut);
  }

  receive(bytes: Uint8Array, offset: number, length: number, descriptors: Int32Array): number {
    const received = this.#channel.receive(bytes, offset, length, descriptors);
    if (received > 0) this.#observer.received(this.#session, received);
    return received;
  }

  isDrained(): boolean {
    return this.#channel.isDrained();
  }

  shutdown(how: 'write' | 'both'): void {
    this.#observer.shuttingDown(this.#session, how);
    this.#channel.shutdown(how);
  }

  close(): void {
    if (this.#isOpen) this.#observer.closing(this.#session);
    this.#isOpen = false;
    this.#channel.close();
  }
}
