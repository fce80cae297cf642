import type { Test } from 'tap';
import type { Claim } from '../../certificates/claim.ts';
import { type Decision, decide, isCertified } from '../../certificates/decision.ts';
import { refusalLines } from '../../certificates/verification.ts';
import type { MergedRun } from '../../reports/merge-runs.ts';
import type { CaseRecord, Outcome } from '../../reports/record/record.ts';
import { suiteFacts } from '../certificates/suite-facts.ts';
import type { CertifiedBundle } from './certified-bundle.ts';

const requirement = 'split/used-idx-wraps';
const day = '2026-12-01';

/** Claims and runs that differ in one thing from what is certified. */
export function claimsOn(t: Test, { run, claim, profile }: CertifiedBundle): void {
  const { plan } = suiteFacts();
  const of = (changedRun: MergedRun, changedClaim: Claim = claim): Decision =>
    decide(changedRun, changedClaim, [profile], day, plan);
  const refused = (decision: Decision, why: RegExp): void => {
    t.notOk(isCertified(decision));
    t.match(refusalLines(decision).join('\n'), why);
  };
  t.ok(isCertified(of(run)), 'the run as it was');

  for (const outcome of ['fail', 'inconclusive', 'error', 'not-run'] as const) {
    const state = outcome === 'fail' ? 'failed' : 'undecided';
    refused(of(withOutcome(run, outcome)), new RegExp(`${requirement}: ${state}`));
  }
  refused(of({ ...run, facts: { ...run.facts, ended: 'interrupted' } }), /the run was interrupted/);
  refused(of({ ...run, missing: run.plan.results.slice(0, 2) }), /2 planned results were not run/);
  const command = [...run.facts.command, '--feature', 'VIRTIO_F_VERSION_1'];
  refused(of({ ...run, facts: { ...run.facts, command } }), /narrowed by --feature/);
  refused(of({ ...run, facts: { ...run.facts, texts: [] } }), /was judged by no chosen text/);
  const once = run.plan.results.filter(({ repetition }) => repetition < 2);
  refused(of({ ...run, plan: { ...run.plan, results: once } }), /run 2 times, and 3 are wanted/);

  const [transport] = claim.transports;
  if (transport === undefined) throw new Error('the claim names a transport');
  const claiming = (features: typeof transport.features, more: Partial<Claim> = {}): Claim => ({
    ...claim,
    ...more,
    transports: [{ ...transport, features }],
  });
  const features = transport.features.filter((name) => name !== 'VIRTIO_F_RING_PACKED');
  refused(of(run, claiming(features)), /offers VIRTIO_F_RING_PACKED, which is neither claimed nor excluded/);
  refused(of(run, claiming([...transport.features, 'VIRTIO_F_SR_IOV'])), /does not offer VIRTIO_F_SR_IOV/);
  const basic = transport.features.filter((name) => name !== 'VIRTIO_F_VERSION_1');
  refused(of(run, claiming(basic)), /VIRTIO_F_VERSION_1 has to be claimed/);
  const exclusions: Claim['exclusions'] = [{ feature: 'VIRTIO_F_RING_PACKED', reason: 'a preview' }];
  const narrower = of(run, claiming(features, { exclusions }));
  t.ok(isCertified(narrower), 'an exclusion with a reason');
  t.ok((narrower.scopes[0]?.passed ?? 0) < (of(run).scopes[0]?.passed ?? 0), 'which counts less');
  refused(of(run, { ...claim, device: { ...claim.device, type: 'net' } }), /its device is entropy, and net is claimed/);
  refused(of(run, { ...claim, transports: [{ ...transport, version: '7' }] }), /its version is .*, and 7 is claimed/);

  const waiver = { requirement, reason: 'known', link: 'https://example.org', approvedBy: 'a board' } as const;
  const waived = (expires: string): Claim => ({ ...claim, waivers: [{ ...waiver, expires }] });
  const byWaiver = of(withOutcome(run, 'fail'), waived('2027-01-01'));
  t.ok(isCertified(byWaiver), 'a waiver lets a failure be');
  t.equal(byWaiver.scopes[0]?.passed, (of(run).scopes[0]?.passed ?? 0) - 1, 'and is no pass');
  refused(of(withOutcome(run, 'fail'), waived('2026-11-30')), /the waiver of split\/used-idx-wraps expired/);
  refused(of(withOutcome(run, 'inconclusive'), waived('2027-01-01')), /undecided/);
  const excluded: Claim = { ...claim, exclusions: [{ requirement, reason: 'not wanted' }] };
  refused(of(withOutcome(run, 'fail'), excluded), /failed/);
}

/** One of three repetitions of one result has another outcome. */
function withOutcome(run: MergedRun, outcome: Outcome): MergedRun {
  const at = run.results.findIndex(
    ({ record }) =>
      record.repetition === 1 &&
      record.outcomes.some((one) => one.requirement === requirement && one.outcome === 'pass'),
  );
  const changed = (record: CaseRecord): CaseRecord => ({
    ...record,
    verdict: outcome,
    outcomes: record.outcomes.map((one) => (one.requirement === requirement ? { ...one, outcome } : one)),
  });
  return {
    ...run,
    results: run.results.map((result, place) =>
      place === at ? { ...result, record: changed(result.record) } : result,
    ),
  };
}
