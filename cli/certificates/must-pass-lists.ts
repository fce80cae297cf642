import { isCertifiable } from '../../certificates/certifiable.ts';
import type { MustPassList, Profile } from '../../certificates/profile.ts';
import { allRequirements } from '../../reference-impl/catalogue/catalogue.ts';
import { sharedDeviceNames } from '../../reference-impl/devices/reference-devices.ts';
import { type Showing, showings } from '../../reference-impl/faults/fault.ts';
import { allCases } from '../../suites/all-cases.ts';
import { axesOf, reportedRequirements } from '../../suites/axes.ts';
import { FaultyReference, transportOf } from '../faulty-reference.ts';

/**
 * The must-pass lists of a way to show a device, as the catalogue and the cases give them: what is certifiable and what
 * some case shows on our own reference, so that no list asks for what cannot be shown.
 */
export function mustPassLists({ id, texts }: Pick<Profile, 'id' | 'texts'>): MustPassList[] {
  const showing = showings.find((one) => one === id);
  if (showing === undefined) throw new RangeError(`profile ${id}: the reference shows no device so`);
  const transport = transportOf[showing];
  return sharedDeviceNames.map((device) => {
    const shown = new Set(shownBy(showing, device));
    const requirements = allRequirements()
      .filter((requirement) => isCertifiable(requirement, device, transport, texts))
      .map(({ slug }): string => slug)
      .filter((slug) => shown.has(slug))
      .sort();
    return { device, transport, requirements };
  });
}

/** What the cases report on that apply to the reference. */
function shownBy(showing: Showing, device: (typeof sharedDeviceNames)[number]): string[] {
  const reference = new FaultyReference(showing, device, []);
  try {
    return allCases.flatMap((definition) =>
      axesOf(definition)
        .filter((axes) => reference.missing(definition, axes).length === 0)
        .flatMap((axes) => reportedRequirements(definition, axes)),
    );
  } finally {
    reference.close();
  }
}
