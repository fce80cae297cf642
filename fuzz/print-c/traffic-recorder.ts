import { readlinkSync, type Stats, statSync } from 'node:fs';
import type { DescriptorSource, Guest, TrafficObserver } from '../../drivers/port/port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import { MemoryShadow } from './memory-shadow.ts';
import type { Recording, Step, Thing, Transfer } from './recording.ts';
import { ToldRings } from './told-rings.ts';

/** Makes steps of what passes between a port and its IUT, and of what our side stores to memory. */
export class TrafficRecorder implements TrafficObserver {
  readonly shadow = new MemoryShadow();
  readonly #source: DescriptorSource;
  readonly #things: Thing[] = [];
  /** Places in `#things`, by descriptor: eventfds are made for one message, files live as long as their Guest. */
  readonly #thingOf = new Map<number, number>();
  /** Of files, by place in `#things`: a number of a descriptor that was closed is soon another one's. */
  readonly #inodes = new Map<number, number>();
  readonly #sessions = new Map<number, { readonly number: number; readonly rings: ToldRings }>();
  #steps: Step[] = [];
  #lastKick: Transfer['used'];
  #kicks = 0;

  constructor(source: DescriptorSource) {
    this.#source = source;
  }

  get things(): Recording['things'] {
    return this.#things;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /**
   * The used idx that the last kick asked to move, and where from: each kick since `forgetKick` is for one chain of a new
   * ring. The memory may tell more by then, since a device at work needs no kick.
   */
  get lastKick(): Transfer['used'] {
    return this.#lastKick;
  }

  forgetKick(): void {
    this.#kicks = 0;
    this.#lastKick = undefined;
  }

  /** The steps since this was asked last. */
  takeSteps(): Step[] {
    this.store();
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }

  add(step: Step): void {
    this.#steps.push(step);
  }

  note(text: string): void {
    this.store();
    this.#steps.push({ kind: 'note', text });
  }

  made(guest: Guest): void {
    this.shadow.add(guest, (region) => this.#fileOf(region));
  }

  /** Guests are given back, and their descriptors closed. */
  forgetMemory(): void {
    this.shadow.forget();
    this.#thingOf.clear();
  }

  /** What our side stored so far becomes steps. What makes other stores visible to the device comes last. */
  store(): void {
    const all = [...this.#sessions.values()];
    for (const { rings } of all) rings.learnUsed();
    const publishing = all.flatMap(({ rings }) => rings.publishing);
    for (const stored of this.shadow.changes(publishing)) this.#steps.push({ kind: 'store', ...stored });
  }

  thingOf(descriptor: number): number | undefined {
    return this.#thingOf.get(descriptor);
  }

  opened(session: number): void {
    const number = this.#sessions.size;
    this.#sessions.set(session, { number, rings: new ToldRings(this.shadow) });
    this.#steps.push({ kind: 'connect', session: number });
  }

  sending(session: number, bytes: Uint8Array, descriptors: readonly number[]): void {
    this.store();
    const passed = descriptors.map((descriptor) => this.#passed(descriptor));
    const known = this.#sessions.get(session);
    if (known === undefined) return;
    known.rings.sending(bytes);
    this.#steps.push({ kind: 'send', session: known.number, bytes: bytes.slice(), passed });
  }

  received(session: number, length: number): void {
    const known = this.#sessions.get(session);
    if (known === undefined) return;
    known.rings.received();
    const last = this.#steps.at(-1);
    if (last?.kind === 'receive' && last.session === known.number) {
      this.#steps[this.#steps.length - 1] = { ...last, length: last.length + length };
    } else this.#steps.push({ kind: 'receive', session: known.number, length });
  }

  shuttingDown(session: number, how: 'write' | 'both'): void {
    const known = this.#sessions.get(session);
    if (known !== undefined) this.#steps.push({ kind: 'shutdown', session: known.number, how });
  }

  closing(session: number): void {
    const known = this.#sessions.get(session);
    if (known === undefined) return;
    this.store();
    known.rings.ended();
    this.#steps.push({ kind: 'close', session: known.number });
  }

  kicking(eventfd: number): void {
    this.store();
    const thing = this.#thingOf.get(eventfd);
    if (thing !== undefined) this.#steps.push({ kind: 'signal', thing, value: 1n });
    const used = [...this.#sessions.values()].at(-1)?.rings.usedIdx;
    const place = used && this.shadow.placeOf(used.region, used.offset);
    this.#lastKick = used && place && { ...place, from: this.#kicks };
    this.#kicks++;
  }

  /** The file of a region of a Guest: the same for each that lies in it. */
  #fileOf(region: Region): number {
    const descriptor = this.#source.ofRegion(region);
    return this.#knownFile(descriptor) ?? this.#made(descriptor, { kind: 'file', size: statusOf(descriptor).size });
  }

  #passed(descriptor: number): number {
    return this.#knownFile(descriptor) ?? this.#made(descriptor, this.#thing(descriptor));
  }

  #knownFile(descriptor: number): number | undefined {
    const known = this.#thingOf.get(descriptor);
    if (known === undefined || this.#things[known]?.kind !== 'file') return undefined;
    return this.#inodes.get(known) === statusOf(descriptor).ino ? known : undefined;
  }

  #made(descriptor: number, thing: Thing): number {
    const number = this.#things.push(thing) - 1;
    this.#thingOf.set(descriptor, number);
    if (thing.kind === 'file') this.#inodes.set(number, statusOf(descriptor).ino);
    return number;
  }

  #thing(descriptor: number): Thing {
    const name = readlinkSync(pathOf(descriptor));
    if (name.includes('[eventfd]')) return { kind: 'eventfd' };
    if (name.startsWith('pipe:')) return { kind: 'pipe' };
    if (name.startsWith('socket:')) return { kind: 'socket' };
    if (name === '/dev/null') return { kind: 'null-device' };
    return { kind: 'file', size: statusOf(descriptor).size };
  }
}

const pathOf = (descriptor: number): string => `/proc/self/fd/${descriptor}`;
const statusOf = (descriptor: number): Stats => statSync(pathOf(descriptor));
