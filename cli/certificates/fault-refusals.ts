import type { Claim } from '../../certificates/claim.ts';
import { type Decision, decide, isCertified, refusals } from '../../certificates/decision.ts';
import { mustPassOf, type Profile } from '../../certificates/profile.ts';
import type { SuiteFacts } from '../../certificates/verification.ts';
import { isFeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import { type SharedDevice, sharedDeviceNames } from '../../reference-impl/devices/reference-devices.ts';
import { type Showing, showings } from '../../reference-impl/faults/fault.ts';
import { type FaultName, faults } from '../../reference-impl/faults/faults.ts';
import { ringLayouts } from '../../reference-impl/virtqueue/ring.ts';
import type { MergedRun } from '../../reports/merge-runs.ts';
import { allCases } from '../../suites/all-cases.ts';
import { axesOf, requirementOn } from '../../suites/axes.ts';
import { namesFault } from '../fault-rows.ts';
import { FaultyReference, transportOf } from '../faulty-reference.ts';
import { withFault } from './reference-run.ts';

/** What comes of a claim for a device with a fault. */
export interface FaultRefusal {
  readonly profile: string;
  readonly device: string;
  readonly isRefused: boolean;
  /** Requirements of the fault that refuse it. */
  readonly by: readonly string[];
}

/** The requirements that a fault breaks: its own, and that of the other ring layout. */
export function requirementsOfFault(name: FaultName): string[] {
  const { requirement, ...fault } = faults[name];
  const layouts = fault.layer === 'ring' ? fault.layouts : ringLayouts;
  return [...new Set([requirement, ...layouts.map((layout) => requirementOn(layout, requirement))])];
}

/** Where a fault concerns a profile: its requirement is of the list, and a case that names it applies to the device. */
export function concernedBy(name: FaultName, profile: Profile): SharedDevice[] {
  const showing = showingOf(profile);
  const fault = faults[name];
  if (fault.hiddenFrom?.[showing] !== undefined) return [];
  if (fault.layer === 'transport' && fault.transport !== transportOf[showing]) return [];
  const requirements = requirementsOfFault(name);
  return sharedDeviceNames.filter((device) => {
    const list = mustPassOf(profile, device, transportOf[showing])?.requirements ?? [];
    if (!requirements.some((slug) => list.includes(slug))) return false;
    const reference = new FaultyReference(showing, device, [name]);
    return allCases.some(
      (definition) =>
        namesFault(definition, name) &&
        axesOf(definition).some((axes) => reference.missing(definition, axes).length === 0),
    );
  });
}

export function showingOf({ id }: Profile): Showing {
  const showing = showings.find((one) => one === id);
  if (showing === undefined) throw new RangeError(`profile ${id}: the reference shows no device so`);
  return showing;
}

/** A claim of all that the only target of a run offers. */
export function claimOfReference(run: MergedRun, profile: Profile): Claim {
  const [target] = run.targets;
  if (target === undefined) throw new RangeError('the run has no target');
  return {
    schema: 1,
    applicant: { organisation: 'vhost-conformance', contact: 'nightly' },
    device: {
      vendor: 'vhost-conformance',
      name: target.identity,
      type: target.device,
      versions: { suite: target.version },
      firmware: {},
      pciIds: [],
      serials: [],
      macAddresses: [],
    },
    profiles: [{ id: profile.id, version: profile.version }],
    transports: [
      {
        transport: transportOf[showingOf(profile)],
        target: target.target,
        features: target.offered.filter(isFeatureName),
      },
    ],
    exclusions: [],
    waivers: [],
  };
}

export const decidedFor = (run: MergedRun, claim: Claim, profile: Profile, suite: SuiteFacts): Decision =>
  decide(run, claim, [profile], profile.issuedFrom, suite.plan);

/** What comes of the fault on a device, whose run without it is certified. */
export function refusalOf(
  name: FaultName,
  profile: Profile,
  device: SharedDevice,
  right: MergedRun,
  suite: SuiteFacts,
): FaultRefusal {
  const requirements = requirementsOfFault(name);
  const reference = new FaultyReference(showingOf(profile), device, [name]);
  try {
    const claim = claimOfReference(right, profile);
    const decision = decidedFor(withFault(right, reference, requirements), claim, profile, suite);
    const failed = decision.scopes.flatMap(refusals).filter(({ state }) => state === 'failed');
    const by = failed.map(({ requirement }) => requirement).filter((slug) => requirements.includes(slug));
    return { profile: profile.id, device, isRefused: !isCertified(decision) && by.length > 0, by };
  } finally {
    reference.close();
  }
}
