import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, type Page } from '@playwright/test';
import { htmlReport } from '../../html/html-report.ts';
import { mergeRuns } from '../../merge-runs.ts';
import { writeSampleRun } from '../sample-run.ts';
import { test } from './report-page.ts';

/** Names of bits whose text leaves their cell, and cells whose text leaves theirs. */
async function overlaps(report: Page): Promise<string[]> {
  return report.evaluate(() => {
    const found: string[] = [];
    for (const cell of document.querySelectorAll<HTMLElement>('.matrix tbody .name, .matrix td[data-t]')) {
      if (!cell.checkVisibility()) continue;
      const box = cell.getBoundingClientRect();
      const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
        if (text.parentElement?.closest('.unseen') !== null) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        for (const { left, right } of range.getClientRects()) {
          if (right - left > 1.5 && (right > box.right + 1 || left < box.left - 1)) found.push(cell.textContent);
        }
      }
    }
    return found;
  });
}

for (const width of [390, 768, 1366]) {
  test(`can be read at ${width} pixels`, async ({ report }) => {
    await report.setViewportSize({ width, height: 900 });
    expect(await overlaps(report)).toEqual([]);
    const scroll = report.locator('#matrix .scroll');
    expect(await scroll.evaluate((box) => box.scrollWidth - box.clientWidth)).toBeLessThanOrEqual(1);
    await test.step('and a name that is too long would be seen', async () => {
      await report
        .locator('.matrix tbody .name .expand')
        .first()
        .evaluate((name) => {
          name.style.whiteSpace = 'nowrap';
          name.textContent = 'X'.repeat(300);
          name.style.overflowWrap = 'normal';
        });
      expect((await overlaps(report)).length).toBeGreaterThan(0);
    });
  });
}

test('can be read on paper', async ({ report }) => {
  // The width of A4 without its margins.
  await report.setViewportSize({ width: 700, height: 1000 });
  await report.emulateMedia({ media: 'print' });
  expect(await overlaps(report)).toEqual([]);
  await expect(report.locator('.legend')).toBeVisible();
});

test('has room for more than thirty targets on paper, and scrolls sideways alone on a phone', async ({ page }) => {
  const scratch = mkdtempSync(join(tmpdir(), 'vhost-conformance-page-'));
  try {
    writeSampleRun(join(scratch, 'run'), { cases: 12, failing: 9, times: 8 });
    const path = join(scratch, 'report.html');
    writeFileSync(path, htmlReport(mergeRuns([join(scratch, 'run')])));
    await page.setViewportSize({ width: 700, height: 1000 });
    await page.goto(pathToFileURL(path).href);
    await expect(page.locator('.matrix thead [data-t]')).toHaveCount(32);
    const beyond = (selector: string): Promise<number> =>
      page.locator(selector).evaluate((box) => box.scrollWidth - box.clientWidth);
    await page.emulateMedia({ media: 'print' });
    expect(await beyond('#matrix .scroll'), 'nothing is cut off').toBeLessThanOrEqual(1);
    expect(await overlaps(page)).toEqual([]);
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize({ width: 390, height: 900 });
    expect(await beyond('#matrix .scroll'), 'the matrix scrolls').toBeGreaterThan(100);
    expect(await beyond('html'), 'and the page does not').toBeLessThanOrEqual(0);
    expect(await overlaps(page)).toEqual([]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
