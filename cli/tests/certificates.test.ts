import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { pack } from 'tar-stream';
import { type ArchiveFiles, packed } from '../../certificates/archive.ts';
import { envelopeName, openBundle, signedBundle, type Trust } from '../../certificates/bundle.ts';
import { certificatePage } from '../../certificates/certificate-page.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import type { Trace } from '../../reports/trace/trace.ts';
import { decodeTrace, encodeTrace } from '../../reports/trace/trace-encoding.ts';
import { refusalOf } from '../certificates/fault-refusals.ts';
import { suiteFacts } from '../certificates/suite-facts.ts';
import { verifiedBundle } from '../certificates/verified-bundle.ts';
import {
  certifiedBundle,
  certifiedTarget,
  envelopeIn,
  filesIn,
  keyPair,
  withFile,
  withoutFile,
} from './certified-bundle.ts';
import { claimsOn } from './claims-on-run.ts';
import { run } from './command-line.ts';
import { expired, resignedByVendor, tamperedByStranger, wrongWith } from './resigned-bundles.ts';

const made = await certifiedBundle(t);
const { archive, files, vendor, predicate, directory, verification } = made;
const trust: Trust = { vendors: [vendor.publicKey], laboratories: [] };
const whole = await filesIn(made.short.archive);

const isRefused = async (t: Test, bundle: Buffer, why: RegExp, what: string): Promise<void> => {
  t.match(await wrongWith(made, bundle), why, what);
};

const signed = (changed: ArchiveFiles): Promise<Buffer> => signedBundle(changed, predicate, vendor.privateKey);

t.test('a certificate of the reference stands, and says on what it rests', async (t) => {
  t.same(verification.problems, []);
  t.equal(verification.bundle.laboratory, undefined);
  const [scope] = verification.decision.scopes;
  t.ok(scope !== undefined && scope.passed > 150 && scope.passed <= scope.of, 'N of M');
  t.ok((verification.again?.wholeTraces ?? 0) > 1500, 'traces of passes are kept');
  const { code, stdout } = await run(['verify', made.path, '--trust', vendor.publicFile], { cwd: directory });
  t.equal(code, 0);
  t.match(stdout, /Certified, self-declared/);
  t.match(stdout, /on the word of the runner/);
  t.notMatch(String(files.get('environment.json')), `"${hostname()}"`, 'the host name is redacted');
});

t.test('a laboratory countersigns what it verified; only a key that is trusted counts', async (t) => {
  const laboratory = keyPair(directory, 'laboratory');
  const out = join(directory, 'countersigned.tgz');
  const words = ['countersign', made.path, '--trust', vendor.publicFile, '--key', laboratory.privateFile, '--out', out];
  t.equal((await run(words, { cwd: directory })).code, 0);
  const both = { ...trust, laboratories: [laboratory.publicKey] };
  const countersigned = await openBundle(readFileSync(out), both);
  t.equal(countersigned.laboratory, laboratory.publicKey.id);
  t.match(certificatePage({ ...verification, bundle: countersigned }), /countersigned by a laboratory/);
  const alone = await openBundle(readFileSync(out), trust);
  t.equal(alone.laboratory, undefined);
  t.equal(alone.otherSignatures, 1);
  t.match(certificatePage({ ...verification, bundle: alone }), /Self-declared/);
  const same = { ...trust, laboratories: trust.vendors };
  await t.rejects(openBundle(archive, same), { message: /one key cannot stand for/ }, 'the vendor is no laboratory');
});

t.test('whatever is changed in a bundle is detected', async (t) => {
  const results = String(files.get('run/results.jsonl'));
  const trace = [...whole.keys()].find((name) => name.endsWith('.pb')) ?? '';
  const changed = async (name: string, content: string | Buffer): Promise<Buffer> =>
    packed(withFile(whole, name, content));
  const verdict = results.replace('"verdict":"not-applicable"', '"verdict":"pass"');
  await isRefused(t, await changed('run/results.jsonl', verdict), /results.jsonl is not as the statement/, 'a verdict');
  await isRefused(t, await changed(trace, Buffer.alloc(9)), /\.pb is not as the statement/, 'a trace');
  const claim = String(files.get('claim.json')).replace('0.1.0', '0.2.0');
  await isRefused(t, await changed('claim.json', claim), /claim.json is not as the statement/, 'the claim');
  await isRefused(t, await changed('run/traces/more.pb', 'x'), /the statement does not name it/, 'a file more');
  await isRefused(t, await packed(withoutFile(whole, trace)), /\.pb is missing/, 'a file less');
  const envelope = envelopeIn(whole);
  const payload = Buffer.from(envelope.payload, 'base64').toString().replace('"attempt":1', '"attempt":2');
  const reworded = JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') });
  await isRefused(t, await changed(envelopeName, reworded), /no key that is trusted/, 'the statement');
  await isRefused(t, await packed(withoutFile(whole, envelopeName)), /is not signed/, 'the signature');
});

