import type { Redaction } from '../../certificates/redaction.ts';
import type { FunctionUse } from '../../drivers/pci/function-uses.ts';
import type { CommandOptions } from '../command-target.ts';

export interface CertifyOptions extends CommandOptions {
  readonly claim: string;
  readonly key: string;
  readonly out: string;
  readonly work?: string;
  readonly repeat?: number;
  readonly jobs: number;
  readonly seed: number;
  readonly targetFile: readonly string[];
  readonly exec?: string;
  readonly redact: readonly Redaction[];
  /** As of `run`. */
  readonly yes: readonly string[];
  readonly despite: readonly FunctionUse[];
  readonly hostile: boolean;
}

export interface VerifyOptions {
  readonly trust: readonly string[];
  readonly laboratory: readonly string[];
  readonly page?: string;
  readonly claim?: string;
  readonly kernel?: string;
}

export interface CountersignOptions {
  readonly trust: readonly string[];
  readonly key: string;
  readonly out: string;
}
