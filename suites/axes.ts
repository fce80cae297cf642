import type { Axes } from '../reports/record/axes.ts';
import { axisValues } from '../reports/record/axes.ts';
import type { AnyCase } from './case.ts';

/** The places of a case on the axes that the plan adds, from data alone; the first names nothing in a key. */
export function axesOf(definition: AnyCase): Axes[] {
  const layouts: readonly Axes[] = hasLayoutAxis(definition) ? axisValues.layout.map((layout) => ({ layout })) : [{}];
  if (!hasNegotiationAxis(definition)) return [...layouts];
  return layouts.flatMap((axes) => axisValues.negotiation.map((negotiation) => ({ ...axes, negotiation })));
}

/** A case of `virtio/` whose sessions the runner negotiates runs with what it wants, and with all that is offered. */
function hasNegotiationAxis({ id, applies }: AnyCase): boolean {
  return (
    id.startsWith('virtio/') &&
    applies.start !== 'connected' &&
    applies.start !== 'prepared' &&
    applies.negotiation !== 'fixed'
  );
}

/** No case runs on packed rings yet. */
function hasLayoutAxis(_: AnyCase): boolean {
  return false;
}
