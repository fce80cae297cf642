import type { Redaction } from '../../certificates/redaction.ts';

export interface CertifyOptions {
  readonly claim: string;
  readonly key: string;
  readonly out: string;
  readonly work?: string;
  readonly repeat?: number;
  readonly jobs: number;
  readonly seed: number;
  readonly targetFile: readonly string[];
  readonly redact: readonly Redaction[];
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
