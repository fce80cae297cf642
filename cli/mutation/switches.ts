/**
 * What instrumented code reads and writes, by the names that the instrumenter gives them: which mutant is on, which were
 * reached, and how often the one that is on may be reached before it counts as a loop without end.
 */
interface Switches {
  activeMutant?: string;
  currentTestId?: string;
  hitCount?: number;
  hitLimit?: number;
  mutantCoverage?: {
    readonly static: Readonly<Record<string, number>>;
    readonly perTest: Record<string, Readonly<Record<string, number>>>;
  };
}

const instrumented = globalThis as { __stryker__?: Switches };

/** The environment variable that switches a mutant on while its module loads. */
export const activeMutantVariable = '__STRYKER_ACTIVE_MUTANT__';

const mostHits = 20_000_000;

const switches = (): Switches => {
  instrumented.__stryker__ ??= {};
  return instrumented.__stryker__;
};

/** From here on what is reached counts for `name`. */
export function coverFor(name: string): void {
  switches().currentTestId = name;
}

/** Mutants reached for `name` since, which are then forgotten; without a name, those reached as modules loaded. */
export function reached(name?: string): string[] {
  const coverage = switches().mutantCoverage;
  if (coverage === undefined) return [];
  if (name === undefined) return Object.keys(coverage.static);
  const hits = Object.keys(coverage.perTest[name] ?? {});
  delete coverage.perTest[name];
  return hits;
}

/** Whether the environment switched a mutant on, for the whole life of the process. */
export const isFixed = (): boolean => process.env[activeMutantVariable] !== undefined;

/** Switches a mutant on, or with undefined all off. One that the environment switched on stays. */
export function switchOn(mutant: string | undefined): void {
  if (isFixed()) return;
  const own = switches();
  if (mutant === undefined) delete own.activeMutant;
  else own.activeMutant = mutant;
}

/** Gives the mutant that is on a full allowance of hits. */
export function allowHits(): void {
  const own = switches();
  own.hitCount = 0;
  own.hitLimit = mostHits;
}

/** Whether an error is the end of that allowance. */
export const isHitLimit = (text: string): boolean => text.includes('Hit count limit reached');
