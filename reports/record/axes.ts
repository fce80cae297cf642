/**
 * Axes that the plan adds to a case: the layout of its rings, and what the session negotiates (what the case wants, or
 * all that is offered). The first value of each is the one of a key that does not name the axis.
 */
export const axisValues = { layout: ['split', 'packed'], negotiation: ['minimal', 'offered'] } as const;
export type AxisName = keyof typeof axisValues;

/** The place of a result on the axes of its case; an axis that the case does not have is left out. */
export type Axes = { readonly [Axis in AxisName]?: (typeof axisValues)[Axis][number] | undefined };

/** The axes whose value is not the first one: those that a key names. */
export function namedAxes({ layout, negotiation }: Axes): Readonly<Record<string, string>> {
  return {
    ...(layout === 'packed' ? { layout } : {}),
    ...(negotiation === 'offered' ? { negotiation } : {}),
  };
}
