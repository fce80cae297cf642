import { expect, type Page } from '@playwright/test';
import { poorContrasts } from './contrast.ts';
import { test } from './report-page.ts';

async function ground(report: Page): Promise<number> {
  const colour = await report.evaluate(() => getComputedStyle(document.body).backgroundColor);
  return Math.max(...(colour.match(/\d+/g) ?? []).slice(0, 3).map(Number));
}

for (const scheme of ['light', 'dark'] as const) {
  test.describe(`in ${scheme} colours`, () => {
    test.use({ colorScheme: scheme });

    test('follows the system', async ({ report }) => {
      if (scheme === 'light') expect(await ground(report)).toBeGreaterThan(200);
      else expect(await ground(report)).toBeLessThan(60);
    });

    test('every text can be read', async ({ report }) => {
      await report.evaluate(() => {
        for (const part of document.querySelectorAll('details')) part.open = true;
        for (const button of document.querySelectorAll<HTMLElement>('button.expand')) button.click();
      });
      const { looked, poor } = await report.evaluate(poorContrasts);
      expect(looked).toBeGreaterThan(200);
      expect(poor).toEqual([]);

      await test.step('and one that cannot would be seen', async () => {
        await report.locator('h1').evaluate((heading) => heading.style.setProperty('color', 'rgb(118, 118, 118)'));
        await report.locator('.wordmark').evaluate((mark) => mark.style.setProperty('color', 'rgb(118, 118, 118)'));
        const after = await report.evaluate(poorContrasts);
        expect(after.poor.map(({ text }) => text)).toEqual(['vhost-conformance']);
      });
    });

    test('the button turns them around and the choice stays', async ({ report }) => {
      const button = report.locator('#theme');
      await expect(button).toHaveAccessibleName('Colours: auto, as the system');
      await button.click();
      await expect(button).toHaveAccessibleName('Colours: light');
      expect(await ground(report)).toBeGreaterThan(200);
      await button.click();
      await expect(button).toHaveAccessibleName('Colours: dark');
      expect(await ground(report)).toBeLessThan(60);
      await report.reload();
      expect(await ground(report)).toBeLessThan(60);
      await expect(button).toHaveText('dark');
    });

    test('prints dark on light', async ({ report }) => {
      await report.emulateMedia({ media: 'print' });
      expect(await ground(report)).toBeGreaterThan(200);
      await expect(report.locator('.bar')).toBeHidden();
    });
  });
}
