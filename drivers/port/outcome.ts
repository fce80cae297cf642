/** How a process ended: by a signal, with an exit code, or in a way that cannot be known where it is not ours. */
export interface IutExit {
  readonly signal?: string;
  readonly code?: number;
  /** The last of what the process wrote to standard error, where we keep it. */
  readonly stderr?: string;
  /** What a sanitizer in the process said of its end. */
  readonly report?: SanitizerReport;
  /** Of an instrumented process: the function in which it took its last edge. */
  readonly lastFunction?: string;
}

/** What a sanitizer that an IUT was compiled with says of an error. */
export interface SanitizerReport {
  /** `AddressSanitizer`, `UndefinedBehaviorSanitizer`. */
  readonly tool: string;
  /** The kind of error in the words of the sanitizer, without addresses and the like. */
  readonly error: string;
  /** Functions of the IUT on the stack, innermost first; none where symbols are not to be had. */
  readonly functions: readonly string[];
  /** The report as it was written, with symbols. */
  readonly text: string;
}

/**
 * Why nothing came back. `waitedMs` is the deadline that passed. `isOfFence`: what was not answered is a message that only
 * waits for those before it.
 */
export type NoAnswer =
  | { readonly kind: 'closed' }
  | { readonly kind: 'silent'; readonly waitedMs: number; readonly isOfFence?: true }
  | { readonly kind: 'died'; readonly exit: IutExit };

/** A control operation that ran to its end. */
export interface Done {
  readonly kind: 'done';
  /**
   * `acknowledgement`: the IUT answered that it did it. `return`: a call returned without an error. `fence`: the IUT
   * answered a later request, which proves that it handled the operation and neither that it accepted nor refused it.
   */
  readonly by: 'acknowledgement' | 'return' | 'fence';
  /** What the call returned, where the return value carries something. */
  readonly value?: bigint;
}

/** A control operation that the IUT refused. */
export interface Refused {
  readonly kind: 'refused';
  readonly by: 'acknowledgement' | 'errno' | 'status';
  /** The non-zero acknowledgement (u64), the positive error number, or the status that the device shows. */
  readonly value: bigint | number;
}

/** What came of a control operation, on every transport: a value, never a throw. */
export type ControlOutcome = Done | Refused | NoAnswer;

/** What came of a fence: all that was sent before it has been handled when it passes. */
export type Fence = { readonly kind: 'passed' } | NoAnswer;

/** What came of asking for a word of feature bits. */
export type FeatureWord =
  | { readonly kind: 'word'; readonly word: bigint }
  /** The IUT answered, and the answer is no word of feature bits. */
  | { readonly kind: 'malformed'; readonly why: string }
  | NoAnswer;

export type WaitResult = 'true' | 'deadline' | 'closed' | 'died';
