import { CatalogueError } from '../errors.ts';
import { namesOf, objectOf, stringOf } from './checked-json.ts';
import featureFunctions from './feature-functions.json' with { type: 'json' };
import { type FeatureName, isFeatureName } from './features.ts';

/** How the function of a bit is seen to work, which rules about errors and offers do not show. */
export type FeatureFunction =
  /** It is where one of these requirements passes in a session that took the bit. */
  | { readonly kind: 'witnesses'; readonly requirements: readonly string[] }
  /** No case shows it; `untestable`: none ever could. */
  | { readonly kind: 'none' | 'untestable'; readonly why: string };

const functions: ReadonlyMap<FeatureName, FeatureFunction> = new Map(
  Object.entries<unknown>(featureFunctions).map(([name, value]): [FeatureName, FeatureFunction] => {
    const where = `feature-functions.json ${name}`;
    if (!isFeatureName(name)) throw new CatalogueError(`${where}: no such feature`);
    const written = objectOf(value, where);
    for (const kind of ['none', 'untestable'] as const) {
      if (kind in written) return [name, { kind, why: stringOf(written[kind], where) }];
    }
    return [name, { kind: 'witnesses', requirements: namesOf(written['witnesses'], where) }];
  }),
);

/** Undefined for a bit that nothing is known of: none of the devices of the reference offers it. */
export function featureFunctionOf(name: FeatureName): FeatureFunction | undefined {
  return functions.get(name);
}
