import type { KeyObject } from 'node:crypto';
import { type ArchiveFiles, packed, unpacked } from './archive.ts';
import { CertificateError } from './certificate-error.ts';
import {
  countersigned,
  type Envelope,
  envelopeOf,
  envelopeText,
  isSignedBy,
  payloadOf,
  signedEnvelope,
} from './envelope.ts';
import type { PublicKey } from './keys.ts';
import {
  type CertificatePredicate,
  checkSubjects,
  type Statement,
  statementAbout,
  statementBytes,
  statementOf,
} from './statement.ts';

export const envelopeName = 'statement.dsse.json';
/** Below it lies the run's directory. */
export const runFolder = 'run/';

const fixedNames = [
  envelopeName,
  'claim.json',
  'environment.json',
  'attempts.json',
  'run/results.jsonl',
  'run/plan.json',
  'run/catalogue.json',
  'run/report.html',
];

/** Names that files of a bundle may have: none leads out of a directory. */
export const isBundleName = (name: string): boolean =>
  fixedNames.includes(name) ||
  /^profiles\/[a-z0-9-]+\.json$/.test(name) ||
  (/^run\/traces\/[A-Za-z0-9_.=-]+\.pb$/.test(name) && name.length < 255);

/** Packs what is certified, signed. @param files all but the envelope. */
export async function signedBundle(
  files: ArchiveFiles,
  predicate: CertificatePredicate,
  key: KeyObject,
): Promise<Buffer> {
  const strange = [...files.keys()].find((name) => name === envelopeName || !isBundleName(name));
  if (strange !== undefined) throw new CertificateError(`${strange}: no bundle has such a file`);
  return await withEnvelope(files, signedEnvelope(statementBytes(statementAbout(files, predicate)), key));
}

const withEnvelope = (files: ArchiveFiles, envelope: Envelope): Promise<Buffer> =>
  packed(new Map([...files, [envelopeName, Buffer.from(envelopeText(envelope))]]));

/** Whose signatures count, beside whatever a bundle says. */
export interface Trust {
  readonly vendors: readonly PublicKey[];
  readonly laboratories: readonly PublicKey[];
}

/** A bundle whose signature and hashes hold. */
export interface OpenBundle {
  /** All but the envelope. */
  readonly files: ArchiveFiles;
  readonly statement: Statement;
  readonly envelope: Envelope;
  /** Ids of the keys that signed it: of those that are trusted. */
  readonly vendor: string;
  readonly laboratory: string | undefined;
  /** Signatures of others, which say nothing. */
  readonly otherSignatures: number;
}

/**
 * Opens a bundle that may come from a stranger.
 * @throws CertificateError in one line where it is none, where no trusted vendor signed it, or where a file is not as signed.
 */
export async function openBundle(archive: Buffer, trust: Trust): Promise<OpenBundle> {
  const both = trust.laboratories.find(({ id }) => trust.vendors.some((vendor) => vendor.id === id));
  if (both !== undefined) throw new CertificateError('one key cannot stand for the vendor and for a laboratory');
  const all = await unpacked(archive, isBundleName);
  const written = all.get(envelopeName);
  if (written === undefined) throw new CertificateError('the bundle is not signed');
  const envelope = envelopeOf(envelopeName, written.toString('utf8'));
  const vendor = trust.vendors.find((key) => isSignedBy(envelope, key));
  if (vendor === undefined) throw new CertificateError('no key that is trusted has signed the bundle');
  const laboratory = trust.laboratories.find((key) => isSignedBy(envelope, key));
  const files = new Map([...all].filter(([name]) => name !== envelopeName));
  const statement = statementOf(payloadOf(envelope));
  checkSubjects(statement, files);
  const counted = [...trust.vendors, ...trust.laboratories].filter((key) => isSignedBy(envelope, key)).length;
  return {
    files,
    statement,
    envelope,
    vendor: vendor.id,
    laboratory: laboratory?.id,
    otherSignatures: envelope.signatures.length - counted,
  };
}

/** The same bundle with one more signature. */
export const countersignedBundle = ({ files, envelope }: OpenBundle, key: KeyObject): Promise<Buffer> =>
  withEnvelope(files, countersigned(envelope, key));

/** @throws CertificateError where the bundle has no such file. */
export function textIn(files: ArchiveFiles, name: string): string {
  const content = files.get(name);
  if (content === undefined) throw new CertificateError(`${name} is missing from the bundle`);
  return content.toString('utf8');
}
