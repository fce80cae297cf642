import type { Test } from 'tap';
import { type ArchiveFiles, packed } from '../../certificates/archive.ts';
import { envelopeName, openBundle, signedBundle } from '../../certificates/bundle.ts';
import type { Claim } from '../../certificates/claim.ts';
import type { CertificatePredicate } from '../../certificates/statement.ts';
import { sha256Of, statementAbout } from '../../certificates/statement.ts';
import { verified } from '../../certificates/verification.ts';
import { planHashOf } from '../../reports/record/run-plan.ts';
import { suiteFacts } from '../certificates/suite-facts.ts';
import { withUnpackedRun } from '../certificates/unpacked-run.ts';
import { verifiedBundle } from '../certificates/verified-bundle.ts';
import {
  type CertifiedBundle,
  envelopeIn,
  filesIn,
  keyPair,
  withFewTraces,
  withFile,
  withoutFile,
} from './certified-bundle.ts';

/** What a vendor changed, how, and what `verify` says of it. */
type Change = readonly [what: string, files: ArchiveFiles, why: RegExp, told?: CertificatePredicate];

/**
 * Whoever has the vendor's key signs anew what was changed: hashes and signature hold, and it is no certificate. One is
 * signed and opened; of the others, what is behind that is judged.
 */
export async function resignedByVendor(t: Test, made: CertifiedBundle): Promise<void> {
  const { predicate, vendor } = made;
  const changes = [...ofRecords(made), ...ofFiles(made), ...ofDates(made), ...ofClaims(made)];
  for (const [what, files, why, told = predicate] of changes) {
    t.match(wrongIn(made, files, told), why, what);
  }
  const { files, told } = issuedLater(made, 2);
  t.match(wrongIn(made, files, told, told.issuedAt.slice(0, 10)), /more than a day behind the end/, 'an old run');
  const [[what, resigned, why] = []] = ofFiles(made);
  const bundle = await signedBundle(withFewTraces(resigned ?? files), predicate, vendor.privateKey);
  t.match(await wrongWith(made, bundle), why ?? /^$/, `${what}, signed`);
}

