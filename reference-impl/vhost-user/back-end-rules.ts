import { type AreaRules, areaRules } from './area-rules.ts';
import type { MessageTable } from './message-rule.ts';
import { messageTable } from './message-table.ts';

/**
 * Everything that a back-end does by choice, in tables by area. The reference reads them and decides nothing beside
 * them; a fault is a copy with one entry replaced.
 */
export interface BackEndRules extends AreaRules {
  readonly messages: MessageTable;
}

export const backEndRules: BackEndRules = { ...areaRules, messages: messageTable };
