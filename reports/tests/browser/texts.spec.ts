import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, type Page } from '@playwright/test';
import { coveredCatalogue } from '../../covered-catalogue.ts';
import { coverageReport } from '../../html/html-report.ts';
import { readCatalogueSnapshot } from '../../record/catalogue-snapshot.ts';
import { untestedGroups } from '../../untested-rules.ts';
import { axeViolations } from './axe-violations.ts';
import { test } from './report-page.ts';

test('which rules nobody tests, and why, is two clicks away', async ({ report, run }) => {
  const [group] = untestedGroups(run.catalogue);
  const [reason] = group?.reasons ?? [];
  const [rule] = reason?.rules ?? [];
  expect(rule).toBeDefined();
  await report.locator('nav a[href="#untested"]').click();
  await report.locator('#untested summary').first().click();
  await expect(report.locator('#untested .why p').first()).toContainText(reason?.detail ?? '');
  await expect(report.getByRole('link', { name: rule?.id ?? '', exact: true }).first()).toBeVisible();

  await report
    .getByRole('link', { name: rule?.id ?? '', exact: true })
    .first()
    .click();
  const place = report.locator('.sought');
  await expect(place).toContainText(rule?.text ?? '');
  await expect(place).toBeInViewport();
});

test('what a rule says, and where, is two clicks away from the page and from a finding', async ({ report }) => {
  const finding = report.locator('article.finding').first();
  await expect(finding).toContainText(/The text: \S+ .*(unverified|opened)/);

  await report.locator('.area > summary').first().click();
  const requirement = report.locator('.area .requirement').first();
  await requirement.locator('summary').first().click();
  const link = requirement.locator('.origin a').first();
  await expect(link).toBeVisible();
  await expect(link).toHaveAttribute('href', /^https:\/\//);
  await expect(requirement.getByRole('link', { name: 'source' }).first()).toHaveAttribute('href', /#L\d+$/);
});

function findRoot(from: string): string {
  return existsSync(join(from, 'package-lock.json')) ? from : findRoot(dirname(from));
}

/** The coverage page of a recorded catalogue, opened. */
async function openCoverage(page: Page): Promise<string> {
  const catalogue = readCatalogueSnapshot(join(findRoot(import.meta.dirname), 'fixtures/records/1.7/catalogue.json'));
  const proof = { id: 'virtio/split-ring/used-idx-wraps-at-65536', faults: ['used-idx-saturates'] };
  const scratch = mkdtempSync(join(tmpdir(), 'vhost-conformance-coverage-'));
  const path = join(scratch, 'coverage.html');
  writeFileSync(path, coverageReport(coveredCatalogue(catalogue, new Map([['split/used-idx-wraps', [proof]]]))));
  await page.goto(pathToFileURL(path).href);
  return scratch;
}

test('the coverage page leads from a change of the text to the rule, fits a phone, and is accessible', async ({
  page,
}) => {
  await page.setViewportSize({ width: 390, height: 800 });
  const scratch = await openCoverage(page);
  try {
    await page.locator('[id="changes-virtio-1.2"] > summary').click();
    await page.getByRole('link', { name: 'split/descriptor-table-never-written' }).first().click();
    const rule = page.locator('.sought');
    await expect(rule).toBeInViewport();
    await expect(rule).toContainText('No case:');
    await expect(rule.locator('a[href*="v1.4-cs01.html#x1-"]')).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.locator('#theme').click();
    expect(await page.evaluate(() => document.documentElement.dataset['theme'])).toBe('light');
    await page.evaluate(() => {
      for (const part of document.querySelectorAll('details')) part.open = true;
    });
    expect(await axeViolations(page)).toEqual([]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
