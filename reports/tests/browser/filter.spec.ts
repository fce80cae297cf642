import { expect, type Locator, type Page } from '@playwright/test';
import { findingGroups } from '../../findings.ts';
import { test } from './report-page.ts';

function shown(report: Page, item: string): Locator {
  return report.locator(`[data-item="${item}"]:not([hidden])`);
}

test('by verdict and target', async ({ report, run }) => {
  const groups = findingGroups(run);
  const target = groups[0]?.target ?? '';
  const here = groups.filter((group) => group.target === target).length;
  expect(here).toBeGreaterThan(0);
  expect(here).toBeLessThan(groups.length);
  await expect(shown(report, 'finding')).toHaveCount(groups.length);

  await report.locator('#filter-target').selectOption({ label: target });
  await expect(shown(report, 'finding')).toHaveCount(here);
  await expect(report.locator('.matrix thead th[data-t]:visible')).toHaveText([target]);

  await report.locator('#filter-verdict').selectOption('fail');
  await expect(shown(report, 'finding')).toHaveCount(here);
  const failed = new Set(
    run.results
      .filter(({ record }) => record.target === target)
      .flatMap(({ record }) => record.outcomes.filter(({ outcome }) => outcome === 'fail'))
      .map(({ requirement }) => requirement),
  );
  await expect(shown(report, 'requirement')).toHaveCount(failed.size);
  await expect(report.locator('#filter-count')).toContainText(`${failed.size} requirements, ${here} findings`);

  await report.locator('#filter-verdict').selectOption('pass');
  await expect(shown(report, 'finding')).toHaveCount(0);

  await report.locator('#filter-reset').click();
  await expect(shown(report, 'finding')).toHaveCount(groups.length);
  await expect(report.locator('#filter-count')).toBeEmpty();
});

test('by text, in bits, requirements and findings', async ({ report }) => {
  const bits = await shown(report, 'feature').count();
  await report.keyboard.press('/');
  await expect(report.locator('#filter-text')).toBeFocused();
  await report.keyboard.type('indirect_DESC');
  await expect(shown(report, 'feature')).toHaveCount(1);
  await expect(shown(report, 'feature')).toContainText('VIRTIO_F_INDIRECT_DESC');
  for (const text of await shown(report, 'finding').allTextContents()) expect(text).toMatch(/indirect_desc/i);
  await report.locator('#filter-text').fill('no such words anywhere');
  for (const item of ['feature', 'requirement', 'finding']) await expect(shown(report, item)).toHaveCount(0);
  await expect(report.locator('#filter-count')).toHaveText('0 bits, 0 requirements, 0 findings');
  await report.locator('#filter-text').fill('');
  await expect(shown(report, 'feature')).toHaveCount(bits);
});

test('a link to what the filter hides shows it again', async ({ report }) => {
  const finding = report.locator('article.finding').first();
  await report.locator('#filter-text').fill('no such words anywhere');
  await expect(finding).toBeHidden();
  await report.locator('.target .found a').first().click();
  await expect(finding).toBeVisible();
  await expect(finding).toBeFocused();
});
