import { Random } from '../../fuzz/mutators/random.ts';
import { type FaultName, faults, layerText } from '../../reference-impl/faults/faults.ts';
import { huntedFaults } from '../fuzz/fuzzed-transports.ts';

/** So many faults, of each layer in proportion to how many it has. The same seed chooses the same ones. */
export function sampledFaults(count: number, seed: number): FaultName[] {
  const random = new Random(seed);
  const strata = [...strataOf(huntedFaults).values()];
  const chosen = new Set<FaultName>();
  let [seen, owed] = [0, 0];
  for (const stratum of strata) {
    seen += stratum.length;
    // Rounded over all strata so far, so that the sum is right.
    const until = Math.round((Math.min(count, huntedFaults.length) * seen) / huntedFaults.length);
    for (const left = [...stratum]; owed < until; owed++) {
      const [name] = left.splice(random.below(left.length), 1);
      if (name !== undefined) chosen.add(name);
    }
  }
  return huntedFaults.filter((name) => chosen.has(name));
}

function strataOf(names: readonly FaultName[]): Map<string, FaultName[]> {
  const strata = new Map<string, FaultName[]>();
  for (const name of names) {
    const layer = layerText(faults[name]);
    const stratum = strata.get(layer);
    if (stratum === undefined) strata.set(layer, [name]);
    else stratum.push(name);
  }
  return strata;
}
