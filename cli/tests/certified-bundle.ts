import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type ArchiveFiles, unpacked } from '../../certificates/archive.ts';
import { envelopeName, isBundleName, openBundle, signedBundle } from '../../certificates/bundle.ts';
import type { Claim } from '../../certificates/claim.ts';
import { type PublicKey, publicHalf } from '../../certificates/keys.ts';
import { type Profile, profileOf } from '../../certificates/profile.ts';
import type { CertificatePredicate } from '../../certificates/statement.ts';
import type { Verification } from '../../certificates/verification.ts';
import { type MergedRun, mergeRuns } from '../../reports/merge-runs.ts';
import { verifiedBundle } from '../certificates/verified-bundle.ts';
import { emptyDirectory, run } from './command-line.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
  readonly privateFile: string;
  readonly publicFile: string;
}

/** A certified run of the smallest reference, made once. */
export interface CertifiedBundle {
  readonly directory: string;
  readonly path: string;
  readonly archive: Buffer;
  /** All but the envelope. */
  readonly files: ArchiveFiles;
  /**
   * The same with few of its traces, signed again. It opens, and `verify` finds a wrong signature or hash before it judges
   * a trace. To pack all traces takes seconds.
   */
  readonly short: { readonly archive: Buffer; readonly files: ArchiveFiles };
  readonly claim: Claim;
  readonly profile: Profile;
  readonly run: MergedRun;
  readonly verification: Verification;
  readonly predicate: CertificatePredicate;
  readonly vendor: KeyPair;
}

export const certifiedTarget = 'vhost-mdev-l2-entropy';

export const sampleBundleClaim: Claim = {
  schema: 1,
  applicant: { organisation: 'vhost-conformance', contact: 'https://example.org' },
  device: {
    vendor: 'vhost-conformance',
    name: 'reference, entropy',
    type: 'entropy',
    versions: { suite: '0.1.0' },
    firmware: {},
    pciIds: [],
    serials: [],
    macAddresses: [],
  },
  profiles: [{ id: 'vhost-mdev-l2', version: 1 }],
  transports: [
    {
      transport: 'vhost-mdev',
      target: certifiedTarget,
      features: [
        'VIRTIO_F_INDIRECT_DESC',
        'VIRTIO_F_EVENT_IDX',
        'VIRTIO_F_VERSION_1',
        'VIRTIO_F_ACCESS_PLATFORM',
        'VIRTIO_F_RING_PACKED',
        'VIRTIO_F_IN_ORDER',
      ],
    },
  ],
  exclusions: [],
  waivers: [],
};

/** Certifies the reference by the command line. */
export async function certifiedBundle(t: Test): Promise<CertifiedBundle> {
  const directory = emptyDirectory(t);
  const vendor = keyPair(directory, 'vendor');
  const claim = join(directory, 'claim.json');
  writeFileSync(claim, JSON.stringify(sampleBundleClaim));
  const path = join(directory, 'bundle.tgz');
  const words = ['certify', certifiedTarget, '--claim', claim, '--key', vendor.privateFile, '--out', path];
  const { code, stdout, stderr } = await run([...words, '--redact', 'host-name'], { cwd: directory });
  t.equal(code, 0, `certify ends with 0: ${stdout}${stderr}`);
  const archive = readFileSync(path);
  const verification = await verifiedBundle(archive, { vendors: [vendor.publicKey], laboratories: [] });
  const { statement, files } = verification.bundle;
  const fewer = withFewTraces(files);
  const short = await signedBundle(fewer, statement.predicate, vendor.privateKey);
  await openBundle(short, { vendors: [vendor.publicKey], laboratories: [] });
  return {
    directory,
    path,
    archive,
    files,
    short: { archive: short, files: fewer },
    claim: sampleBundleClaim,
    profile: profileOf({ id: 'vhost-mdev-l2', version: 1 }),
    run: mergeRuns([`${path}.run`]),
    verification,
    predicate: statement.predicate,
    vendor,
  };
}

/** The files with three of their traces. */
export function withFewTraces(files: ArchiveFiles): ArchiveFiles {
  const left = new Set([...files.keys()].filter((name) => name.endsWith('.pb')).slice(3));
  return new Map([...files].filter(([name]) => !left.has(name)));
}

export function keyPair(directory: string, name: string): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const privateFile = join(directory, `${name}.pem`);
  const publicFile = join(directory, `${name}.pub`);
  writeFileSync(privateFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(publicFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return { privateKey, publicKey: publicHalf(privateKey), privateFile, publicFile };
}

/** All files of a bundle, the envelope among them. */
export const filesIn = (archive: Buffer): Promise<ArchiveFiles> => unpacked(archive, isBundleName);

export const withFile = (files: ArchiveFiles, name: string, content: string | Buffer): ArchiveFiles =>
  new Map([...files, [name, Buffer.from(content)]]);

export const withoutFile = (files: ArchiveFiles, name: string): ArchiveFiles =>
  new Map([...files].filter(([other]) => other !== name));

export const envelopeIn = (files: ArchiveFiles): { payload: string; payloadType: string; signatures: unknown[] } =>
  JSON.parse(String(files.get(envelopeName)));
