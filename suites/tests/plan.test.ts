import t from 'tap';
import type { TargetFacts } from '../../drivers/port/port.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { planHashOf, resultId } from '../../reports/record/run-plan.ts';
import { requirementOn } from '../axes.ts';
import type { AnyCase } from '../case.ts';
import {
  casePattern,
  patternsWithoutCase,
  plannedResults,
  type RequirementFacts,
  selectCases,
  shardOf,
} from '../runner/plan.ts';

const standing = { since: 'virtio-1.0', until: null } as const;

const facts: Readonly<Record<string, RequirementFacts>> = {
  'split/used-idx-wraps': { level: 'MUST', basis: 'keyword', ...standing, features: [] },
  'notify/no-interrupt-flag-withholds-notifications': {
    level: 'SHOULD NOT',
    basis: 'keyword',
    ...standing,
    features: ['VIRTIO_F_EVENT_IDX'],
  },
  'vu-header/reply-carries-version-1': { level: null, basis: 'robustness', ...standing, features: [] },
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
const everything = { cases: [], features: [], level: 'all', layout: 'split', negotiation: 'minimal' } as const;

function targetOf(name: string, device: 'block' | 'net'): TargetFacts {
  const noQueues = { queueIndex: 0, companions: [] };
  const workload =
    device === 'block'
      ? ({ ...noQueues, kind: 'block', sectors: 8 } as const)
      : ({ ...noQueues, kind: 'net', receiveIndex: 1, returns: 'same-port', reflects: 'unchanged' } as const);
  const described = { name, device, workload, transport: 'vhost-user', identity: name, version: '' } as const;
  return { ...described, capabilities: [], requiredFeatures: [], ownedBy: {}, deadlineScale: 1 };
}
const targetA = targetOf('a', 'block');
const targetB = targetOf('b', 'net');

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
  const names = { caseId: 'a/b', variant: { x: 1 }, key: 'a/b[x=1]' };
  t.ok(casePattern('a/b[x=1]')(names), 'brackets of a key are no class of characters');
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
  const results = plannedResults(cases, [targetB, targetA], 2);
  t.same(
    results.map(({ target, repetition, key }) => `${target} ${repetition} ${key.split('/').at(-1)}`),
    ['b 0 survives', 'b 0 flag', 'b 1 survives', 'b 1 flag', 'a 0 survives', 'a 0 flag', 'a 1 survives', 'a 1 flag'],
  );
  t.equal(planHashOf(results), planHashOf(plannedResults(cases, [targetB, targetA], 2)));
  t.not(planHashOf(results), planHashOf(plannedResults(cases, [targetA, targetB], 2)));
  t.not(planHashOf(results), planHashOf(plannedResults(cases, [targetB, targetA], 1)));
});

t.test('shards divide a plan: every result is in exactly one', async (t) => {
  const results = plannedResults(selectCases(all, everything, requirementFacts), [targetA, targetB], 3);
  for (const of of [1, 2, 5, 36, 50]) {
    const parts = Array.from({ length: of }, (_, at) => shardOf(results, { index: at + 1, of }));
    t.same(parts.flat().map(resultId).sort(), results.map(resultId).sort(), `${of} shards`);
    const sizes = parts.map(({ length }) => length);
    t.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, 'of nearly one size');
  }
});

t.test('a case of virtio/ is planned with what it wants and with all that is offered', async (t) => {
  const both = { cases: ['virtio/notifications'], features: [], level: 'all', layout: 'split' } as const;
  t.same(keysOf(both), ['virtio/notifications/flag', 'virtio/notifications/flag[negotiation=offered]']);
  t.same(keysOf({ ...both, negotiation: 'offered' }), ['virtio/notifications/flag[negotiation=offered]']);
  const variant = { ...both, cases: ['virtio/split-ring/wraps[late=true,size=16]'] };
  t.same(keysOf(variant), [
    'virtio/split-ring/wraps[late=true,negotiation=offered,size=16]',
    'virtio/split-ring/wraps[late=true,size=16]',
  ]);
  t.same(keysOf({ ...both, cases: ['vhost-user'] }), ['vhost-user/header/survives']);
  const own = { ...flag, applies: { start: 'closed', negotiation: 'fixed' } } as const;
  t.same(keysOf(both, [own]), ['virtio/notifications/flag'], 'what is negotiated is the matter of the case');
});

t.test('a case that a target cannot have is planned once for it', async (t) => {
  const net = { ...flag, applies: { start: 'negotiated', devices: ['net'] } } as const;
  const cases = selectCases([net], { cases: [], features: [], level: 'all' }, requirementFacts);
  t.equal(plannedResults(cases, [targetB], 1).length, 4);
  t.same(
    plannedResults(cases, [targetA], 1).map(({ key }) => key),
    ['virtio/notifications/flag'],
  );
  const needy = { ...flag, applies: { start: 'negotiated', needs: ['faithful'] } } as const;
  const both = selectCases([needy], { cases: [], features: [], level: 'all' }, requirementFacts);
  t.equal(plannedResults(both, [targetA], 1).length, 1);
  t.equal(plannedResults(both, [{ ...targetA, capabilities: ['faithful'] }], 1).length, 4);
});

t.test('a case that does not say which rings it has is planned on each layout', async (t) => {
  const minimal = { cases: [], features: [], level: 'all', negotiation: 'minimal' } as const;
  const keys = (applies: AnyCase['applies'], variants: AnyCase['variants'] = {}): string[] =>
    keysOf(minimal, [{ ...survives, applies, variants }]).map((key) => key.slice('vhost-user/header/'.length));
  const start = 'connected';
  t.same(keys({ start }), ['survives', 'survives[layout=packed]']);
  t.same(keys({ start, ring: 'split' }), ['survives']);
  t.same(keys({ start, ring: 'packed' }), ['survives'], 'no choice is no axis');
  t.same(keys({ start, ring: 'none' }), ['survives']);
  t.same(keys({ start }, { layout: ['one-region'] }), ['survives[layout=one-region]'], 'a layout of memory');
  const packed = { ...minimal, layout: 'packed' } as const;
  const raw = { ...survives, id: 'virtio/packed/raw', applies: { start, ring: 'packed' } } as const;
  t.same(keysOf(packed, [survives, raw]), ['vhost-user/header/survives[layout=packed]', 'virtio/packed/raw']);
});

t.test('a requirement of split rings is reported as its counterpart on packed ones', async (t) => {
  t.equal(requirementOn('packed', 'split/used-idx-wraps'), 'packed/used-wrap-counter-flips-at-end');
  t.equal(requirementOn('split', 'split/used-idx-wraps'), 'split/used-idx-wraps');
  t.equal(requirementOn('packed', 'packed/used-id-is-buffer-id'), 'packed/used-id-is-buffer-id');
  t.equal(requirementOn('packed', 'vu-header/reply-carries-version-1'), 'vu-header/reply-carries-version-1');
});
