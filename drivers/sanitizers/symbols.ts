import { spawnSync } from 'node:child_process';

const withinMs = 20_000;
const mostBytes = 1 << 24;
/** Both print an address, then a function and a place for each function that is inlined there, innermost first. */
const symbolizers: readonly (readonly [string, ...string[]])[] = [
  ['llvm-symbolizer', '--output-style=GNU', '-a', '-f', '-i', '-e'],
  ['addr2line', '-a', '-f', '-i', '-e'],
];

/** A frame without symbols; what is behind it on the line goes. */
const bareFrame = /^(\s*#\d+ 0x[0-9a-f]+) +\((\/.+)\+(0x[0-9a-f]+)\).*$/;
const addressLine = /^0x[0-9a-f]+$/;

/** Looks symbols up, and remembers what it found. */
export class Symbols {
  /** Lines of places, by module and offset. */
  readonly #known = new Map<string, readonly string[]>();

  /** The text of a report in which each frame names its function and its place; a frame of unknown symbols stays. */
  into(text: string): string {
    const lines = text.split('\n');
    this.#lookUp(lines);
    return lines
      .flatMap((line) => {
        const [, ahead, module, offset] = bareFrame.exec(line) ?? [];
        const places = this.#known.get(`${module}+${offset}`) ?? [];
        return places.length === 0 ? [line] : places.map((place) => `${ahead} in ${place}`);
      })
      .join('\n');
  }

  /** The function to which an address returns, by its place in the file of its module. */
  functionBefore(module: string, place: bigint): string | undefined {
    const offset = `0x${(place - 1n).toString(16)}`;
    const key = `${module}+${offset}`;
    const places = this.#known.get(key) ?? placesOf(module, [offset])[0] ?? [];
    this.#known.set(key, places);
    return places[0]?.split(' ')[0];
  }

  #lookUp(lines: readonly string[]): void {
    const wanted = new Map<string, Set<string>>();
    for (const line of lines) {
      const [, , module, offset] = bareFrame.exec(line) ?? [];
      if (module === undefined || offset === undefined || this.#known.has(`${module}+${offset}`)) continue;
      wanted.set(module, (wanted.get(module) ?? new Set()).add(offset));
    }
    for (const [module, offsets] of wanted) {
      const places = placesOf(module, [...offsets]);
      for (const [at, offset] of [...offsets].entries()) this.#known.set(`${module}+${offset}`, places[at] ?? []);
    }
  }
}

/** By the order of the offsets: `function place` for each function that is there. */
function placesOf(module: string, offsets: readonly string[]): string[][] {
  for (const [command, ...words] of symbolizers) {
    const { status, stdout } = spawnSync(command, [...words, module, ...offsets], {
      encoding: 'utf8',
      timeout: withinMs,
      maxBuffer: mostBytes,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (status === 0) return placesIn(stdout);
  }
  return [];
}

function placesIn(printed: string): string[][] {
  const all: string[][] = [];
  let functionName: string | undefined;
  for (const line of printed.split('\n')) {
    if (addressLine.test(line)) {
      all.push([]);
      functionName = undefined;
    } else if (functionName === undefined) functionName = line;
    else {
      if (functionName !== '??') all.at(-1)?.push(`${functionName} ${line}`);
      functionName = undefined;
    }
  }
  return all;
}
