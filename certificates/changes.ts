import { canonicalJson } from '../reference-impl/catalogue/content-hash.ts';
import type { Claim } from './claim.ts';
import type { Environment } from './environment.ts';

/** What is there now, of a device that was certified. */
export interface Present {
  readonly claim?: Claim;
  /** Release of the kernel. */
  readonly kernel?: string;
}

/** What asks for a new submission: a line for each change of the claim, its firmware included, and of the kernel. */
export function changesSince(
  certified: { readonly claim: Claim; readonly environment: Pick<Environment, 'kernel'> },
  now: Present,
): string[] {
  const { release } = certified.environment.kernel;
  return [
    ...(now.claim === undefined ? [] : differing('', certified.claim, now.claim)),
    ...(now.kernel === undefined || now.kernel === release
      ? []
      : [`the kernel is ${now.kernel}, and ${release} was certified: a new submission is needed`]),
  ];
}

function differing(path: string, before: unknown, now: unknown): string[] {
  if (canonicalJson(before ?? null) === canonicalJson(now ?? null)) return [];
  if (isRecord(before) && isRecord(now)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
    return names.flatMap((name) => differing(path === '' ? name : `${path}.${name}`, before[name], now[name]));
  }
  return [`${path} is another one than was certified: a new submission is needed`];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
