/** What a worker is asked to do: to run everything in some places and say which mutants each item reaches. */
export interface CoverOrder {
  readonly kind: 'cover';
  readonly places: readonly string[];
  /** Of each case the first variant alone. */
  readonly firstVariants: boolean;
  /** The mutants that are asked about. */
  readonly mutants: readonly string[];
}

/** Or to try mutants, each with items in their order, until one fails. */
export interface TryOrder {
  readonly kind: 'try';
  readonly trials: readonly Trial[];
}

export interface Trial {
  readonly mutant: string;
  readonly items: readonly string[];
}

export type WorkerOrder = CoverOrder | TryOrder;

/** How a mutant showed. */
export type Detection = 'finding' | 'crash' | 'hang' | 'not-served';

/** What a worker says, a line each, as JSON. */
export type WorkerLine =
  | { readonly kind: 'loaded'; readonly mutants: readonly string[] }
  | { readonly kind: 'opened'; readonly place: string; readonly mutants: readonly string[] }
  | {
      readonly kind: 'ran';
      readonly item: string;
      readonly verdict: string;
      /** Processor time. */
      readonly durationMs: number;
      /** How many variants of its case stand before it. */
      readonly rank: number;
      readonly mutants: readonly string[];
    }
  | { readonly kind: 'trying'; readonly mutant: string; readonly item: string }
  | {
      readonly kind: 'killed';
      readonly mutant: string;
      readonly item: string;
      readonly by: Detection;
      readonly what: string;
    }
  /** A case of ours threw: no verdict, and a defect of the suite. */
  | { readonly kind: 'threw'; readonly mutant: string; readonly item: string; readonly what: string }
  | { readonly kind: 'survived'; readonly mutant: string; readonly tried: number }
  /** The item failed with the mutant, and then without it too: this process can judge no more. */
  | { readonly kind: 'spoilt'; readonly mutant: string; readonly item: string };

export type RanItem = Extract<WorkerLine, { kind: 'ran' }>;
