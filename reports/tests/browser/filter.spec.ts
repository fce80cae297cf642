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
  const link = report.locator('.target .found a').first();
  const finding = report.locator((await link.getAttribute('href')) ?? '');
  await report.locator('#filter-text').fill('no such words anywhere');
  await expect(finding).toBeHidden();
  await link.click();
  await expect(finding).toBeVisible();
  await expect(finding).toBeFocused();
});

test('“bit 28” is the bit, what hangs on it, and no other', async ({ report, run }) => {
  await report.locator('#filter-text').fill('bit 28');
  await expect(shown(report, 'feature').first()).toBeVisible();
  const names = await shown(report, 'feature').locator('th').allTextContents();
  const bit28 = run.catalogue.features.filter(({ bit }) => bit === 28).map(({ name }) => name);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(bit28.some((one) => name.startsWith(one))).toBe(true);
  const hanging = run.catalogue.requirements.filter(({ features }) => features.some((name) => bit28.includes(name)));
  await expect(shown(report, 'requirement')).toHaveCount(hanging.length);
  expect(hanging.length).toBeGreaterThan(0);
});

test('by level, basis, way of failing and text', async ({ report, run }) => {
  const groups = findingGroups(run);
  await report.locator('.more > summary').click();
  const should = groups.filter(({ finding }) => finding.level === 'SHOULD' && finding.basis === 'keyword');
  await report.locator('#filter-level').selectOption('SHOULD');
  await report.locator('#filter-basis').selectOption('keyword');
  await expect(shown(report, 'finding')).toHaveCount(should.length);
  await report.locator('#filter-reset').click();
  const crashes = groups.filter(({ finding }) => finding.how === 'crash');
  expect(crashes.length).toBeGreaterThan(0);
  await report.locator('#filter-how').selectOption('crash');
  await expect(shown(report, 'finding')).toHaveCount(crashes.length);
  await expect(shown(report, 'entry')).toHaveCount(crashes.length);
  const crashed = new Set(crashes.map(({ finding }) => finding.requirement));
  await expect(shown(report, 'requirement')).toHaveCount(crashed.size);
  await report.locator('#filter-reset').click();
  const rules = run.catalogue.requirements.filter(({ since }) => since === 'virtio-1.2').length;
  expect(rules).toBeGreaterThan(0);
  await report.locator('#filter-since').selectOption('virtio-1.2');
  await expect(shown(report, 'requirement')).toHaveCount(rules);
});

test('the address keeps it, and gives it back', async ({ report, run }) => {
  const { target = '' } = run.targets[0] ?? {};
  await report.locator('#filter-target').selectOption({ label: target });
  await report.locator('#filter-verdict').selectOption('fail');
  await report.locator('#filter-text').fill('ring');
  await expect.poll(() => report.url()).toContain(`?text=ring&target=${target}&verdict=fail`);
  const findings = await shown(report, 'finding').count();
  await shown(report, 'entry').first().locator('a').click();
  await expect.poll(() => report.url()).toMatch(/#finding-.*\?text=ring/);
  const withPlace = report.url();
  await report.goto('about:blank');
  await report.goto(withPlace);
  await expect(report.locator('#filter-text')).toHaveValue('ring');
  await expect(report.locator('#filter-verdict')).toHaveValue('fail');
  await expect(shown(report, 'finding')).toHaveCount(findings);
  await expect(report.locator('article.finding.sought')).toBeInViewport();
  await report.locator('#filter-reset').click();
  await expect.poll(() => report.url()).not.toContain('?');
});

test('says so where nothing matches', async ({ report }) => {
  const word = report.locator('#filter-none');
  await expect(word).toBeHidden();
  await report.locator('#filter-text').fill('no such words anywhere');
  await expect(word).toContainText('Nothing matches text “no such words anywhere”.');
  await word.locator('button').click();
  await expect(word).toBeHidden();
  await expect(report.locator('#filter-text')).toHaveValue('');
});