t.test('a bundle that is signed with another key is none, whatever it says of the key', async (t) => {
  const other = keyPair(directory, 'other');
  const resigned = await signedBundle(made.short.files, predicate, other.privateKey);
  await isRefused(t, resigned, /no key that is trusted/, 're-signed');
  const own = envelopeIn(await filesIn(resigned));
  const [signature] = own.signatures as { sig: string }[];
  const named = { ...own, signatures: [{ keyid: vendor.publicKey.id, sig: signature?.sig }] };
  const renamed = await packed(withFile(whole, envelopeName, JSON.stringify(named)));
  await isRefused(t, renamed, /no key that is trusted/, "under the vendor's key id");
  const withKey = await packed(withFile(await filesIn(resigned), 'vendor.pub', readFileSync(other.publicFile)));
  await isRefused(t, withKey, /which no bundle has/, 'with its key in the bundle');
});

/** The archive with one more entry. */
async function withEntry(header: { name: string; type?: 'symlink' | 'file'; linkname?: string }): Promise<Buffer> {
  const tar = pack();
  tar.entry({ mode: 0o644, mtime: new Date(0), ...header }, header.type === 'symlink' ? '' : 'x');
  const parts: Buffer[] = [];
  tar.finalize();
  for await (const part of tar) parts.push(part as Buffer);
  return gzipSync(Buffer.concat([...parts.slice(0, -1), gunzipSync(made.short.archive)]), { level: 1 });
}

t.test('an archive that leads elsewhere or hides something is refused', async (t) => {
  await isRefused(t, await withEntry({ name: '../claim.json' }), /which no bundle has/, 'a path out');
  const link = { name: 'run/plan.json', type: 'symlink', linkname: '/etc/passwd' } as const;
  await isRefused(t, await withEntry(link), /a symlink/, 'a link');
  await isRefused(t, await withEntry({ name: 'claim.json' }), /twice/, 'a file twice');
  const longer = Buffer.concat([made.short.archive, Buffer.from('more')]);
  await isRefused(t, longer, /something beside its files|cannot be decompressed/, 'more behind it');
});

t.test("the vendor's own key does not make a certificate of what is none", async (t) => resignedByVendor(t, made));

t.test('what a stranger changes is detected', async (t) => tamperedByStranger(t, made));

t.test('a certificate holds up to its last day', async (t) => expired(t, made));

t.test('a trace that shows what its result denies is no certificate', async (t) => {
  const watched = new Set(suiteFacts().plan.flatMap(({ caseId, isWatched }) => (isWatched ? [caseId] : [])));
  const { record } =
    made.run.results.find(({ record: { caseId, accepted = [], trace = '' } }) => {
      const isJudged = watched.has(caseId) && !accepted.includes('VIRTIO_F_IN_ORDER');
      const bytes = files.get(`run/${trace}`);
      return isJudged && bytes !== undefined && usedElements(bytes) > 0;
    }) ?? {};
  const usedAgain = `run/${record?.trace}`;
  const ofRing = changedTrace(usedAgain, (events) => {
    const last = events.filter((event) => event.kind === 'ring-write' && event.what === 'used-seen').at(-1);
    if (last === undefined) throw new Error('no trace shows a used element');
    return events.flatMap((event) => (event === last ? Array(20).fill(event) : [event]));
  });

  const shown = verification.again?.shown.get(certifiedTarget);
  for (const requirement of ['vm-channel/answer-tells-its-size', 'vm-irq/unknown-flags-refused'] as const) {
    t.ok(shown?.has(requirement), `${requirement} is shown by a trace`);
  }
  const isCall = (name: string): boolean =>
    name !== usedAgain && name.endsWith('.pb') && refusedInfo(files.get(name)) >= 0;
  const called = [...files.keys()].find(isCall) ?? '';
  const place = refusedInfo(files.get(called));
  const ofCall = changedTrace(called, (events) =>
    events.map((event, at) => (at === place && event.kind === 'ioctl' ? { ...event, result: 0 } : event)),
  );

  // Both in one bundle: each judgement of all traces takes seconds.
  const forged = await signed(withFile(withFile(files, usedAgain, ofRing), called, ofCall));
  const { problems } = await verifiedBundle(forged, trust);
  const ofKey = (name: string): string[] => {
    const { key = '' } = made.run.results.find(({ record }) => `run/${record.trace}` === name)?.record ?? {};
    return problems.filter((problem) => problem.startsWith(`${key}: `));
  };
  t.match(ofKey(usedAgain)[0], /its trace shows .* broken .* once more/, 'an element that is used again');
  t.match(
    ofKey(called).join('\n'),
    /its trace shows vm-regions\/short-argsz-refused broken/,
    'a call on a device file that was refused',
  );
});

