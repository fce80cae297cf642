import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from '@playwright/test';
import { campaignReport, htmlReport } from '../../html/html-report.ts';
import { readCampaign } from '../../record/campaign-directory.ts';
import { writeSampleCampaign } from '../sample-campaign.ts';
import { poorContrasts } from './contrast.ts';
import { test } from './report-page.ts';

const buckets = [
  { name: 'crash-SIGSEGV-kick', what: 'the process ended by SIGSEGV', log: 'last words' },
  { name: 'hang-wait', what: 'it serves no longer' },
];

for (const scheme of ['light', 'dark'] as const) {
  for (const kind of ['alone', 'beside a run'] as const) {
    test(`campaigns ${kind} can be read in ${scheme} colours`, async ({ page, noise, run }) => {
      const scratch = mkdtempSync(join(tmpdir(), 'vhost-conformance-page-'));
      try {
        writeSampleCampaign(join(scratch, 'found'), buckets);
        const campaigns = [readCampaign(join(scratch, 'found'))];
        const path = join(scratch, 'report.html');
        writeFileSync(path, kind === 'alone' ? campaignReport(campaigns) : htmlReport(run, campaigns));
        await page.emulateMedia({ colorScheme: scheme });
        const address = pathToFileURL(path).href;
        await page.goto(address);
        await page.evaluate(() => {
          for (const part of document.querySelectorAll('details')) part.open = true;
        });
        const { looked, poor } = await page.evaluate(poorContrasts);
        expect(looked).toBeGreaterThan(60);
        expect(poor).toEqual([]);
        const section = page.locator('#fuzzing');
        await section.getByRole('link', { name: 'crash-SIGSEGV-kick' }).click();
        const article = section.locator('article', { hasText: 'crash-SIGSEGV-kick' });
        await expect(article).toBeInViewport();
        await expect(article.locator('.program').first()).toHaveText('r1 = kick\n');
        await article.locator('button.copy').click();
        await expect(article.locator('button.copy')).toHaveText(/copied|selected/);
        await expect(section.locator('.chart .found-at')).toHaveCount(4);
        // The page is no wider than the window; what is wide scrolls by itself.
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
        expect(noise.requests).toEqual([address]);
        expect(noise.complaints).toEqual([]);
      } finally {
        rmSync(scratch, { recursive: true });
      }
    });
  }
}
