import t from 'tap';
import { isCertifiable } from '../../certificates/certifiable.ts';
import { allProfiles } from '../../certificates/profile.ts';
import { allSources, isRequirementSlug, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import { mustPassLists } from '../certificates/must-pass-lists.ts';

for (const profile of allProfiles()) {
  t.test(
    `the must-pass lists of ${profile.id} are those of the catalogue; "npm run profiles" writes them`,
    async (t) => {
      t.same(profile.mustPass, mustPassLists(profile));
    },
  );
}

t.test('a must-pass list holds what the text demands alone, and nothing that no one else has passed', async (t) => {
  const names = allSources().map(({ name }): string => name);
  const newest = ['virtio-1.4', 'vhost-user-newest', 'linux-newer'];
  for (const { id, texts, mustPass } of allProfiles()) {
    t.same(
      texts.filter((text) => !names.includes(text) || newest.includes(text)),
      [],
      id,
    );
    for (const { device, transport, requirements } of mustPass) {
      const wrong = requirements.filter((slug) => {
        if (!isRequirementSlug(slug)) return true;
        const { unwitnessed, basis, level, since, binds } = requirementOf(slug);
        const isDemanded = (basis === 'keyword' || basis === 'fact') && (level === 'MUST' || level === 'MUST NOT');
        return unwitnessed || !isDemanded || binds === 'driver' || binds === 'front-end' || newest.includes(since);
      });
      t.ok(requirements.length > 0, `${device} over ${transport}`);
      t.same(wrong, []);
    }
  }
});

t.test('what cannot be certified is in no list', async (t) => {
  const certifiable = requirementOf('split/used-idx-wraps');
  const texts = ['virtio-1.3'];
  t.ok(isCertifiable(certifiable, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, unwitnessed: true }, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, basis: 'robustness', level: null }, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, basis: 'choice', level: null }, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, level: 'SHOULD' }, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, since: 'virtio-1.4' }, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, since: 'virtio-1.4' }, 'block', 'vhost-user', ['virtio-1.4']));
  t.notOk(isCertifiable({ ...certifiable, until: 'virtio-1.2' }, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, binds: 'driver' }, 'block', 'vhost-user', texts));
  const server = { 'vhost-kernel': 'vhost-core', 'vhost-vdpa': 'parent-driver' } as const;
  const ofKernel = { ...certifiable, via: ['vhost-kernel', 'vhost-vdpa'] as const };
  t.ok(isCertifiable(ofKernel, 'block', 'vhost-kernel', texts));
  t.notOk(isCertifiable({ ...ofKernel, server }, 'block', 'vhost-kernel', texts));
  t.ok(isCertifiable({ ...ofKernel, server }, 'block', 'vhost-vdpa', texts));
  t.notOk(isCertifiable({ ...certifiable, via: ['virtio-pci'] }, 'block', 'vhost-user', texts));
  t.notOk(isCertifiable({ ...certifiable, area: 'device/net' }, 'block', 'vhost-user', texts));
});
