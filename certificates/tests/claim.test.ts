import { readFileSync } from 'node:fs';
import t from 'tap';
import { changesSince } from '../changes.ts';
import { claimOf } from '../claim.ts';
import { mustPassOf, profileOf } from '../profile.ts';
import { validUntil } from '../validity.ts';
import { sampleClaim } from './sample-claim.ts';

const read = (written: unknown) => claimOf('claim.json', JSON.stringify(written));

t.test('a claim is read', async (t) => {
  const claim = read(sampleClaim());
  t.equal(claim.device.name, 'NIC 100');
  t.same(claim.device.serials, []);
});

t.test('the examples of the documentation are claims of profiles that there are', async (t) => {
  for (const name of ['reference', 'nic']) {
    const path = new URL(`../../../docs/certification/${name}.claim.json`, import.meta.url);
    const claim = claimOf(name, readFileSync(path, 'utf8'));
    const lists = claim.profiles
      .map(profileOf)
      .flatMap((profile) => claim.transports.map(({ transport }) => mustPassOf(profile, claim.device.type, transport)));
    t.notSame(
      lists.filter((list) => list !== undefined),
      [],
      name,
    );
    const listed = new Set(lists.flatMap((list) => list?.requirements ?? []));
    t.same(
      claim.waivers.filter((one) => !listed.has(one.requirement)),
      [],
      'waivers are of the list',
    );
  }
});

t.test('a claim that is wrong is refused in one line that names the field', async (t) => {
  const sample = sampleClaim();
  const waiver = { requirement: 'split/used-idx-wraps', reason: 'r', link: 'https://example.org', approvedBy: 'b' };
  const one = { transport: 'vhost-vdpa', target: 'nic', features: ['VIRTIO_F_VERSION_1'] };
  const wrong: readonly [Record<string, unknown>, RegExp][] = [
    [{ schema: 2 }, /^claim.json: schema: is another schema than 1$/],
    [{ profiles: [] }, /^claim.json: profiles: names no profile$/],
    [{ transports: [] }, /^claim.json: transports: names no transport$/],
    [{ transports: [{ ...one, features: ['VIRTIO_F_X'] }] }, /features.0: VIRTIO_F_X is no feature bit/],
    [{ transports: [{ ...one, features: [] }] }, /features: names no feature bit/],
    [{ transports: [{ ...one, transport: 'usb' }] }, /transports.0.transport: /],
    [{ transports: [one, one] }, /transports: nic is named twice/],
    [{ exclusions: [{ feature: 'VIRTIO_F_VERSION_1', reason: 'r' }] }, /VIRTIO_F_VERSION_1 is claimed, and cannot/],
    [{ exclusions: [{ feature: 'VIRTIO_F_RING_PACKED', reason: ' ' }] }, /exclusions.0.reason: is empty/],
    [{ exclusions: [{ reason: 'r' }] }, /exclusions.0: an exclusion names a feature or a requirement/],
    [{ exclusions: [{ requirement: 'split/none', reason: 'r' }] }, /split\/none is no requirement/],
    [{ waivers: [{ ...waiver, expires: 'soon' }] }, /waivers.0.expires: a day is wanted/],
    [{ waivers: [{ ...waiver, expires: '2027-01-01', link: 'x' }] }, /waivers.0.link: a link is wanted/],
    [{ waivers: [{ ...waiver, expires: '2027-01-01', approvedBy: '' }] }, /waivers.0.approvedBy: is empty/],
    [{ colour: 'red' }, /: has a field that nobody knows: "colour"$/],
  ];
  for (const [change, message] of wrong) t.throws(() => read({ ...sample, ...change }), { message });
  t.throws(() => claimOf('claim.json', '{'), { message: /^claim.json: is no JSON/ });
});

t.test('a certificate holds as long as its profile says and its first waiver does', async (t) => {
  const profile = profileOf({ id: 'vhost-vdpa', version: 1 });
  const claim = read(sampleClaim());
  t.equal(validUntil('2026-12-01', [{ ...profile, validDays: 365 }], claim), '2027-12-01');
  const waiver = { requirement: 'split/used-idx-wraps', reason: 'r', link: 'https://example.org', approvedBy: 'b' };
  const waived = read({ ...sampleClaim(), waivers: [{ ...waiver, expires: '2027-02-01' }] });
  t.equal(validUntil('2026-12-01', [{ ...profile, validDays: 365 }], waived), '2027-02-01');
  t.throws(() => profileOf({ id: 'vhost-vdpa', version: 7 }), { message: /version 7 is not of this suite/ });
  t.throws(() => profileOf({ id: 'usb', version: 1 }), { message: /there is none/ });
});

t.test('other firmware, another claim and another kernel ask for a new submission', async (t) => {
  const kernel = { release: '6.1.0', version: '#1' };
  const certified = { claim: read(sampleClaim()), environment: { kernel } };
  t.same(changesSince(certified, { claim: read(sampleClaim()), kernel: '6.1.0' }), []);
  t.match(changesSince(certified, { kernel: '6.2.0' }), [/the kernel is 6.2.0, and 6.1.0 was certified/]);
  const device = { ...(sampleClaim()['device'] as object), firmware: { nic: '22.32' } };
  t.match(changesSince(certified, { claim: read({ ...sampleClaim(), device }) }), [/^device.firmware.nic is another/]);
});
