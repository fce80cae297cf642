import { barStyle } from './bar-style.ts';
import { campaignStyle } from './campaign-style.ts';
import { columnStyle, mostNamedColumns } from './column-style.ts';
import { untestedStyle } from './coverage-style.ts';
import { findingStyle } from './finding-style.ts';
import { matrixStyle, stickyMatrixHead } from './matrix-style.ts';
import { pageStyle } from './page-style.ts';
import { printStyle } from './print-style.ts';
import { requirementStyle } from './requirement-style.ts';
import { ringStyle } from './ring-style.ts';
import { sequenceStyle } from './sequence-style.ts';

/** The whole style sheet for a page with that many targets. */
export function styleSheet(targets: number): string {
  const head = targets > mostNamedColumns ? '' : stickyMatrixHead;
  return [
    pageStyle,
    barStyle,
    matrixStyle,
    columnStyle(targets),
    head,
    requirementStyle,
    untestedStyle,
    findingStyle,
    sequenceStyle,
    ringStyle,
    campaignStyle,
    printStyle,
  ].join('\n');
}
