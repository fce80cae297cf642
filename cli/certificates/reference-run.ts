import type { Profile } from '../../certificates/profile.ts';
import type { SuiteFacts } from '../../certificates/verification.ts';
import type { SharedDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { Showing } from '../../reference-impl/faults/fault.ts';
import type { MergedRun } from '../../reports/merge-runs.ts';
import type { Axes } from '../../reports/record/axes.ts';
import type { CatalogueSnapshot } from '../../reports/record/catalogue-snapshot.ts';
import type { VariantValues } from '../../reports/record/record.ts';
import { type CaseRecord, caseKey, type RequirementOutcome } from '../../reports/record/record.ts';
import { planHashOf } from '../../reports/record/run-plan.ts';
import { allCases } from '../../suites/all-cases.ts';
import { axesOf, reportedRequirements } from '../../suites/axes.ts';
import { type AnyCase, variantsOf } from '../../suites/case.ts';
import { FaultyReference, transportOf } from '../faulty-reference.ts';

/** A case with a variant at a place on its axes. */
interface Place {
  readonly definition: AnyCase;
  readonly variant: VariantValues;
  readonly axes: Axes;
}

/** A whole run of the reference in process, without a fault, as `certify` would record it. */
export function referenceRun(showing: Showing, device: SharedDevice, profile: Profile, suite: SuiteFacts): MergedRun {
  const reference = new FaultyReference(showing, device, []);
  try {
    const places = allCases.flatMap(placesOf);
    const records = places.map((place) => recordOf(reference, place));
    const repetitions = [...Array(profile.repetitions).keys()];
    const results = repetitions.flatMap((repetition) => records.map((record) => ({ ...record, repetition })));
    const plan = results.map(({ key, repetition }) => ({ target: reference.name, key, repetition }));
    const { name, version, catalogueHash } = suite;
    return {
      facts: {
        suite: { name, version },
        catalogueHash,
        planHash: planHashOf(plan),
        seed: 1,
        texts: profile.texts,
        startedAt: new Date().toISOString(),
        command: ['vhost-conformance', 'run', reference.name],
        durationMs: 0,
        ended: 'completed',
      },
      catalogue: suite.catalogue as CatalogueSnapshot,
      plan: { planHash: planHashOf(plan), results: plan },
      targets: [
        {
          event: 'target',
          target: reference.name,
          transport: transportOf[showing],
          device,
          identity: reference.name,
          version,
          offered: reference.offered,
          capabilities: [],
          ownedBy: {},
        },
      ],
      results: results.map((record) => ({ record, root: '' })),
      missing: [],
      unfinished: [],
      remarks: [],
    };
  } finally {
    reference.close();
  }
}

/** The run with the results of those cases on a reference with a fault that report on these requirements. */
export function withFault(right: MergedRun, reference: FaultyReference, requirements: readonly string[]): MergedRun {
  const reports = ({ definition, axes }: Place): boolean =>
    reportedRequirements(definition, axes).some((slug) => requirements.includes(slug));
  const judged = new Map(
    allCases
      .flatMap(placesOf)
      .filter(reports)
      .map((place) => recordOf(reference, place))
      .map((record) => [record.key, record]),
  );
  return {
    ...right,
    results: right.results.map(({ record, root }) => {
      const found = judged.get(record.key);
      if (found === undefined) return { record, root };
      return { root, record: { ...found, target: record.target, repetition: record.repetition } };
    }),
  };
}

const placesOf = (definition: AnyCase): Place[] =>
  variantsOf(definition).flatMap((variant) => axesOf(definition).map((axes) => ({ definition, variant, axes })));

function recordOf(reference: FaultyReference, { definition, variant, axes }: Place): CaseRecord {
  const missing = reference.missing(definition, axes);
  const isMissing = missing.length > 0 || !reference.variantsOf(definition).some((one) => isSame(one, variant));
  const elsewhere = elsewhereIn(missing);
  const judged = isMissing
    ? { verdict: 'not-applicable' as const, outcomes: notApplicable(definition, axes, missing, elsewhere) }
    : reference.judge(definition, variant, axes);
  return {
    event: 'case',
    key: caseKey(definition.id, variant, axes),
    target: reference.name,
    repetition: 0,
    caseId: definition.id,
    title: definition.title,
    variant,
    axes,
    verdict: judged.verdict,
    ...('accepted' in judged && judged.accepted !== undefined ? { accepted: [...judged.accepted] } : {}),
    outcomes: judged.outcomes,
    findings: [],
    durationMs: 0,
    seed: 1,
    rerun: '',
  };
}

function notApplicable(
  definition: AnyCase,
  axes: Axes,
  missing: readonly string[],
  elsewhere: RequirementOutcome['elsewhere'],
): RequirementOutcome[] {
  const why = missing.length === 0 ? 'rings that it cannot have' : `missing: ${missing.join(', ')}`;
  return reportedRequirements(definition, axes).map((requirement) => ({
    requirement,
    outcome: 'not-applicable',
    checks: 0,
    why,
    ...(elsewhere === undefined ? {} : { elsewhere }),
  }));
}

function elsewhereIn([first]: readonly string[]): RequirementOutcome['elsewhere'] {
  if (first?.startsWith('transport ')) return 'transport';
  return first?.startsWith('device ') ? 'device' : undefined;
}

const isSame = (one: VariantValues, other: VariantValues): boolean => caseKey('', one) === caseKey('', other);
