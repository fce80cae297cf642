import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, type Locator, type Page } from '@playwright/test';
import { historySteps } from '../../compare/run-history.ts';
import { outlineOf } from '../../compare/run-outline.ts';
import { comparisonReport } from '../../html/html-report.ts';
import { mergeRuns } from '../../merge-runs.ts';
import { writeSampleRun } from '../sample-run.ts';
import { test } from './report-page.ts';

/** What someone asks who has never seen the page: each answer is two clicks from its top at most. */
const mostClicks = 2;

/** Clicks as a person does, who may scroll, and counts. */
class Stranger {
  readonly #page: Page;
  clicks = 0;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Begins at the top, with everything closed. */
  async begin(): Promise<void> {
    this.clicks = 0;
    await this.#page.evaluate(() => {
      for (const part of document.querySelectorAll('details')) part.open = part.closest('.event') !== null && part.open;
      history.replaceState(null, '', location.pathname);
      window.scrollTo(0, 0);
    });
  }

  async click(what: Locator): Promise<void> {
    this.clicks++;
    await what.click();
  }

  async sees(what: Locator): Promise<void> {
    await expect(what).toBeVisible();
    expect(this.clicks).toBeLessThanOrEqual(mostClicks);
  }
}

/** The first bit that failed, and the cell that says so. */
const failedCell = (report: Page): Locator => report.locator('.matrix td a[href^="#finding-"]').first();

async function findingOf(report: Page): Promise<Locator> {
  return report.locator((await failedCell(report).getAttribute('href')) ?? '');
}

test('each question of a stranger is answered within two clicks', async ({ report }) => {
  const stranger = new Stranger(report);

  await test.step('does bit N pass?', async () => {
    const bit = (await failedCell(report).locator('xpath=ancestor::tr').locator('.bit').innerText()).match(/\d+/)?.[0];
    await stranger.begin();
    await report.locator('#filter-text').fill(`bit ${bit}`);
    const rows = report.locator('.matrix tr[data-item=feature]:visible');
    await stranger.sees(rows.first());
    await expect(rows.locator('.bit').first()).toHaveText(new RegExp(`\\b${bit}\\b`));
    await expect(rows.locator('td[data-t]').first()).toHaveText(/pass|fail|partial|not offered|no case|front-end|·/);
    expect(stranger.clicks).toBe(0);
    await report.locator('#filter-text').fill('');
  });

  await test.step('why does it not?', async () => {
    const finding = await findingOf(report);
    await stranger.begin();
    await stranger.click(failedCell(report));
    await expect(finding).toBeInViewport();
    for (const part of ['.what', '.expected', '.actual', '.how']) await stranger.sees(finding.locator(part).first());
  });

  await test.step('what does the rule say, and where?', async () => {
    const finding = await findingOf(report);
    await stranger.begin();
    await stranger.click(failedCell(report));
    await expect(finding.locator('h3')).toHaveText(/MUST|SHOULD|MAY|must|should|may/);
    await stranger.sees(finding.locator('header .origin, header .clause').first());
    await expect(finding.locator('header .origin, header .clause').first()).toHaveText(/\w{3}/);
  });

  await test.step('what was in the ring?', async () => {
    const finding = report.locator('article.finding', { has: report.locator('details.rings') }).first();
    const entry = report.locator(`.index a[href="#${await finding.getAttribute('id')}"]`);
    await stranger.begin();
    await stranger.click(entry);
    await stranger.click(finding.locator('details.rings > summary'));
    await stranger.sees(finding.locator('.ring table[data-area=descriptor] tr').first());
    await stranger.sees(finding.locator('.ring .status').first());
  });

  await test.step('how do I see it again?', async () => {
    const finding = await findingOf(report);
    await stranger.begin();
    await stranger.click(failedCell(report));
    await stranger.sees(finding.locator('.rerun code'));
    await expect(finding.locator('.rerun code')).toHaveText(/npx vhost-conformance run \S+ --case/);
  });
});

test('what changed since last time is at the top of the comparison', async ({ page }) => {
  const scratch = mkdtempSync(join(tmpdir(), 'vhost-conformance-page-'));
  try {
    writeSampleRun(join(scratch, 'before'), { cases: 20, failing: 9 });
    writeSampleRun(join(scratch, 'after'), { cases: 20, failing: 7 });
    const runs = ['before', 'after'].map((name) => ({ name, run: outlineOf(mergeRuns([join(scratch, name)])) }));
    const steps = historySteps(runs, { cases: (id) => [id], requirement: (id) => id });
    writeFileSync(join(scratch, 'compare.html'), comparisonReport(runs, steps));
    await page.goto(pathToFileURL(join(scratch, 'compare.html')).href);
    await expect(page.locator('h1')).toBeInViewport();
    await expect(page.locator('h1')).toHaveText(/results? broke, \d+ mended/);
    await expect(page.locator('#changes li').first()).toBeVisible();
    await expect(page.locator('.rerun code').first()).toHaveText(/npx vhost-conformance run/);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
