import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import {
  allAreas,
  allFeatures,
  allRequirements,
  allSources,
  catalogueHash,
  currentSlug,
  featureByName,
  featureFunctionOf,
  featuresAtBit,
  isBeyondText,
  isRequirementSlug,
  missingPrerequisites,
  requirementOf,
  requirementsOfFeature,
  retiredSlugs,
  type SourceName,
  sourceTitle,
  untestedText,
} from '../catalogue/catalogue.ts';
import { canonicalJson, sha256 } from '../catalogue/content-hash.ts';
import origins from '../catalogue/origins.json' with { type: 'json' };
import { type Requirement, requirementFrom } from '../catalogue/requirement.ts';
import { CatalogueError } from '../errors.ts';

const entries = allRequirements();

t.test('every origin id is accounted for exactly once', async (t) => {
  t.equal(origins['virtio-requirements'].length, 890);
  t.equal(origins['vhost-user'].length, 184);
  t.equal(origins['vhost-uapi'].length, 40);
  const known = Object.values(origins).flat();
  t.equal(new Set(known).size, 890 + 184 + 40, 'origin ids are distinct');
  const cited = entries.flatMap((requirement) => requirement.origin);
  t.same([...cited].sort(), [...known].sort());
});

const slugsWhere = (isOffence: (requirement: Requirement) => boolean) =>
  entries.filter(isOffence).map(({ slug }) => slug);

t.test('slugs are permanent names, not positions', async (t) => {
  t.same(
    slugsWhere(({ slug }) => !/^[a-z]+(-[a-z0-9]+)*\/[a-z0-9]+(-[a-z0-9]+)+$/.test(slug)),
    [],
  );
  t.same(
    slugsWhere(({ slug }) => slug.length > 64),
    [],
    'short',
  );
  t.same(
    slugsWhere(({ slug }) => /-(the|a|an|of|to|is|with|not)$/.test(slug)),
    [],
    'the last word says something',
  );
  t.equal(new Set(entries.map(({ slug }) => slug)).size, entries.length);
  const areaOf = new Map(entries.map(({ slug, area }) => [slug.split('/')[0], area]));
  t.same(
    slugsWhere(({ slug, area }) => areaOf.get(slug.split('/')[0]) !== area),
    [],
    'the first part belongs to one area',
  );
});

t.test('texts are our own: one sentence of our length, none twice', async (t) => {
  const first = new Map([...entries].reverse().map(({ slug, text }) => [text, slug]));
  t.same(
    slugsWhere(({ slug, text }) => first.get(text) !== slug),
    [],
    'none twice',
  );
  t.same(
    slugsWhere(({ text }) => text.length > 160),
    [],
    'at most 160 characters',
  );
  t.same(
    slugsWhere(({ text }) => !/^[A-Za-z0-9].*[.)]$/.test(text)),
    [],
    'sentences',
  );
  t.same(
    slugsWhere(({ text }) => /^(Otherwise|Then|It|Its|That|They|Such) /.test(text)),
    [],
    'can be read alone',
  );
});

t.test('untested says a reason that holds', async (t) => {
  t.same(
    slugsWhere(({ slug, untested }) => {
      if (untested?.reason !== 'implied-by') return false;
      return untested.by === slug || requirementOf(untested.by).untested?.reason === 'implied-by';
    }),
    [],
    'implied by another that stands on its own',
  );
  t.same(
    slugsWhere(({ untested, observable }) => untested?.reason === 'not-yet' && observable === 'no'),
    [],
    'not-yet waits for something that can be seen',
  );
  t.same(
    slugsWhere(({ untested, observable, binds }) => {
      return untested?.reason === 'not-observable' && observable === 'yes' && binds !== 'driver';
    }),
    [],
    'not-observable agrees with observable',
  );
});

t.test('a retired slug names the requirement that stands for it', async (t) => {
  for (const [retired, successor] of Object.entries(retiredSlugs)) {
    t.notOk(isRequirementSlug(retired), `${retired} is not used again`);
    t.ok(isRequirementSlug(successor));
    t.equal(currentSlug(retired), successor);
  }
  t.equal(currentSlug('split/used-idx-wraps'), 'split/used-idx-wraps');
});

t.test('a requirement of one ring layout has its counterpart, or says why there is none', async (t) => {
  const isOfSplitRings = ({ slug }: Requirement): boolean =>
    /^(split|indirect)\//.test(slug) || (slug.startsWith('notify/') && !slug.startsWith('notify/packed-'));
  t.same(
    slugsWhere((requirement) => isOfSplitRings(requirement) && requirement.counterpart === undefined),
    [],
    'each requirement of split rings',
  );
  t.same(
    slugsWhere(({ slug, counterpart }) => {
      if (counterpart === undefined || 'none' in counterpart) return false;
      const back = requirementOf(counterpart.slug).counterpart;
      return back === undefined || 'none' in back || back.slug !== slug;
    }),
    [],
    'each is the counterpart of its counterpart',
  );
  t.same(
    slugsWhere(({ counterpart, binds, basis }) => {
      if (counterpart === undefined || 'none' in counterpart) return false;
      const other = requirementOf(counterpart.slug);
      return other.binds !== binds || isBeyondText(other.basis) !== isBeyondText(basis);
    }),
    [],
    'both bind the same side, and neither is a mere expectation where the other is a rule',
  );
  t.same(
    slugsWhere(({ features, counterpart }) => {
      if (counterpart === undefined || 'none' in counterpart) return false;
      const other = requirementOf(counterpart.slug).features;
      const isPacked = (names: readonly string[]): boolean => names.includes('VIRTIO_F_RING_PACKED');
      return isPacked(features) === isPacked(other);
    }),
    [],
    'one of them hangs on packed rings',
  );
});

