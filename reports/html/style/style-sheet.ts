import { findingStyle } from './finding-style.ts';
import { matrixStyle } from './matrix-style.ts';
import { pageStyle } from './page-style.ts';
import { requirementStyle } from './requirement-style.ts';
import { sequenceStyle } from './sequence-style.ts';

/** The whole style sheet for a page with that many targets. */
export function styleSheet(targets: number): string {
  const columns = `:root{--targets:${targets}}`;
  return [columns, pageStyle, matrixStyle, requirementStyle, findingStyle, sequenceStyle].join('\n');
}
