import type { Wants } from '../judging/negotiation.ts';
import { isRequirementSlug, requirementOf } from '../reference-impl/catalogue/catalogue.ts';
import type { RingLayout } from '../reference-impl/virtqueue/ring.ts';
import type { Axes } from '../reports/record/axes.ts';
import { axisValues } from '../reports/record/axes.ts';
import type { AnyCase } from './case.ts';

/** The places of a case on the axes that the plan adds, from data alone; the first names nothing in a key. */
export function axesOf(definition: AnyCase): Axes[] {
  const layouts: readonly Axes[] = hasLayoutAxis(definition) ? axisValues.layout.map((layout) => ({ layout })) : [{}];
  if (!hasNegotiationAxis(definition)) return [...layouts];
  return layouts.flatMap((axes) => axisValues.negotiation.map((negotiation) => ({ ...axes, negotiation })));
}

/** The layout of the rings that the case gets from its context at a place on its axes. */
export function layoutOf({ applies }: AnyCase, { layout = 'split' }: Axes): RingLayout {
  return applies.ring === 'packed' ? 'packed' : layout;
}

/**
 * The requirement that a check of `slug` is about on rings of a layout: its counterpart where the text on that layout
 * has one of its own, itself where it holds for both.
 */
export function requirementOn(layout: RingLayout, slug: string): string {
  if (!isRequirementSlug(slug)) return slug;
  const { counterpart, features } = requirementOf(slug);
  if (features.includes('VIRTIO_F_RING_PACKED') === (layout === 'packed')) return slug;
  return counterpart !== undefined && 'slug' in counterpart ? counterpart.slug : slug;
}

/** The requirements that a case reports on at a place on its axes. */
export function reportedRequirements(definition: AnyCase, axes: Axes): string[] {
  const layout = layoutOf(definition, axes);
  return Object.keys(definition.proves).map((slug) => requirementOn(layout, slug));
}

/** The requirements that a case reports on at any place on its axes: what it proves, and counterparts in the other layout. */
export function citedRequirements(definition: AnyCase): string[] {
  return [...new Set(axesOf(definition).flatMap((axes) => reportedRequirements(definition, axes)))];
}

/** What the runner negotiates for a case on rings of a layout. */
export function wantsOn(layout: RingLayout, { applies }: AnyCase): Wants {
  const { negotiate = [] } = applies;
  return layout === 'split' ? applies : { ...applies, negotiate: [...negotiate, 'VIRTIO_F_RING_PACKED'] };
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

/** A variant called `layout` is of memory: such a case runs on split rings alone. */
function hasLayoutAxis({ applies, variants }: AnyCase): boolean {
  return applies.ring === undefined && !('layout' in variants);
}