t.test('untested as one line', async (t) => {
  t.equal(untestedText({ reason: 'not-yet' }), 'not-yet');
  t.equal(untestedText({ reason: 'out-of-scope', detail: 'needs a Xen host' }), 'out-of-scope: needs a Xen host');
  t.equal(untestedText({ reason: 'implied-by', by: 'pci/vendor-id' }), 'implied-by pci/vendor-id');
  t.equal(untestedText({ reason: 'implied-by', by: 'pci/vendor-id', detail: 'x' }), 'implied-by pci/vendor-id: x');
});

t.test('levels, bases and transports agree with the place a rule comes from', async (t) => {
  t.same(
    slugsWhere(({ area, basis }) => area === 'vhost-kernel' && basis !== 'fact'),
    [],
  );
  t.same(
    slugsWhere(({ basis, level }) => isBeyondText(basis) !== (level === null)),
    [],
    'what no text says has no level',
  );
  const sources = allSources();
  const place = (name: SourceName): number => sources.findIndex((source) => source.name === name);
  const familyOf = (name: SourceName): string | undefined => sources[place(name)]?.family;
  t.same(
    slugsWhere(({ since, until }) => {
      return until !== null && (familyOf(until) !== familyOf(since) || place(until) < place(since));
    }),
    [],
    'until is a later version of the same text',
  );
  for (const [index, { family, date, name }] of sources.entries()) {
    const later = sources.slice(index + 1).filter((source) => source.family === family);
    for (const other of later) t.ok(date !== null && (other.date ?? '9') > date, `${name} is older than ${other.name}`);
  }
  t.same(
    slugsWhere(({ since, until }) => since === until),
    [],
  );
  t.same(
    slugsWhere(({ observable, via }) => (observable === 'no') !== (via.length === 0)),
    [],
    'what can be seen is seen over some transport',
  );
  t.same(
    slugsWhere(({ binds, brokenVia }) => brokenVia.length > 0 && binds !== 'driver'),
    [],
    'only a driver rule can be broken by a driver',
  );
  t.match(sourceTitle('virtio-1.4'), /VIRTIO/);
  t.same([...new Set(entries.map(({ basis }) => basis))].sort(), ['choice', 'fact', 'keyword', 'robustness']);
});

t.test('every area file is read', async (t) => {
  const directory = new URL('../../../reference-impl/catalogue/areas/', import.meta.url);
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.replace('.json', ''));
  t.same(files.sort(), allAreas(), `node scripts/generate-lists.mjs lists them`);
  for (const file of files) {
    const text = readFileSync(new URL(`${file}.json`, directory), 'utf8');
    const keys = [...text.matchAll(/^ {2}"([^"]+)": \{$/gm)].map(([, key]) => key);
    t.equal(new Set(keys).size, keys.length, `${file}: a second entry of one slug would replace the first unseen`);
    t.same(keys, Object.keys(JSON.parse(text)), `${file}: one line opens each entry`);
  }
});

t.test('features', async (t) => {
  const features = allFeatures();
  t.ok(
    features.some(({ kind, bit }) => kind === 'virtio' && bit >= 64),
    'bits that travel in no 64-bit word',
  );
  const places = features.map(({ kind, device, bit, name }) => ({ place: `${kind} ${device} ${bit}`, name }));
  t.equal(new Set(places.map(({ place }) => place)).size, features.length, 'one feature for each bit of a device');
  for (const { name, requires, excludes, kind } of features) {
    for (const other of [...requires.flat(), ...excludes]) {
      t.not(other, name);
      t.equal(featureByName(other).kind, kind, `${name} hangs on a bit of its own word`);
    }
    for (const other of excludes) t.ok(featureByName(other).excludes.includes(name), `${other} excludes ${name} too`);
  }
  t.equal(featureByName('VHOST_USER_F_PROTOCOL_FEATURES').bit, 30);
  const net = { transport: 'vhost-user', device: 'net' } as const;
  t.equal(featuresAtBit(21, net, 'protocol')[0]?.name, 'VHOST_USER_PROTOCOL_F_GPA_ADDRESSES');
  t.same(featuresAtBit(63, net, 'protocol'), []);
  t.same(
    featuresAtBit(41, net).map(({ name }) => name),
    ['VIRTIO_F_ADMIN_VQ', 'VIRTIO_NET_F_GUEST_RSC4'],
  );
  t.same(
    featuresAtBit(9, { ...net, device: 'block' }).map(({ name }) => name),
    ['VIRTIO_BLK_F_FLUSH'],
  );
  const tunnel = featureByName('VIRTIO_NET_F_HASH_TUNNEL');
  t.same(missingPrerequisites(tunnel, new Set(['VIRTIO_NET_F_CTRL_VQ'])), [
    ['VIRTIO_NET_F_RSS', 'VIRTIO_NET_F_HASH_REPORT'],
  ]);
  t.same(missingPrerequisites(tunnel, new Set(['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_HASH_REPORT'])), []);
});