/** A trace of the bundle with other events. */
function changedTrace(name: string, change: (events: Trace['events']) => Trace['events']): Buffer {
  const told = decodeTrace(files.get(name) ?? Buffer.alloc(0));
  return Buffer.from(encodeTrace({ ...told, events: change(told.events) }));
}

t.test('a back-end that --exec starts is a target like any other', async (t) => {
  const claim = join(directory, 'exec.claim.json');
  writeFileSync(claim, JSON.stringify(made.claim));
  const rest = ['--claim', claim, '--key', vendor.privateFile, '--out', join(directory, 'exec.tgz')];
  const command = ['--exec', 'env WITH=words true {socket}', '--device', 'entropy'];
  const { code, stderr } = await run(['certify', certifiedTarget, ...command, ...rest], { cwd: directory });
  t.equal(code, 2);
  t.match(stderr, /^vhost-conformance: env: is no target of the claim\n$/);
});

const regionInfoSize = 32;

/** Where a trace that is whole has VFIO_DEVICE_GET_REGION_INFO refused for a short argsz; -1 where it has not. */
function refusedInfo(bytes: Buffer | undefined): number {
  if (bytes === undefined) return -1;
  const { events, dropped } = decodeTrace(bytes);
  if (dropped > 0) return -1;
  return events.findIndex(
    (event) =>
      event.kind === 'ioctl' &&
      event.request === vfioRequests.VFIO_DEVICE_GET_REGION_INFO &&
      (event.result ?? 0) < 0 &&
      event.before.length >= regionInfoSize &&
      Buffer.from(event.before).readUInt32LE(0) < regionInfoSize,
  );
}

function usedElements(bytes: Buffer): number {
  const { events, dropped } = decodeTrace(bytes);
  const isJudged =
    dropped === 0 && !events.some((event) => event.kind === 'note' && /trace does not tell/.test(event.text));
  return isJudged ? events.filter((event) => event.kind === 'ring-write' && event.what === 'used-seen').length : 0;
}

const chromium = '/usr/bin/chromium';

t.test('the page is one sheet of A4', { skip: !existsSync(chromium) && 'chromium is missing' }, async (t) => {
  const page = join(directory, 'page.html');
  const waiver = {
    requirement: 'split/used-idx-wraps',
    reason: 'r'.repeat(300),
    link: 'https://example.org',
    approvedBy: 'somebody',
    expires: '2027-06-30',
  } as const;
  const exclusion = { feature: 'VIRTIO_F_ANY_LAYOUT', reason: 'x'.repeat(300) } as const;
  const claim = { ...made.claim, waivers: Array(12).fill(waiver), exclusions: Array(12).fill(exclusion) };
  writeFileSync(page, certificatePage({ ...verification, claim }));
  t.match(readFileSync(page, 'utf8'), /Waived: these requirements are not met/);
  const pdf = join(directory, 'page.pdf');
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(directory, 'chromium')}`];
  execFileSync(chromium, [...flags, '--no-pdf-header-footer', `--print-to-pdf=${pdf}`, page], { stdio: 'ignore' });
  const pages = readFileSync(pdf, 'latin1').match(/\/Type\s*\/Page\b/g) ?? [];
  t.equal(pages.length, 1);
});

t.test('what a run does not show is not certified', async (t) => claimsOn(t, made));

const faultsTried: readonly FaultName[] = [
  'used-idx-saturates',
  'mdev-start-wants-a-ring',
  'packed-unavailable-descriptor-skipped',
];
for (const fault of faultsTried) {
  t.test(`a device with the fault ${fault} is refused a certificate`, async (t) => {
    const refusal = refusalOf(fault, made.profile, 'entropy', made.run, suiteFacts());
    t.ok(refusal.isRefused);
    t.ok(refusal.by.length > 0, refusal.by.join());
  });
}
