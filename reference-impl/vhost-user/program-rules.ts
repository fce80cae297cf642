/** What a back-end does as a program that is started (Backend program conventions). */
export interface ProgramRules {
  readonly staysInForeground: boolean;
  readonly endsAtSigterm: boolean;
  /** Whether --fd is taken. */
  readonly takesDescriptor: boolean;
  /** The path that is bound for that of --socket-path. */
  readonly boundPath: (path: string) => string;
  /** What --print-capabilities prints of a type of back-end, and the status behind it. */
  readonly capabilities: (type: string) => string;
  readonly capabilitiesStatus: number;
  /** The status where it cannot begin. */
  readonly statusAtFailure: number;
}

export const programRules: ProgramRules = {
  staysInForeground: true,
  endsAtSigterm: true,
  takesDescriptor: true,
  boundPath: (path) => path,
  capabilities: (type) => `${JSON.stringify({ type, features: [] }, undefined, 2)}\n`,
  capabilitiesStatus: 0,
  statusAtFailure: 1,
};
