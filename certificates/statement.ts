import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ArchiveFiles } from './archive.ts';
import { CertificateError } from './certificate-error.ts';
import { day, parsedJson } from './checked-file.ts';

const statementType = 'https://in-toto.io/Statement/v1';
const predicateType = 'urn:vhost-conformance:certificate:1';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const subject = z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: digest }) });

/** What is signed beside the hashes of all files. */
export const certificatePredicate = z.strictObject({
  issuedAt: z.iso.datetime(),
  validUntil: day,
  suite: z.strictObject({ name: z.string(), version: z.string(), catalogueHash: digest }),
  /** Which submission of this claim it is. */
  attempt: z.number().int().positive(),
});
export type CertificatePredicate = z.infer<typeof certificatePredicate>;

/** An in-toto statement about the files of a bundle. */
const statement = z.strictObject({
  _type: z.literal(statementType),
  subject: z.array(subject).min(1),
  predicateType: z.literal(predicateType),
  predicate: certificatePredicate,
});
export type Statement = z.infer<typeof statement>;

export function statementAbout(files: ArchiveFiles, predicate: CertificatePredicate): Statement {
  const names = [...files.keys()].sort();
  const about = names.map((name) => ({ name, digest: { sha256: sha256Of(files.get(name) as Buffer) } }));
  return { _type: statementType, subject: about, predicateType, predicate };
}

export const statementBytes = (written: Statement): Buffer => Buffer.from(JSON.stringify(written));

/** @throws CertificateError for what is no statement of a certificate. */
export const statementOf = (payload: Buffer): Statement =>
  parsedJson('the statement', payload.toString('utf8'), statement);

/** @throws CertificateError where files are there that it does not name, or are missing or others than it names. */
export function checkSubjects({ subject: named }: Statement, files: ArchiveFiles): void {
  const digests = new Map(named.map((one) => [one.name, one.digest.sha256]));
  if (digests.size !== named.length) throw new CertificateError('the statement names a file twice');
  const missing = named.find(({ name }) => !files.has(name));
  if (missing !== undefined) throw new CertificateError(`${missing.name} is missing from the bundle`);
  for (const [name, content] of files) {
    const expected = digests.get(name);
    if (expected === undefined)
      throw new CertificateError(`${name} is in the bundle, and the statement does not name it`);
    if (sha256Of(content) !== expected) throw new CertificateError(`${name} is not as the statement has it`);
  }
}

export const sha256Of = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');
