import { mdevRulesL2Faithful } from './faithful-rules.ts';
import { type MdevRules, mdevRulesL1, mdevRulesL2 } from './mdev-rules.ts';

/** The modes in which the reference shows vhost-mdev. */
export const mdevRuleTables = {
  l1: mdevRulesL1,
  'l2-strict': mdevRulesL2,
  'l2-faithful': mdevRulesL2Faithful,
} as const satisfies Record<string, MdevRules>;

export type MdevMode = keyof typeof mdevRuleTables;
