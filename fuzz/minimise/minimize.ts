import { type AnyValues, type ArgumentTable, isSame } from '../program/arguments.ts';
import { argumentsOf } from '../program/call-table.ts';
import { type Call, type Program, valuesOf, withValues } from '../program/program.ts';

export interface Minimized {
  readonly program: Program;
  /** How often `stillFails` was asked. */
  readonly tries: number;
  /** No call can be removed and no argument made its default without losing the failure; false where tries ran out. */
  readonly isMinimal: boolean;
}

/**
 * The smallest program found that still fails: calls are removed first, then arguments become their default, then bytes
 * become fewer and zero. It asks and does nothing else.
 * @param stillFails of a program that fails now and then: repeats it as its rate demands.
 * @param mostTries no more than so many questions.
 */
export function minimize(program: Program, stillFails: (candidate: Program) => boolean, mostTries = 2000): Minimized {
  const search = new Search(program, stillFails, mostTries);
  // What arguments allow may make another call needless.
  for (let before: Program | undefined; before !== search.program && search.hasTries; ) {
    before = search.program;
    removeCalls(search);
    defaultArguments(search);
    shortenBytes(search);
  }
  return { program: search.program, tries: search.tries, isMinimal: search.hasTries };
}

class Search {
  program: Program;
  tries = 0;
  readonly #stillFails: (candidate: Program) => boolean;
  readonly #mostTries: number;

  constructor(program: Program, stillFails: (candidate: Program) => boolean, mostTries: number) {
    this.program = program;
    this.#stillFails = stillFails;
    this.#mostTries = mostTries;
  }

  get hasTries(): boolean {
    return this.tries < this.#mostTries;
  }

  /** Keeps the candidate where it fails. */
  keeps(calls: readonly Call[]): boolean {
    if (!this.hasTries) return false;
    this.tries++;
    if (!this.#stillFails({ calls })) return false;
    this.program = { calls };
    return true;
  }
}

/** Runs of calls, half of them and less, from the end: what is behind the failure goes first. */
function removeCalls(search: Search): void {
  for (let size = search.program.calls.length; size >= 1 && search.hasTries; size = Math.floor(size / 2)) {
    for (let end = search.program.calls.length; end > 0; end -= size) {
      const from = Math.max(0, end - size);
      const { calls } = search.program;
      if (from < calls.length) search.keeps(calls.toSpliced(from, end - from));
    }
  }
}

function defaultArguments(search: Search): void {
  for (let place = search.program.calls.length - 1; place >= 0; place--) {
    const call = search.program.calls[place];
    if (call === undefined) continue;
    simplifyValues(argumentsOf(call.kind), valuesOf(call), (values) =>
      search.keeps(search.program.calls.with(place, withValues(search.program.calls[place] ?? call, values))),
    );
  }
}

/** Takes other values of some arguments, and says whether they are kept. */
type Keeps = (values: AnyValues) => boolean;

function simplifyValues(table: ArgumentTable, values: AnyValues, keeps: Keeps): void {
  for (const [name, argument] of Object.entries(table)) {
    const value = values[name];
    if (isSame(argument, value, argument.default)) continue;
    if (keeps({ [name]: argument.default })) continue;
    if (argument.type !== 'list') continue;
    simplifyList(argument.element, value as readonly AnyValues[], (simpler) => keeps({ [name]: simpler }));
  }
}

function simplifyList(
  element: ArgumentTable,
  list: readonly AnyValues[],
  keeps: (list: readonly AnyValues[]) => boolean,
): void {
  let present = list;
  const tries = (candidate: readonly AnyValues[]): boolean => {
    if (!keeps(candidate)) return false;
    present = candidate;
    return true;
  };
  for (let at = present.length - 1; at >= 0; at--) {
    if (tries(present.toSpliced(at, 1))) continue;
    simplifyValues(element, present[at] ?? {}, (values) => tries(present.with(at, { ...present[at], ...values })));
  }
}

/** Fewer bytes, then zero ones. */
function shortenBytes(search: Search): void {
  for (let place = 0; place < search.program.calls.length; place++) {
    const call = search.program.calls[place];
    if (call === undefined) continue;
    bytesIn(argumentsOf(call.kind), valuesOf(call), (values) =>
      search.keeps(search.program.calls.with(place, withValues(search.program.calls[place] ?? call, values))),
    );
  }
}

function bytesIn(table: ArgumentTable, values: AnyValues, keeps: Keeps): void {
  for (const [name, argument] of Object.entries(table)) {
    const value = values[name];
    if (value instanceof Uint8Array) simplifyBytes(value, (bytes) => keeps({ [name]: bytes }));
    if (argument.type !== 'list') continue;
    let present = value as readonly AnyValues[];
    for (let at = 0; at < present.length; at++) {
      bytesIn(argument.element, present[at] ?? {}, (changed) => {
        const candidate = present.with(at, { ...present[at], ...changed });
        if (!keeps({ [name]: candidate })) return false;
        present = candidate;
        return true;
      });
    }
  }
}

function simplifyBytes(bytes: Uint8Array, keeps: (bytes: Uint8Array) => boolean): void {
  let present = bytes;
  const tries = (candidate: Uint8Array): boolean => {
    if (!keeps(candidate)) return false;
    present = candidate;
    return true;
  };
  for (let cut = present.length >> 1; cut >= 1; cut >>= 1) {
    while (present.length > cut && tries(present.slice(0, present.length - cut)));
  }
  for (let size = present.length; size >= 1; size >>= 1) {
    for (let from = 0; from < present.length; from += size) {
      const part = present.subarray(from, from + size);
      if (part.some((byte) => byte !== 0)) tries(present.slice().fill(0, from, from + size));
    }
  }
}
