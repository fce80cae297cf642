import t from 'tap';
import { allRequirements } from '../../reference-impl/catalogue/catalogue.ts';
import { caseVerdicts } from '../case-verdicts.ts';
import { type FeatureVerdict, featureVerdicts } from '../feature-verdicts.ts';
import { findingGroups } from '../findings.ts';
import type { MergedRun } from '../merge-runs.ts';
import type { SnapshotFeature, SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { CaseRecord, Finding, Outcome, TargetRecord } from '../record/record.ts';
import { requirementVerdicts } from '../requirement-verdicts.ts';

function requirement(id: string, features: string[], more: Partial<SnapshotRequirement> = {}): SnapshotRequirement {
  return {
    id,
    origin: [],
    area: 'area',
    clause: '1',
    binds: 'device',
    level: 'MUST',
    basis: 'keyword',
    observable: 'yes',
    features,
    text: `${id} holds.`,
    ...more,
  };
}

function target(name: string, more: Partial<TargetRecord> = {}): TargetRecord {
  return {
    event: 'target',
    target: name,
    transport: 'vhost-user',
    device: 'block',
    identity: name,
    version: '1',
    offered: ['F'],
    capabilities: [],
    ownedBy: {},
    ...more,
  };
}

function result(on: string, key: string, outcomes: Record<string, Outcome>, more: Partial<CaseRecord> = {}) {
  const record: CaseRecord = {
    event: 'case',
    key,
    target: on,
    repetition: 0,
    caseId: key.replace(/\[.*/, ''),
    title: key,
    variant: {},
    verdict: Object.values(outcomes)[0] ?? 'pass',
    outcomes: Object.entries(outcomes).map(([id, outcome]) => ({ requirement: id, outcome, checks: 1 })),
    findings: [],
    durationMs: 1,
    seed: 1,
    rerun: 'run',
    ...more,
  };
  return { record, root: '/nowhere' };
}

function merged(
  requirements: SnapshotRequirement[],
  targets: TargetRecord[],
  results: MergedRun['results'],
  features: SnapshotFeature[] = [{ name: 'F', bit: 1, device: 'common' }],
): MergedRun {
  const proven = new Set(results.flatMap(({ record }) => record.outcomes.map((outcome) => outcome.requirement)));
  return {
    facts: {
      suite: { name: 's', version: '1' },
      catalogueHash: 'c',
      planHash: 'p',
      seed: 1,
      texts: [],
      startedAt: '2026-01-01T00:00:00Z',
      command: [],
      durationMs: 1,
      ended: 'completed',
    },
    catalogue: {
      schema: { major: 1, minor: 0 },
      hash: 'c',
      requirements,
      features,
      cases: [...proven].map((id) => ({ id: `case-of-${id}`, title: id, proves: [id] })),
    },
    plan: { planHash: 'p', results: [] },
    targets,
    results,
    missing: [],
    unfinished: [],
    remarks: [],
  };
}

function cell(run: MergedRun, feature = 'F', index = 0): FeatureVerdict | undefined {
  const rows = featureVerdicts(run, requirementVerdicts(run)).flatMap((group) => group.rows);
  return rows.find((row) => row.feature.name === feature)?.cells[index];
}

const two = [requirement('a', ['F']), requirement('b', ['F'])];

t.test('a feature bit passes when all that hangs on it has a case that passed here', (t) => {
  const on = [target('x')];
  const passed = merged(two, on, [result('x', 'k', { a: 'pass', b: 'pass' })]);
  t.strictSame(cell(passed), { kind: 'pass', of: 2 });
  const half = merged(two, on, [result('x', 'k', { a: 'pass' })]);
  t.strictSame(cell(half), { kind: 'partial', passed: 1, of: 2 });
  const open = merged(two, on, [result('x', 'k', { a: 'inconclusive', b: 'not-applicable' })]);
  t.strictSame(cell(open), { kind: 'partial', passed: 0, of: 2 });
  const failed = merged(two, on, [result('x', 'k', { a: 'pass' }), result('x', 'l', { b: 'fail' })]);
  t.strictSame(cell(failed), { kind: 'fail', failed: 1, passed: 1, of: 2 });
  t.strictSame(cell(merged(two, on, [])), { kind: 'no-case', of: 2 });
  t.strictSame(cell(merged([], on, [])), { kind: 'no-case', of: 0 });
  t.end();
});

t.test('a pass on another target is no pass here', (t) => {
  const run = merged(two, [target('x'), target('y')], [result('x', 'k', { a: 'pass', b: 'pass' })]);
  t.strictSame(cell(run, 'F', 1), { kind: 'no-case', of: 2 });
  t.end();
});

t.test('what cannot count is left out of the cell', (t) => {
  const outside: [string, Partial<SnapshotRequirement>][] = [
    ['robustness', { basis: 'robustness' }],
    ['what cannot be seen', { observable: 'no' }],
    ['what binds the driver', { binds: 'driver' }],
    ['a permission', { level: 'MAY' }],
    ['what another implies', { untested: 'implied-by a' }],
    ['what only another transport shows', { via: ['virtio-pci'] }],
  ];
  for (const [what, more] of outside) {
    const requirements = [requirement('a', ['F']), requirement('b', ['F'], more)];
    const run = merged(requirements, [target('x')], [result('x', 'k', { a: 'pass', b: 'fail' })]);
    t.strictSame(cell(run), { kind: 'pass', of: 1 }, what);
  }
  const untested = [requirement('a', ['F']), requirement('b', ['F'], { untested: 'not-yet' })];
  const run = merged(untested, [target('x')], [result('x', 'k', { a: 'pass' })]);
  t.strictSame(cell(run), { kind: 'partial', passed: 1, of: 2 }, 'what merely has no case yet counts');
  t.end();
});

const bitF: SnapshotFeature = { name: 'F', bit: 1, device: 'common' };
const bitG: SnapshotFeature = { name: 'G', bit: 2, device: 'common' };
const both = target('x', { offered: ['F', 'G'] });

t.test('a result is about the bits that the requirement hangs on and that its sessions took', (t) => {
  const shared = [requirement('a', ['F', 'G']), requirement('b', ['F'])];
  const run = (accepted: string[], a: Outcome): MergedRun =>
    merged(shared, [both], [result('x', 'k', { a, b: 'pass' }, { accepted })], [bitF, bitG]);
  t.strictSame(cell(run(['F', 'G'], 'fail')), { kind: 'fail', failed: 1, passed: 1, of: 2 });
  t.strictSame(cell(run(['F', 'G'], 'fail'), 'G'), { kind: 'fail', failed: 1, passed: 0, of: 1 });
  t.strictSame(cell(run(['G'], 'fail')), { kind: 'pass', of: 1 }, 'what took G alone says nothing of F');
  t.strictSame(cell(run(['G'], 'fail'), 'G'), { kind: 'fail', failed: 1, passed: 0, of: 1 });
  t.strictSame(
    cell(run([], 'fail')),
    { kind: 'fail', failed: 1, passed: 1, of: 2 },
    'about an offer or an absence: all',
  );
  t.end();
});

t.test('a failure names bits that the requirement does not hang on', (t) => {
  const rule = [requirement('a', []), requirement('b', ['F'])];
  const outcomes = [{ requirement: 'a', outcome: 'fail' as const, checks: 1, about: ['G'] }];
  const run = merged(
    rule,
    [both],
    [result('x', 'k', { b: 'pass' }), result('x', 'l', { a: 'fail' }, { outcomes })],
    [bitF, bitG],
  );
  t.strictSame(cell(run, 'G'), { kind: 'fail', failed: 1, passed: 0, of: 1 });
  t.strictSame(cell(run), { kind: 'pass', of: 1 });
  t.end();
});

t.test('only requirements of the device, and of bits that it offers, are counted', (t) => {
  const requirements = [
    requirement('a', ['F']),
    requirement('n', ['F'], { device: 'net' }),
    requirement('g', ['F', 'G']),
    requirement('o', ['F', 'N']),
  ];
  const bits: SnapshotFeature[] = [bitF, bitG, { name: 'N', bit: 3, device: 'net' }];
  const run = merged(requirements, [target('x')], [result('x', 'k', { a: 'pass' }, { accepted: ['F'] })], bits);
  t.strictSame(cell(run), { kind: 'pass', of: 1 });
  t.end();
});

t.test('a bit passes only where its own function was seen to work', (t) => {
  const witnessed: SnapshotFeature = { ...bitF, witnesses: ['w'] };
  const requirements = [requirement('a', ['F']), requirement('w', [], { basis: 'robustness' })];
  const run = (bit: SnapshotFeature, w: Outcome, accepted: string[]): MergedRun =>
    merged(requirements, [target('x')], [result('x', 'k', { a: 'pass', w }, { accepted })], [bit]);
  t.strictSame(cell(run(witnessed, 'pass', ['F'])), { kind: 'pass', of: 1 });
  const unseen = { kind: 'partial', passed: 1, of: 1, unseen: 'none of w passed in a session that took it' };
  t.strictSame(cell(run(witnessed, 'pass', [])), unseen, 'no session took it');
  t.strictSame(cell(run(witnessed, 'fail', ['F'])), unseen, 'its witness failed');
  const none: SnapshotFeature = { ...bitF, witnesses: [], unseen: 'nothing shows it' };
  t.strictSame(cell(run(none, 'pass', ['F'])), { kind: 'partial', passed: 1, of: 1, unseen: 'nothing shows it' });
  const bare = (feature: SnapshotFeature) => cell(merged([], [target('t')], [], [feature]));
  t.strictSame(bare(none), { kind: 'no-case', of: 0 });
  t.strictSame(bare({ ...none, isUntestable: true }), { kind: 'untestable', why: 'nothing shows it' });
  t.end();
});

t.test('not offered, served by another, of another device or protocol', (t) => {
  const passed = [result('x', 'k', { a: 'pass', b: 'pass' })];
  t.strictSame(cell(merged(two, [target('x', { offered: [] })], passed)), { kind: 'not-offered' });
  const failed = [result('x', 'k', { a: 'fail' })];
  t.strictSame(cell(merged(two, [target('x', { offered: [] })], failed)), {
    kind: 'fail',
    failed: 1,
    passed: 0,
    of: 2,
  });
  const owned = target('x', { ownedBy: { F: 'front-end' } });
  t.strictSame(cell(merged(two, [owned], failed)), { kind: 'owned', by: 'front-end' }, 'never fails');
  const bits: [SnapshotFeature, boolean][] = [
    [{ name: 'F', bit: 1, device: 'net' }, false],
    [{ name: 'F', bit: 1, device: 'blk' }, true],
    [{ name: 'F', bit: 1, device: 'vhost-user' }, true],
    [{ name: 'F', bit: 1, device: 'vhost' }, true],
    [{ name: 'F', bit: 1, device: 'vhost', kind: 'vhost-backend' }, false],
    [{ name: 'F', bit: 1, device: 'vhost-kernel' }, false],
  ];
  for (const [bit, isHere] of bits) {
    const shown = cell(merged(two, [target('x')], passed, [bit]));
    t.equal(shown?.kind, isHere ? 'pass' : undefined, `${bit.device} ${bit.kind ?? ''}`);
  }
  const mixed = merged(two, [target('x'), target('y', { device: 'net' })], passed, [
    { name: 'F', bit: 1, device: 'net' },
  ]);
  t.strictSame(cell(mixed), { kind: 'elsewhere' }, 'a row that concerns one target stays for all');
  t.end();
});

t.test('requirements of the kernel interface count for a vhost-kernel target', (t) => {
  const ofKernel = allRequirements().filter(({ via }) => via.includes('vhost-kernel'));
  t.ok(ofKernel.some(({ area }) => area === 'vhost-kernel'));
  const [first] = ofKernel;
  const requirements = [requirement('a', ['F'], { via: [...(first?.via ?? [])] })];
  const kernel = target('x', { transport: 'vhost-kernel' });
  const bit: SnapshotFeature = { name: 'F', bit: 1, device: 'vhost', kind: 'vhost-backend' };
  const results = [result('x', 'k', { a: 'pass' })];
  t.strictSame(cell(merged(requirements, [kernel], results, [bit])), { kind: 'pass', of: 1 });
  const elsewhere = merged(requirements, [target('x', { transport: 'virtio-pci' })], results, [bit]);
  t.equal(cell(elsewhere), undefined);
  t.end();
});

t.test('the outcome of a requirement over several cases', (t) => {
  const judged = (...outcomes: Outcome[]): string | undefined => {
    const results = outcomes.map((outcome, index) => result('x', `k${index}`, { a: outcome }));
    return requirementVerdicts(merged([requirement('a', [])], [target('x')], results))[0]?.rows[0]?.verdicts[0]
      ?.verdict;
  };
  t.equal(judged('pass', 'not-applicable'), 'pass');
  t.equal(judged('pass', 'inconclusive'), 'inconclusive');
  t.equal(judged('error', 'fail'), 'fail', 'an error of ours hides no finding');
  t.equal(judged('pass', 'error'), 'error');
  t.equal(judged('not-applicable'), 'not-applicable');
  t.equal(judged('not-run', 'pass'), 'not-run');
  t.equal(judged(), 'no-case');
  t.end();
});

t.test('a requirement that the catalogue does not hold is shown all the same', (t) => {
  const areas = requirementVerdicts(merged([], [target('x')], [result('x', 'k', { ghost: 'fail' })]));
  t.equal(areas[0]?.rows[0]?.requirement.id, 'ghost');
  t.equal(areas[0]?.rows[0]?.verdicts[0]?.verdict, 'fail');
  t.end();
});

t.test('repetitions that disagree are unstable, and the worst stands for them', (t) => {
  const results = [0, 1, 2].map((repetition) =>
    result('x', 'k', { a: repetition === 1 ? 'fail' : 'pass' }, { repetition }),
  );
  const [verdict, ...others] = caseVerdicts(merged(two, [target('x')], results));
  t.equal(others.length, 0);
  t.match(verdict, { verdict: 'fail', isUnstable: true });
  const [stable] = caseVerdicts(merged(two, [target('x')], results.slice(0, 1)));
  t.match(stable, { verdict: 'pass', isUnstable: false });
  t.end();
});

t.test('the same finding of several variants is one, of several targets several', (t) => {
  const finding: Finding = {
    requirement: 'a',
    level: 'MUST',
    basis: 'keyword',
    how: 'wrong',
    what: 'used idx',
    expected: '1',
    actual: '2',
  };
  const results = [
    result('y', 'k[size=1]', { a: 'fail' }, { findings: [finding] }),
    result('x', 'k[size=1]', { a: 'fail' }, { findings: [finding] }),
    result('x', 'k[size=2]', { a: 'fail' }, { findings: [{ ...finding, actual: '3', points: ['p1', 'p2'] }] }),
    result('x', 'k[size=3]', { a: 'fail' }, { findings: [{ ...finding, how: 'hang' }] }),
  ];
  const groups = findingGroups(merged(two, [target('x'), target('y')], results));
  t.strictSame(
    groups.map((group) => [group.target, group.finding.how, group.places.length]),
    [
      ['x', 'wrong', 2],
      ['x', 'hang', 1],
      ['y', 'wrong', 1],
    ],
  );
  t.equal(new Set(groups.map(({ anchor }) => anchor)).size, 3);
  const again = findingGroups(merged(two, [target('x'), target('y')], results));
  t.strictSame(
    again.map(({ anchor }) => anchor),
    groups.map(({ anchor }) => anchor),
    'anchors stay',
  );
  t.match(groups[0]?.anchor, /^finding-a-[0-9a-f]{8}$/);
  t.end();
});
