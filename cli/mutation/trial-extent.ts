import { trialPlaces } from './trial-items.ts';

/** How much is tried. */
export interface TrialExtent {
  readonly places: readonly string[];
  /** Of each case the first variant alone, with what it wants. */
  readonly firstVariants: boolean;
  /** Items tried on one mutant, and the milliseconds of processor time that they may take together without it. */
  readonly mostItems: number;
  readonly mostMs: number;
}

export const wholeExtent: TrialExtent = {
  places: trialPlaces.map(({ name }) => name),
  firstVariants: false,
  mostItems: 1000,
  mostMs: 20_000,
};

/** What fits into a minute: it kills fewer. */
export const quickExtent: TrialExtent = {
  places: ['vhost-user block', 'vhost-user net', 'vhost-user entropy', 'vhost-mdev-l2 block'],
  firstVariants: true,
  mostItems: 200,
  mostMs: 2500,
};
