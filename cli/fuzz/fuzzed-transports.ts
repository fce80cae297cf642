import { requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import { type FaultName, faultNames, faults } from '../../reference-impl/faults/faults.ts';

/** Programs have no calls of vhost-net yet. */
export const isFuzzed = (transport: Transport): boolean => transport !== 'vhost-kernel';

const fuzzedFaults: readonly FaultName[] = faultNames.filter((name) => {
  const fault = faults[name];
  return fault.layer !== 'transport' || isFuzzed(fault.transport);
});

/**
 * The requirements of the conventions of back-end programs: how one is started, ended, and asked from the command line. No
 * message shows how they are kept.
 */
const programArea = 'vhost-user/program';

const isOfProgram = (name: FaultName): boolean => requirementOf(faults[name].requirement).area === programArea;

/** Faults that a program may show. */
export const huntedFaults: readonly FaultName[] = fuzzedFaults.filter((name) => !isOfProgram(name));

/** Faults that no program can show, because they are of the command line of a back-end. */
export const commandLineFaults: readonly FaultName[] = fuzzedFaults.filter(isOfProgram);
