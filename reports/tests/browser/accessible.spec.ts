import { expect } from '@playwright/test';
import { axeViolations } from './axe-violations.ts';
import { test } from './report-page.ts';

for (const width of [390, 1366]) {
  test(`axe finds nothing at ${width} pixels`, async ({ report }) => {
    // It looks at each of some thousand elements.
    test.slow();
    await report.setViewportSize({ width, height: 900 });
    await report.locator('article.finding .trace > summary').first().click();
    await report.locator('.area > summary').first().click();
    await report.locator('.area .requirement > summary').first().click();
    await report.locator('.more > summary').click();
    expect(await axeViolations(report)).toEqual([]);

    await test.step('and something that is there', async () => {
      await report.locator('#filter-text').evaluate((input) => input.closest('label')?.replaceWith(input));
      await report.locator('#filter-text').evaluate((input) => input.removeAttribute('placeholder'));
      expect((await axeViolations(report, 'label')).join()).toContain('label');
    });
  });
}

test('the arrow keys choose a field, and its bytes light up', async ({ report }) => {
  const article = report.locator('article.finding').first();
  await article.locator('.trace > summary').click();
  const message = article.locator('.message details').first();
  if ((await message.getAttribute('open')) === null) await message.locator('summary').click();
  const table = message.locator('.scroll').first();
  await table.focus();
  await report.keyboard.press('ArrowDown');
  await expect(table.locator('tr.on')).toContainText('request');
  await report.keyboard.press('ArrowDown');
  await expect(table.locator('tr.on')).toContainText('flags');
  await expect(message.locator('.dump .on')).toHaveCount(1);
});
