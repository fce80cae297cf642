import t from 'tap';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { planHashOf, resultId } from '../../reports/record/run-plan.ts';
import type { AnyCase } from '../case.ts';
import {
  casePattern,
  patternsWithoutCase,
  plannedResults,
  type RequirementFacts,
  selectCases,
  shardOf,
} from '../runner/plan.ts';

const facts: Readonly<Record<string, RequirementFacts>> = {
  'split/used-idx-wraps': { level: 'MUST', basis: 'keyword', features: [] },
  'notify/no-interrupt-flag-withholds-notifications': {
    level: 'SHOULD NOT',
    basis: 'keyword',
    features: ['VIRTIO_F_EVENT_IDX'],
  },
  'vu-header/reply-carries-version-1': { level: 'MUST', basis: 'robustness', features: [] },
};

function requirementFacts(slug: string): RequirementFacts {
  const found = facts[slug];
  if (found === undefined) throw new RangeError(slug);
  return found;
}

function caseOf(id: string, slug: RequirementSlug, rest: Partial<AnyCase> = {}): AnyCase {
  return {
    id,
    title: id,
    proves: { [slug]: 'a-fault' },
    applies: { start: 'closed' },
    variants: {},
    run() {},
    ...rest,
  };
}

const wraps = caseOf('virtio/split-ring/wraps', 'split/used-idx-wraps', {
  variants: { size: [256, 16], late: [true, false] },
});
const flag = caseOf('virtio/notifications/flag', 'notify/no-interrupt-flag-withholds-notifications');
const survives = caseOf('vhost-user/header/survives', 'vu-header/reply-carries-version-1', {
  applies: { start: 'connected', offers: ['VHOST_USER_PROTOCOL_F_MQ'] },
});
const all = [wraps, flag, survives];
const everything = { cases: [], features: [], level: 'all' } as const;

const keysOf = (selection: Parameters<typeof selectCases>[1], cases = all): string[] =>
  selectCases(cases, selection, requirementFacts).map(({ key }) => key);

t.test('a plan has every variant once, ordered by key, whatever the order of the cases', async (t) => {
  const keys = keysOf(everything);
  t.same(keys, [
    'vhost-user/header/survives',
    'virtio/notifications/flag',
    'virtio/split-ring/wraps[late=false,size=16]',
    'virtio/split-ring/wraps[late=false,size=256]',
    'virtio/split-ring/wraps[late=true,size=16]',
    'virtio/split-ring/wraps[late=true,size=256]',
  ]);
  t.same(keysOf(everything, [...all].reverse()), keys);
});

t.test('cases are chosen by id, key, folder and glob', async (t) => {
  const chosen = (pattern: string): number => keysOf({ ...everything, cases: [pattern] }).length;
  t.equal(chosen('virtio/split-ring/wraps'), 4);
  t.equal(chosen('virtio/split-ring/wraps[late=true,size=16]'), 1);
  t.equal(chosen('virtio/split-ring'), 4);
  t.equal(chosen('virtio/'), 5);
  t.equal(chosen('virtio/*'), 0, 'a star is one level');
  t.equal(chosen('virtio/**'), 5);
  t.equal(chosen('*/*/{flag,survives}'), 2);
  t.equal(chosen('virtio/split-ring/wrap'), 0, 'no part of a word');
  t.equal(keysOf({ ...everything, cases: ['virtio/notifications/flag', 'vhost-user'] }).length, 2, 'several');
  t.same(patternsWithoutCase(all, ['virtio', 'x', 'virtio/split-ring/wraps[size=1]']), [
    'x',
    'virtio/split-ring/wraps[size=1]',
  ]);
  t.ok(casePattern('a/b[x=1]')('a/b', 'a/b[x=1]'), 'brackets of a key are no class of characters');
});

t.test('cases are chosen by feature and level', async (t) => {
  const byFeature = (name: string): string[] => keysOf({ ...everything, features: [name] });
  t.same(byFeature('VIRTIO_F_EVENT_IDX'), ['virtio/notifications/flag'], 'by the requirement that hangs on it');
  t.same(byFeature('VHOST_USER_PROTOCOL_F_MQ'), ['vhost-user/header/survives'], 'by what the case asks for');
  t.equal(keysOf({ ...everything, level: 'must' }).length, 4);
  t.equal(keysOf({ ...everything, level: 'should' }).length, 5, 'robustness is no recommendation of the text');
});

t.test('results are ordered by target and repetition; the hash tells plans apart', async (t) => {
  const cases = selectCases(all, { ...everything, cases: ['virtio/notifications', 'vhost-user'] }, requirementFacts);
  const results = plannedResults(cases, ['b', 'a'], 2);
  t.same(
    results.map(({ target, repetition, key }) => `${target} ${repetition} ${key.split('/').at(-1)}`),
    ['b 0 survives', 'b 0 flag', 'b 1 survives', 'b 1 flag', 'a 0 survives', 'a 0 flag', 'a 1 survives', 'a 1 flag'],
  );
  t.equal(planHashOf(results), planHashOf(plannedResults(cases, ['b', 'a'], 2)));
  t.not(planHashOf(results), planHashOf(plannedResults(cases, ['a', 'b'], 2)));
  t.not(planHashOf(results), planHashOf(plannedResults(cases, ['b', 'a'], 1)));
});

t.test('shards divide a plan: every result is in exactly one', async (t) => {
  const results = plannedResults(selectCases(all, everything, requirementFacts), ['one', 'two'], 3);
  for (const of of [1, 2, 5, 36, 50]) {
    const parts = Array.from({ length: of }, (_, at) => shardOf(results, { index: at + 1, of }));
    t.same(parts.flat().map(resultId).sort(), results.map(resultId).sort(), `${of} shards`);
    const sizes = parts.map(({ length }) => length);
    t.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, 'of nearly one size');
  }
});
