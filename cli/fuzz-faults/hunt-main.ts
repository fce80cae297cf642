import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { type HuntLimits, hunt } from './hunt.ts';

/** One hunt: its fault and limits as JSON in the first word, its result as JSON on standard output. */
const { name, ...limits } = JSON.parse(process.argv[2] ?? '{}') as HuntLimits & { readonly name: FaultName };
process.stdout.write(`${JSON.stringify(hunt(name, limits))}\n`);
