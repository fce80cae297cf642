import t from 'tap';
import { allRequirements, requirementOf } from '../catalogue/catalogue.ts';
import { citedOrigins, coverageProblems } from '../catalogue/coverage.ts';

const version = requirementOf('vu-header/reply-carries-version-1');
const flag = requirementOf('vu-header/reply-carries-reply-flag');
const tunnel = requirementOf('net/tx-tunnel-bits-need-feature');
const tested = { ...version, untested: undefined };
const excused = { ...flag, untested: { reason: 'not-yet' } } as const;

t.test('a requirement has a case or a reason, never both', async (t) => {
  t.same(coverageProblems(new Set([tested.slug]), [tested, excused]), []);
  t.same(coverageProblems(new Set(), [tested, excused]), [{ requirement: tested, problem: 'unexplained' }]);
  t.same(coverageProblems(new Set([tested.slug, excused.slug]), [tested, excused]), [
    { requirement: excused, problem: 'contradicted' },
  ]);
});

t.test('with no case at all, what has no reason is unexplained', async (t) => {
  t.same(
    coverageProblems(new Set()).map(({ requirement }) => requirement.slug),
    allRequirements().flatMap(({ slug, untested }) => (untested === undefined ? [slug] : [])),
  );
});

t.test('origins count once, however many cases cite them', async (t) => {
  t.same([...citedOrigins(new Set([version.slug, 'no/such-thing']))], ['VU-header-01']);
  t.same([...citedOrigins(new Set([tunnel.slug]))].sort(), ['v1.4-5.1.9.2.1-17', 'v1.4-5.1.9.2.1-42']);
});
