import { type Call, nextId, type Program } from '../program/program.ts';
import { withReferences } from '../program/references.ts';
import { changed, madeCall, madeRingWrite } from './made-call.ts';
import type { Random } from './random.ts';

/** What a mutant has at most: longer ones are cut at their end. */
export const mostCallsOfMutant = 96;
const mostChanges = 6;
const mostDropped = 4;
const mostRepeats = 8;
const mostSpliced = 12;

type Calls = readonly Call[];

/** Changes calls; `donors` are programs that parts may come from. */
type Mutator = (random: Random, calls: Calls, donors: readonly Program[]) => Calls;

const insert: Mutator = (random, calls) => {
  const id = nextId({ calls });
  return calls.toSpliced(random.below(calls.length + 1), 0, madeCall(random, id));
};

const drop: Mutator = (random, calls) =>
  calls.length < 2 ? calls : calls.toSpliced(random.below(calls.length), random.few(mostDropped));

const repeat: Mutator = (random, calls) => {
  if (calls.length === 0) return calls;
  const at = random.below(calls.length);
  const call = calls[at] as Call;
  const id = nextId({ calls });
  const copies = Array.from({ length: random.few(mostRepeats) }, (_, n) => ({ ...call, id: id + n }));
  return calls.toSpliced(at + 1, 0, ...copies);
};

const reorder: Mutator = (random, calls) => {
  if (calls.length < 2) return calls;
  const from = random.below(calls.length);
  const moved = calls[from] as Call;
  const rest = calls.toSpliced(from, 1);
  return rest.toSpliced(random.below(rest.length + 1), 0, moved);
};

const splice: Mutator = (random, calls, donors) => {
  if (donors.length === 0) return calls;
  const donor = random.pick(donors).calls;
  const from = random.below(donor.length);
  const part = donor.slice(from, from + 1 + random.below(mostSpliced));
  return calls.toSpliced(random.below(calls.length + 1), 0, ...renumbered(part, nextId({ calls })));
};

const interleave: Mutator = (random, calls, donors) => {
  if (donors.length === 0) return calls;
  const other = renumbered(random.pick(donors).calls, nextId({ calls }));
  const merged: Call[] = [];
  for (let left = 0, right = 0; left < calls.length || right < other.length; ) {
    const isLeft = right >= other.length || (left < calls.length && random.oneIn(2));
    merged.push((isLeft ? calls[left++] : other[right++]) as Call);
  }
  return merged;
};

/** Another value of some argument, with others of the same call now and then. */
const change: Mutator = (random, calls) => {
  if (calls.length === 0) return calls;
  const at = random.below(calls.length);
  let call = calls[at] as Call;
  for (let n = random.few(3); n > 0; n--) call = changed(random, call);
  return calls.with(at, call);
};

/** A ring is written over right behind a chain, before the device may look: mostly a descriptor of the first chains. */
const damage: Mutator = (random, calls) => {
  const chains = calls.flatMap(({ kind }, at) => (kind === 'chain' ? [at] : []));
  if (chains.length === 0) return calls;
  return calls.toSpliced(random.pick(chains) + 1, 0, madeRingWrite(random, nextId({ calls })));
};

/** A mutator stands here as often as it is chosen. */
const mutators: readonly Mutator[] = [
  insert,
  insert,
  insert,
  change,
  change,
  change,
  change,
  drop,
  repeat,
  reorder,
  splice,
  interleave,
  damage,
  damage,
];

/** A program that differs from `base` by a few mutations. The same numbers give the same mutant. */
export function mutant(random: Random, base: Program, donors: readonly Program[]): Program {
  let { calls }: { calls: Calls } = base;
  for (let n = random.few(mostChanges); n > 0; n--) calls = random.pick(mutators)(random, calls, donors);
  return { calls: calls.slice(0, mostCallsOfMutant) };
}

/** The calls with ids from `first` on; references among them follow, others mean the nearest. */
export function renumbered(calls: Calls, first: number): Call[] {
  const ids = new Map(calls.map(({ id }, at) => [id, first + at]));
  return calls.map((call, at) => ({ ...withReferences(call, (id) => ids.get(id) ?? 0), id: first + at }));
}
