import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import type { CallOf, Program } from '../program/program.ts';
import { CallList } from './call-list.ts';
import { packedRing, protocolFeatures, version1 } from './feature-words.ts';

type Segments = CallOf<'chain'>['segments'];

export interface PlainShape {
  readonly layout: RingLayout;
  readonly offer: Pick<FeatureSet, 'device'>;
}

/** Lays a program with one session at a time, whose rings run from the start. */
export class PlainSession {
  readonly #shape: PlainShape;
  readonly #features: bigint;
  readonly #sizes: readonly number[];
  readonly #list = new CallList();
  #session: number;
  #queues: number[] = [];

  /** @param features beside those of every session. @param sizes of the rings, from queue 0 on. */
  constructor(shape: PlainShape, features: bigint, sizes: readonly number[]) {
    this.#shape = shape;
    const packed = shape.layout === 'packed' ? packedRing : 0n;
    this.#features = (version1 | protocolFeatures | packed | features) & shape.offer.device;
    this.#sizes = sizes;
    this.#session = this.#list.add('connect');
    this.#begin();
  }

  /** The session ends, and another one begins. */
  anew(): void {
    this.#session = this.#list.add('reconnect', { session: this.#session });
    this.#begin();
  }

  #begin(): void {
    this.#list.add('negotiate', { session: this.#session, device: this.#features });
    const memory = this.#list.add('memory', { layout: 'single-region' });
    this.#list.add('share', { session: this.#session, memory });
    this.#queues = this.#sizes.map((size, index) => {
      const ring = this.#list.add('ring', { memory, layout: this.#shape.layout, size });
      return this.#list.add('attach', { session: this.#session, ring, index });
    });
  }

  chain(index: number, segments: Segments): void {
    this.#list.add('chain', { queue: this.#queue(index), segments });
  }

  kick(index: number): void {
    this.#list.add('kick', { queue: this.#queue(index) });
  }

  wait(index: number, count: number): void {
    this.#list.add('wait', { queue: this.#queue(index), count });
  }

  /** What the device has to do is done, where it works in one thread. */
  fence(): void {
    this.#list.add('fence', { session: this.#session });
  }

  stop(index: number): void {
    this.#list.add('stop', { queue: this.#queue(index) });
  }

  readConfig(length: number): void {
    this.#list.add('read-config', { session: this.#session, length });
  }

  program(): Program {
    return { calls: this.#list.calls };
  }

  #queue(index: number): number {
    return this.#queues[index] ?? 0;
  }
}