/** What is wrong with files that the vendor signed. */
function wrongIn(
  { verification }: CertifiedBundle,
  files: ArchiveFiles,
  told: CertificatePredicate,
  today?: string,
): string {
  const bundle = { ...verification.bundle, files, statement: statementAbout(files, told) };
  // Traces are read from the archive; the report of passes alone reads none.
  const withoutTraces = new Map([...files].filter(([name]) => !name.endsWith('.pb')));
  try {
    const day = today ?? new Date().toISOString().slice(0, 10);
    return withUnpackedRun(
      withoutTraces,
      (root) => verified(bundle, root, suiteFacts(), day).problems[0] ?? 'verified',
    );
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What is wrong with a bundle; `verified` for a certificate that stands. */
export async function wrongWith({ vendor }: CertifiedBundle, bundle: Buffer): Promise<string> {
  try {
    const { problems } = await verifiedBundle(bundle, { vendors: [vendor.publicKey], laboratories: [] });
    return problems[0] ?? 'verified';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const resultsName = 'run/results.jsonl';

function ofRecords({ files }: CertifiedBundle): Change[] {
  const results = String(files.get(resultsName));
  const lines = results.split('\n');
  const plan = JSON.parse(String(files.get('run/plan.json')));
  const [{ key }] = plan.results;
  const left = plan.results.filter((one: { key: string }) => one.key !== key);
  const planHash = planHashOf(left);
  const others = lines.filter((line) => !line.includes(`"key":${JSON.stringify(key)},`));
  const shorter = others.join('\n').replaceAll(plan.planHash, planHash);
  const narrowed = withFile(files, 'run/plan.json', JSON.stringify({ planHash, results: left }));
  const isPass = (line: string): boolean => line.startsWith('{"event":"case"') && line.includes('"verdict":"pass"');
  const pass = lines.find(isPass) ?? '';
  const withLines = (changed: readonly string[]): ArchiveFiles => withFile(files, resultsName, changed.join('\n'));
  const more = (line: string): ArchiveFiles => withLines(lines.flatMap((one) => (one === pass ? [one, line] : [one])));
  return [
    ['a narrower plan', withFile(narrowed, resultsName, shorter), /1 results of the suite were not planned/],
    ['a result less', withLines(lines.filter((line) => line !== pass)), /1 planned results were not run/],
    ['a result more', more(pass.replace(/"key":"/, '"key":"made-up/')), /1 results are not in the plan/],
    ['a result that was told anew', more(pass), /1 results are recorded more than once/],
    ['a run that was cut off', withLines(lines.filter((line) => !line.startsWith('{"event":"end"'))), /run was killed/],
  ];
}

function ofFiles({ files, profile }: CertifiedBundle): Change[] {
  const text = (name: string): string => String(files.get(name));
  const traces = [...files.keys()].filter((name) => name.includes('used-once'));
  const [first = '', second = ''] = traces;
  const swapped = withFile(files, first, files.get(second) ?? '');
  const milder = text('run/catalogue.json').replace('"level":"MUST"', '"level":"MAY"');
  const shorter = JSON.stringify({ ...profile, mustPass: [] });
  const report = text('run/report.html').replace('</h1>', ' (approved)</h1>');
  const elsewhere = text('environment.json').replace(/"seed": \d+/, '"seed": 77');
  return [
    ['a milder catalogue', withFile(files, 'run/catalogue.json', milder), /is not the catalogue of the suite/],
    ['a shorter profile', withFile(files, `profiles/${profile.id}.json`, shorter), /is not the profile/],
    ['another report', withFile(files, 'run/report.html', report), /report.html is not the report of the records/],
    ['another environment', withFile(files, 'environment.json', elsewhere), /environment.json is that of another run/],
    ['a pass without a trace', withoutFile(files, first), /its trace is missing/],
    ["a pass with another one's trace", swapped, /its trace is that of another result|report of the records/],
    ['a trace without a result', withFile(files, 'run/traces/more.pb', 'x'), /no result has this trace/],
  ];
}

/** The same run, issued so many days later. */
function issuedLater({ files, predicate }: CertifiedBundle, days: number) {
  const later = (day: string): string => new Date(Date.parse(day) + days * 86_400_000).toISOString();
  const issuedAt = later(predicate.issuedAt);
  const written = JSON.parse(String(files.get('attempts.json')));
  written.attempts.at(-1).at = issuedAt;
  return {
    files: withFile(files, 'attempts.json', JSON.stringify(written)),
    told: { ...predicate, issuedAt, validUntil: later(predicate.validUntil).slice(0, 10) },
  };
}

function ofDates(made: CertifiedBundle): Change[] {
  const { files, predicate } = made;
  const [before, behind] = [issuedLater(made, -2), issuedLater(made, 2)];
  const suite = { ...predicate.suite, version: '9.9.9' };
  return [
    ['a longer life', files, /valid until 2099/, { ...predicate, validUntil: '2099-01-01' }],
    ['another attempt', files, /does not end with this/, { ...predicate, attempt: 2 }],
    ['a day before its run', before.files, /and its run began at/, before.told],
    ['a day that is to come', behind.files, /is dated .*, and today is/, behind.told],
    ['another day than its attempt', files, /does not end with this/, before.told],
    ['another suite', files, /was made by vhost-conformance 9.9.9/, { ...predicate, suite }],
  ];
}

function ofClaims(made: CertifiedBundle): Change[] {
  const { files, claim } = made;
  const claiming = (changed: Partial<Claim>): ArchiveFiles => {
    const written = JSON.stringify({ ...claim, ...changed });
    const told = JSON.parse(String(files.get('attempts.json')));
    told.attempts.at(-1).claim = sha256Of(written);
    return withFile(withFile(files, 'claim.json', written), 'attempts.json', JSON.stringify(told));
  };
  const waiver = { requirement: 'split/used-idx-wraps', reason: 'known', link: 'https://example.org' } as const;
  const expired = { ...waiver, approvedBy: 'a board', expires: '2026-01-01' };
  const device = { ...claim.device, firmware: { nic: '22.40' } };
  const [transport] = claim.transports;
  const named = JSON.stringify({ ...claim, device });
  return [
    ['another claim than was submitted', withFile(files, 'claim.json', named), /does not end with this submission/],
    [
      'a profile of another version',
      claiming({ profiles: [{ id: made.profile.id, version: 2 }] }),
      /not of this suite/,
    ],
    ['a waiver that has expired', claiming({ waivers: [expired] }), /the waiver of .* expired on 2026-01-01/],
    [
      'another device',
      claiming({ device: { ...claim.device, type: 'block' } }),
      /its device is entropy, and block is claimed/,
    ],
    [
      'a bit that is not offered',
      claiming({
        transports:
          transport === undefined ? [] : [{ ...transport, features: [...transport.features, 'VIRTIO_F_SR_IOV'] }],
      }),
      /does not offer VIRTIO_F_SR_IOV/,
    ],
  ];
}

/** A certificate holds up to its last day. */
export function expired(t: Test, made: CertifiedBundle): void {
  const { files, predicate } = made;
  const next = new Date(Date.parse(predicate.validUntil) + 86_400_000).toISOString().slice(0, 10);
  t.equal(wrongIn(made, files, predicate, predicate.validUntil), 'verified');
  t.match(wrongIn(made, files, predicate, next), /was valid until/);
}

/** What anyone can do who has no key. */
export async function tamperedByStranger(t: Test, made: CertifiedBundle): Promise<void> {
  const { predicate, directory, vendor } = made;
  const { archive, files } = made.short;
  const refused = async (bundle: Buffer, why: RegExp, what: string): Promise<void> => {
    t.match(await wrongWith(made, bundle), why, what);
  };
  await refused(archive.subarray(0, archive.length / 2), /cannot be decompressed/, 'truncated');
  const envelope = envelopeIn(await filesIn(archive));
  const stranger = keyPair(directory, 'stranger');
  const rewritten = (changed: object): Promise<Buffer> =>
    packed(withFile(files, envelopeName, JSON.stringify({ ...envelope, ...changed })));
  await refused(await rewritten({ payloadType: 'text/plain' }), /payloadType/, 'another kind of payload');
  await refused(await rewritten({ signatures: [] }), /signatures/, 'no signature');
  const other = envelopeIn(await filesIn(await signedBundle(files, { ...predicate, attempt: 2 }, stranger.privateKey)));
  await refused(await rewritten({ payload: other.payload }), /no key that is trusted/, "a stranger's statement");
  const added = [...envelope.signatures, ...other.signatures];
  const trust = { vendors: [vendor.publicKey], laboratories: [] };
  const opened = await openBundle(await rewritten({ signatures: added }), trust);
  t.same(opened.statement, (await openBundle(archive, trust)).statement, 'one more signature counts nothing');
  t.equal(opened.otherSignatures, 1);
}
