import type { DriverPort, IutResources } from '../../drivers/port/port.ts';
import type { Held } from './finding.ts';

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);
/** What an IUT holds: open descriptors and mapped memory files. */
const heldIn = ({ descriptors, mappings }: IutResources): number => descriptors + sum(mappings);

/** How often a program is repeated to see whether it leaks. */
const repeats = 8;
const settleMs = 200;
/** A leak is looked for where one in so many programs seems to leave something. */
const suspicious = 16;
const leastGrowth = 2;

export interface Leak {
  readonly held: Held;
  /** The kinds of it, by name. */
  readonly what: string;
}

/** What an IUT holds more behind 8 repeats of something than behind the first; undefined where it does not grow with each. */
export function leakOf(port: DriverPort, repeated: () => void): Leak | undefined {
  repeated();
  const before = port.iut.resources();
  if (before === undefined) return undefined;
  for (let n = 0; n < repeats; n++) {
    repeated();
    if (!port.iut.isAlive()) return undefined;
  }
  const isGrown = (held: IutResources | undefined): boolean =>
    held !== undefined && heldIn(held) >= heldIn(before) + repeats;
  if (!isGrown(port.iut.resources())) return undefined;
  // Some close a moment later.
  port.untilSettled(() => !isGrown(port.iut.resources()), settleMs);
  const after = port.iut.resources();
  return after === undefined || !isGrown(after) ? undefined : growth(before, after);
}

/** By kind: what is closed meanwhile hides nothing. */
function growth(before: IutResources, after: IutResources): Leak {
  const descriptors = grown(before.byIdentity, after.byIdentity);
  const held = sum(descriptors) >= repeats ? 'descriptors' : 'mappings';
  const names = Object.keys(held === 'descriptors' ? descriptors : grown(before.mappings, after.mappings));
  const kinds = new Set(names.map((name) => name.replace(/^anon_inode:/, '').replace(/\d+/g, '')));
  return { held, what: [...kinds].sort().join(', ') };
}

/** Of what there is more than there was, how much more. */
function grown(
  were: Readonly<Record<string, number>>,
  are: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const more = Object.entries(are).map(([name, now]) => [name, now - (were[name] ?? 0)] as const);
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}

/** Looks now and then at what an IUT holds, and says when it is more than programs that leak nothing explain. */
export class LeakWatch {
  readonly #port: DriverPort;
  /** What it holds behind a program does not depend on when it is asked. */
  readonly #isExact: boolean;
  #least = Number.POSITIVE_INFINITY;

  constructor(port: DriverPort, isExact: boolean) {
    this.#port = port;
    this.#isExact = isExact;
  }

  /** The process was started afresh. */
  restart(): void {
    this.#least = Number.POSITIVE_INFINITY;
  }

  /** Called ahead of each program: the first one since the start tells what is held before any. */
  begins(): void {
    if (this.#least !== Number.POSITIVE_INFINITY) return;
    const resources = this.#port.iut.resources();
    if (resources !== undefined) this.#least = heldIn(resources);
  }

  /** Whether it holds so much more than the least that was seen that a leak is worth looking for. */
  isSuspect(programs: number): boolean {
    const resources = this.#port.iut.resources();
    if (resources === undefined) return false;
    const held = heldIn(resources);
    this.#least = Math.min(this.#least, held);
    const growth = this.#isExact ? 1 : Math.max(leastGrowth, programs / suspicious);
    if (held < this.#least + growth) return false;
    this.#least = held;
    return true;
  }
}
