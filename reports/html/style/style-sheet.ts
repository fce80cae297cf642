import { campaignStyle } from './campaign-style.ts';
import { findingStyle } from './finding-style.ts';
import { matrixStyle, stickyMatrixHead } from './matrix-style.ts';
import { pageStyle } from './page-style.ts';
import { requirementStyle } from './requirement-style.ts';
import { sequenceStyle } from './sequence-style.ts';

const mostTargetsInView = 5;

/** The whole style sheet for a page with that many targets. */
export function styleSheet(targets: number): string {
  const columns = `:root{--targets:${targets}}`;
  const head = targets > mostTargetsInView ? '' : stickyMatrixHead;
  return [columns, pageStyle, matrixStyle, head, requirementStyle, findingStyle, sequenceStyle, campaignStyle].join(
    '\n',
  );
}
