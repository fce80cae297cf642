import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test as base, type Page } from '@playwright/test';
import { htmlReport } from '../../html/html-report.ts';
import { type MergedRun, mergeRuns } from '../../merge-runs.ts';
import { writeSampleRun } from '../sample-run.ts';

export interface RunFixtures {
  /** Directory of the run that the page is made from. */
  readonly runRoot: string;
  readonly run: MergedRun;
  /** The page as a file. */
  readonly pagePath: string;
}

export interface PageFixtures {
  /** What the page asked the network for, itself left out, and what it complained about. */
  readonly noise: { readonly requests: string[]; readonly complaints: string[] };
  /** The page, loaded. */
  readonly report: Page;
}

export const test = base.extend<PageFixtures, RunFixtures>({
  runRoot: [
    async ({ browserName: _ }, use, info) => {
      const real: unknown = info.project.metadata['run'];
      if (typeof real === 'string') {
        await use(real);
        return;
      }
      const scratch = mkdtempSync(join(tmpdir(), 'vhost-conformance-page-'));
      const root = join(scratch, 'run');
      writeSampleRun(root, { cases: 70, failing: 9 });
      await use(root);
      rmSync(scratch, { recursive: true });
    },
    { scope: 'worker' },
  ],
  run: [async ({ runRoot }, use) => use(mergeRuns([runRoot])), { scope: 'worker' }],
  pagePath: [
    async ({ run }, use) => {
      const scratch = mkdtempSync(join(tmpdir(), 'vhost-conformance-page-'));
      const path = join(scratch, 'report.html');
      writeFileSync(path, htmlReport(run));
      await use(path);
      rmSync(scratch, { recursive: true });
    },
    { scope: 'worker' },
  ],
  noise: async ({ page }, use) => {
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await use({ requests, complaints });
  },
  report: async ({ page, pagePath, noise }, use) => {
    const address = pathToFileURL(pagePath).href;
    await page.goto(address);
    noise.requests.splice(noise.requests.indexOf(address), 1);
    await use(page);
  },
});