t.test('requirements of a feature', async (t) => {
  const eventIdx = requirementsOfFeature('VIRTIO_F_EVENT_IDX').map(({ slug }) => slug);
  t.ok(eventIdx.includes('notify/passing-used-event-notifies'));
  t.same(requirementsOfFeature('VIRTIO_SND_F_CTLS'), []);
  for (const { slug, features } of entries) {
    for (const name of features)
      t.ok(requirementsOfFeature(name).includes(requirementOf(slug)), `${name} lists ${slug}`);
  }
});

t.test('an unknown slug does not compile and is refused', async (t) => {
  t.notOk(isRequirementSlug('vu-header/no-such-thing'));
  // @ts-expect-error the slug is no literal of RequirementSlug
  t.throws(() => requirementOf('vu-header/no-such-thing'), CatalogueError);
  // @ts-expect-error the name is no literal of FeatureName
  t.throws(() => featureByName('VIRTIO_F_NO_SUCH_THING'), CatalogueError);
});

t.test('a broken entry is refused, naming slug and field', async (t) => {
  const good = {
    origin: ['VU-header-01'],
    since: 'vhost-user-f6b615b5',
    until: null,
    clause: 'Header',
    binds: 'back-end',
    level: 'MUST',
    basis: 'fact',
    observable: 'yes',
    features: [],
    via: ['vhost-user'],
    text: 'A text.',
  };
  const slug = 'vu-header/reply-carries-version-1';
  t.equal(requirementFrom('vhost-user/header', slug, good).items, 0);
  const kernel = { ...good, via: ['vhost-kernel', 'vhost-vdpa'] };
  const both = { 'vhost-kernel': 'vhost-core', 'vhost-vdpa': 'vhost-core' };
  t.same(requirementFrom('vhost-kernel', slug, { ...kernel, server: 'vhost-core' }).server, both);
  const each = { 'vhost-kernel': 'vhost-core', 'vhost-vdpa': 'parent-driver' };
  t.same(requirementFrom('vhost-kernel', slug, { ...kernel, server: each }).server, each);
  const broken: Record<string, unknown>[] = [
    { level: 'ought' },
    { level: undefined },
    { basis: 'robustness' },
    { basis: 'inferred' },
    { binds: 'front' },
    { observable: 'perhaps' },
    { origin: 'VU-header-01' },
    { since: 'yesterday' },
    { features: ['VIRTIO_F_NO_SUCH_THING'] },
    { via: ['carrier-pigeon'] },
    { server: 'parent' },
    { server: {} },
    { server: { 'vhost-user': 'vhost-core', 'vhost-vdpa': 'parent-driver' } },
    { text: '' },
    { items: -1 },
    { untested: { reason: 'laziness' } },
    { untested: { reason: 'implied-by', by: 'vu-header/no-such-thing' } },
    { untested: { reason: 'not-yet', by: slug } },
    { counterpart: 'packed/no-such-thing' },
    { counterpart: { none: '' } },
    { counterpart: { nothing: 'a reason' } },
    { untestd: { reason: 'not-yet' } },
  ];
  for (const change of broken) {
    t.throws(
      () => requirementFrom('vhost-user/header', slug, { ...good, ...change }),
      { name: 'CatalogueError', message: /vu-header\/reply-carries-version-1/ },
      JSON.stringify(change),
    );
  }
});

t.test('the hash depends on content alone', async (t) => {
  for (const text of [
    '',
    'abc',
    'x'.repeat(55),
    'x'.repeat(56),
    'x'.repeat(64),
    'zwölf Boxkämpfer ≠ 𝄞',
    'y'.repeat(100_000),
  ]) {
    t.equal(sha256(text), createHash('sha256').update(text, 'utf8').digest('hex'));
  }
  t.equal(canonicalJson({ b: [1, { d: null, c: undefined }], a: 'x' }), '{"a":"x","b":[1,{"d":null}]}');
  t.equal(catalogueHash(), catalogueHash());
  t.match(catalogueHash(), /^[0-9a-f]{64}$/);
  const content = canonicalJson({
    requirements: allRequirements(),
    features: allFeatures().map((feature) => ({ ...feature, function: featureFunctionOf(feature.name) ?? null })),
  });
  t.equal(catalogueHash(), createHash('sha256').update(content, 'utf8').digest('hex'));
});
