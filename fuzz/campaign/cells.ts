import { callKinds } from '../program/call-table.ts';
import { nameOfRequest } from '../program/message-lawfulness.ts';
import { callOfSignal, namedRequests, outcomeOfSignal, signalsOfCalls, stateCount, stateOfSignal } from './signals.ts';

/** A cell is a call in a state, whatever came of it, as long as it was made. */
const skipped = 'skipped';

/** By number of the call: its name, or none for a request that no text knows and for what is no call of its own. */
export const cellCalls: readonly (string | undefined)[] = [
  ...Array.from({ length: namedRequests }, (_, request) => {
    const name = nameOfRequest(request);
    return name.startsWith('VHOST_USER_') ? name : undefined;
  }),
  ...callKinds.map((kind) => (kind === 'message' ? undefined : kind)),
];

const ringStates = ['no ring', 'ring runs', 'ring stopped'] as const;

/** By number of the state. */
export const cellStates: readonly string[] = Array.from({ length: stateCount }, (_, state) => {
  const settled = Math.floor(state / 6);
  return [
    settled % 2 === 1 ? 'negotiated' : 'not negotiated',
    settled >= 2 ? 'memory told' : 'no memory',
    ringStates[Math.floor(state / 2) % 3],
    state % 2 === 1 ? 'tainted' : 'untainted',
  ].join(', ');
});

/** The number of the cell of a signal; undefined for a call that was not made, and for what is no signal of a call. */
export function cellOf(signal: number): number | undefined {
  if (signal >= signalsOfCalls || outcomeOfSignal(signal) === skipped) return undefined;
  return callOfSignal(signal) * stateCount + stateOfSignal(signal);
}
