import { pathToFileURL } from 'node:url';
import { expect, type Page } from '@playwright/test';
import { findingGroups } from '../../findings.ts';
import { axeViolations } from './axe-violations.ts';
import { poorContrasts } from './contrast.ts';
import { test } from './report-page.ts';

/** Of the page of a real run of back-ends of others (scripts/test-report.sh). */

async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

test('each target has its column, its card, and as many findings as its records say', async ({ report, run }) => {
  const names = run.targets.map(({ target }) => target);
  await expect(report.locator('.matrix thead th[data-t]')).toHaveText(names);
  for (const target of names) {
    const own = findingGroups(run).filter((group) => group.target === target).length;
    await report.locator('#filter-target').selectOption({ label: target });
    await expect(report.locator('article.finding:not([hidden])'), target).toHaveCount(own);
    await expect(report.locator('.matrix thead th[data-t]:visible')).toHaveText([target]);
  }
});

test('every width has room for it, everything open', async ({ report }) => {
  await report.evaluate(() => {
    for (const part of document.querySelectorAll('details')) part.open = true;
  });
  for (const width of [390, 768, 1366]) {
    await report.setViewportSize({ width, height: 900 });
    expect(await overflow(report), `at ${width} pixels`).toBeLessThanOrEqual(0);
  }
});

test('rings of a real back-end are stepped through by keyboard, from empty to the event that failed', async ({
  report,
}) => {
  const ring = report.locator('article.finding details.rings .ring:not([data-at="-1"])').first();
  await ring.locator('xpath=ancestor::details[contains(@class,"rings")]/summary').click();
  const range = ring.locator('input[type=range]');
  const descriptors = ring.locator('table[data-area="descriptor"] tr');
  await expect(ring.locator('.step')).toContainText(/event \d+, write \d+ of \d+/);
  await range.focus();
  await report.keyboard.press('Home');
  await expect(ring.locator('.step')).toHaveText('before its first write');
  await expect(descriptors).toHaveCount(0);
  await report.keyboard.press('End');
  await expect(descriptors.first()).toContainText(/addr 0x[0-9a-f]+, len \d+/);
  await expect(ring.locator('table[data-area="driver"]')).not.toBeEmpty();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`the comparison of two real runs in ${colorScheme} colours`, () => {
    test.use({ colorScheme });

    test('says what broke, and is read at each width and on paper', async ({ page }, info) => {
      await page.goto(pathToFileURL(String(info.project.metadata['compared'])).href);
      await expect(page.locator('h1')).toHaveText(/^\d+ results broke, none mended$/);
      const broken = page.locator('#changes li', { hasText: 'used-idx-wraps-at-65536' });
      await expect(broken.first()).toContainText('used-idx-wraps-at-65536');
      await expect(page.locator('.rerun code').first()).toHaveText(/npx vhost-conformance run --exec/);
      await page.evaluate(() => {
        for (const part of document.querySelectorAll('details')) part.open = true;
      });
      for (const width of [390, 768, 1366]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await overflow(page), `at ${width} pixels`).toBeLessThanOrEqual(0);
      }
      expect(await axeViolations(page)).toEqual([]);
      expect((await page.evaluate(poorContrasts)).poor).toEqual([]);
      await page.emulateMedia({ media: 'print' });
      await expect(broken.first()).toBeVisible();
      expect(await overflow(page)).toBeLessThanOrEqual(0);
    });
  });
}
