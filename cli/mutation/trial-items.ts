import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import { type Showing, showings } from '../../reference-impl/faults/fault.ts';
import type { Axes } from '../../reports/record/axes.ts';
import { caseKey, type VariantValues } from '../../reports/record/record.ts';
import { allCases } from '../../suites/all-cases.ts';
import { axesOf } from '../../suites/axes.ts';
import { type AnyCase, variantsOf } from '../../suites/case.ts';
import { devicesShownBy } from '../faulty-reference.ts';

/** A reference of this process: a device shown by a transport. */
export interface TrialPlace {
  readonly name: string;
  readonly showing: Showing;
  readonly device: ReferenceDevice;
}

/** One result of a case in one place. */
export interface TrialItem {
  readonly key: string;
  readonly place: string;
  readonly definition: AnyCase;
  readonly variant: VariantValues;
  readonly axes: Axes;
  /** How many variants of the case stand before this one in its place. */
  readonly rank: number;
}

export const trialPlaces: readonly TrialPlace[] = showings.flatMap((showing) =>
  devicesShownBy(showing).map((device) => ({ name: `${showing} ${device}`, showing, device })),
);

/** All that is tried in a place, whether it applies there or not. */
export function itemsOf({ name }: TrialPlace): TrialItem[] {
  return allCases.flatMap((definition) => {
    const items = axesOf(definition).flatMap((axes) =>
      variantsOf(definition).map((variant) => ({ axes, variant, key: caseKey(definition.id, variant, axes) })),
    );
    return items.map(({ axes, variant, key }, rank) => ({
      key: `${name} ${key}`,
      place: name,
      definition,
      variant,
      axes,
      rank,
    }));
  });
}
