import { writeFileSync } from 'node:fs';
import { CertificateError } from '../../certificates/certificate-error.ts';
import { certificatePage } from '../../certificates/certificate-page.ts';
import { changesSince } from '../../certificates/changes.ts';
import { claimOf } from '../../certificates/claim.ts';
import { groundsOf } from '../../certificates/grounds.ts';
import { scopeText, type Verification } from '../../certificates/verification.ts';
import { visibleText } from '../../reports/visible-text.ts';
import { counted } from '../counted.ts';
import { print } from '../terminal.ts';
import type { VerifyOptions } from './certificate-options.ts';
import { givenFile, givenKeys, givenText } from './given-files.ts';
import { verifiedBundle } from './verified-bundle.ts';

/** `verify`: 0 for a certificate that stands, 1 for what is none. @throws UsageError */
export async function verify(file: string, options: VerifyOptions): Promise<number> {
  const archive = givenFile(file);
  const trust = { vendors: givenKeys(options.trust), laboratories: givenKeys(options.laboratory) };
  const claim = options.claim === undefined ? undefined : claimOf(options.claim, givenText(options.claim));
  let found: Verification;
  try {
    found = await verifiedBundle(archive, trust);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    print(`Not verified: ${visibleText(error.message)}`);
    return 1;
  }
  const changes = changesSince(found, {
    ...(claim === undefined ? {} : { claim }),
    ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
  });
  for (const line of linesOf(found)) print(visibleText(line));
  for (const change of changes) print(visibleText(change));
  if (options.page !== undefined) {
    writeFileSync(options.page, certificatePage(found));
    print(`Page: ${options.page}`);
  }
  return found.problems.length + changes.length === 0 ? 0 : 1;
}

function linesOf(found: Verification): string[] {
  const { claim, bundle, decision, problems, again } = found;
  const { device, waivers } = claim;
  if (problems.length > 0) return ['Not a certificate:', ...problems.map((problem) => `  ${problem}`)];
  const { byTrace, byWord } = groundsOf(found);
  const signed = bundle.laboratory === undefined ? 'self-declared' : 'countersigned by a laboratory';
  return [
    `Certified, ${signed}: ${device.vendor} ${device.name}, until ${bundle.statement.predicate.validUntil}`,
    ...decision.scopes.map((scope) => `  ${scopeText(scope)}: ${scope.passed} of ${counted(scope.of, 'requirement')}`),
    `  ${counted(claim.exclusions.length, 'exclusion')}, ${counted(waivers.length, 'waiver')}`,
    `  ${byTrace} shown again by traces, ${byWord} on the word of the runner; ${again?.wholeTraces ?? 0} of ${again?.passes ?? 0} traces whole`,
  ];
}
