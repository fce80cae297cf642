import t from 'tap';
import { findingAuthority } from '../runner/finding-authority.ts';

const must = { level: 'MUST', basis: 'keyword', since: 'virtio-1.0', until: null, features: [] };
const here = { how: 'crash', isBesideText: false } as const;

t.test('a crash violates what the case is about', async (t) => {
  t.match(findingAuthority(must, here, []), { level: 'MUST', basis: 'keyword' });
});

t.test('beside what the case is about, a crash or a hang is harm and violates no text', async (t) => {
  for (const how of ['crash', 'hang'] as const) {
    t.match(findingAuthority(must, { how, isBesideText: true }, []), { level: null, basis: 'robustness' });
  }
  t.match(findingAuthority(must, { how: 'wrong', isBesideText: true }, []), { level: 'MUST', basis: 'keyword' });
  const reported = { how: 'wrong', isBesideText: true, isReported: true } as const;
  t.match(findingAuthority(must, reported, []), { level: null, basis: 'robustness' }, 'what a sanitizer says is harm');
});

t.test('a crash in a case about a choice is harm', async (t) => {
  const choice = { ...must, level: null, basis: 'choice' };
  t.match(findingAuthority(choice, here, []), { level: null, basis: 'robustness' });
});
