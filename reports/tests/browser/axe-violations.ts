import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from '@playwright/test';
import type { AxeResults } from 'axe-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Rules of WCAG 2.2 AA and of good practice that the page breaks, with what breaks them.
 * @param rules ids of axe's rules; without any, all are applied
 */
export async function axeViolations(page: Page, ...rules: readonly string[]): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(
    (runOnly): Promise<AxeResults> => {
      const { run } = (window as unknown as { axe: typeof import('axe-core') }).axe;
      // What passes is not listed element by element: that takes as long as the rules themselves.
      return run(document, { resultTypes: ['violations'], ...(runOnly.length === 0 ? {} : { runOnly }) });
    },
    [...rules],
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}
