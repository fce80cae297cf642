import { generateKeyPairSync } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { type Headers, pack } from 'tar-stream';
import { packed, unpacked } from '../archive.ts';
import { isBundleName } from '../bundle.ts';
import { countersigned, envelopeOf, envelopeText, isSignedBy, payloadOf, signedEnvelope } from '../envelope.ts';
import { privateKeyOf, publicHalf, publicKeyOf } from '../keys.ts';

const files = new Map([
  ['claim.json', Buffer.from('{}\n')],
  [`run/traces/${'a'.repeat(130)}.pb`, Buffer.alloc(5000, 7)],
]);

/** A tar as anybody can write one. */
async function tarOf(entries: readonly (readonly [Partial<Headers> & { name: string }, string])[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry({ mode: 0o644, mtime: new Date(0), ...header }, content);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const refused = (t: Test, archive: Buffer, message: RegExp): Promise<unknown> =>
  t.rejects(unpacked(archive, isBundleName), { message });

t.test('files come out of an archive as they went in, and equal files give equal bytes', async (t) => {
  const archive = await packed(files);
  t.same([...(await unpacked(archive, isBundleName))], [...files]);
  t.ok(archive.equals(await packed(new Map([...files].reverse()))));
});

t.test('what could lead out of a directory, or hide in an archive, is refused', async (t) => {
  const gzip = (tar: Buffer) => gzipSync(tar, { level: 6 });
  await refused(t, gzip(await tarOf([[{ name: '../claim.json' }, 'x']])), /which no bundle has/);
  await refused(t, gzip(await tarOf([[{ name: 'run/traces/../../x.pb' }, 'x']])), /which no bundle has/);
  await refused(t, gzip(await tarOf([[{ name: '/etc/passwd' }, 'x']])), /which no bundle has/);
  const link = { name: 'claim.json', type: 'symlink', linkname: '/etc/passwd' } as const;
  await refused(t, gzip(await tarOf([[link, '']])), /a symlink: a bundle has files alone/);
  const twice = [
    [{ name: 'claim.json' }, 'a'],
    [{ name: 'claim.json' }, 'b'],
  ] as const;
  await refused(t, gzip(await tarOf(twice)), /"claim.json" twice/);
  const other = { name: 'claim.json', uname: 'hidden words' };
  await refused(t, gzip(await tarOf([[other, 'a']])), /not packed as bundles are/);
});

t.test('what stands behind or before the files is refused', async (t) => {
  const archive = await packed(files);
  await refused(t, Buffer.concat([archive, Buffer.from('more')]), /something beside its files|cannot be decompressed/);
  await refused(
    t,
    Buffer.concat([archive, gzipSync('more')]),
    /something beside its files|not packed as bundles are|cannot be read/,
  );
  const tar = gunzipSync(archive);
  await refused(
    t,
    gzipSync(Buffer.concat([tar, Buffer.from('more')]), { level: 6 }),
    /something beside|cannot be read/,
  );
  const named = Buffer.from(archive);
  named[3] = 16;
  await refused(t, named, /cannot be decompressed|something beside/);
  await refused(t, archive.subarray(0, archive.length - 20), /cannot be decompressed/);
  await refused(t, Buffer.from('no archive'), /cannot be decompressed/);
});

const pem = (key: { export(options: object): string | Buffer }, type: string) =>
  String(key.export({ type, format: 'pem' }));

t.test('an envelope is signed by the key that signed it, whatever it says of it', async (t) => {
  const pair = generateKeyPairSync('ed25519');
  const other = generateKeyPairSync('ed25519');
  const key = privateKeyOf('key', pem(pair.privateKey, 'pkcs8'));
  const written = signedEnvelope(Buffer.from('{"a":1}'), key);
  t.ok(isSignedBy(written, publicKeyOf('key', pem(pair.publicKey, 'spki'))));
  t.notOk(isSignedBy(written, publicHalf(other.privateKey)));
  const [signature] = written.signatures;
  const renamed = { ...written, signatures: [{ sig: signature?.sig ?? '', keyid: publicHalf(other.privateKey).id }] };
  t.notOk(isSignedBy(renamed, publicHalf(other.privateKey)), 'a key id is no signature');
  const changed = { ...written, payload: Buffer.from('{"a":2}').toString('base64') };
  t.notOk(isSignedBy(changed, publicHalf(key)), 'other words');
  t.equal(payloadOf(envelopeOf('e', envelopeText(written))).toString(), '{"a":1}');
  const both = countersigned(written, other.privateKey);
  t.ok(isSignedBy(both, publicHalf(key)) && isSignedBy(both, publicHalf(other.privateKey)));
  t.throws(() => countersigned(both, key), { message: /has signed it already/ });
});

t.test('keys of another kind, and halves of the wrong side, are refused', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  t.throws(() => privateKeyOf('k', pem(privateKey, 'pkcs8')), { message: /k: is a key of ec, and ed25519 is wanted/ });
  t.throws(() => publicKeyOf('k', pem(publicKey, 'spki')), { message: /ed25519 is wanted/ });
  t.throws(() => publicKeyOf('k', pem(privateKey, 'pkcs8')), { message: /k: is a private key/ });
  t.throws(() => privateKeyOf('k', 'words'), { message: /k: is no private key in PEM/ });
});
