import { expect } from '@playwright/test';
import { junitReport } from '../../reporters/junit.ts';
import { visibleText } from '../../visible-text.ts';
import { hostileText } from '../sample-trace.ts';
import { test } from './report-page.ts';

test('text from an implementation is shown and does nothing', async ({ report, noise }) => {
  await report.evaluate(() => {
    for (const part of document.querySelectorAll('details')) part.open = true;
  });
  const state = await report.evaluate(() => ({
    taken: 'taken' in window,
    foreign: document.querySelectorAll('body img, body svg[onload], body script:not([type="module"]), [onerror]')
      .length,
    hidden: /[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|[^\n\t\P{Cc}]/u.exec(document.body.textContent ?? '')?.[0] ?? '',
  }));
  expect(state).toEqual({ taken: false, foreign: 0, hidden: '' });
  expect(noise.complaints).toEqual([]);

  const expected = visibleText(hostileText).replace(/⟨(ESC|U\+[0-9A-F]+)⟩/g, '$1');
  const actual = report.locator('article.finding .actual pre', { hasText: '</script>' }).first();
  expect(await actual.evaluate((block) => block.textContent)).toBe(expected);
  await expect(actual.locator('.invisible', { hasText: 'U+202E' })).toBeVisible();
  await expect(report.locator('.stderr pre', { hasText: '<img src=x onerror=' }).first()).toBeVisible();
  await expect(report.locator('.target .identity', { hasText: '</script>' })).toBeVisible();
  await expect(report.locator('.event.process', { hasText: '</script>' }).first()).toBeVisible();
  await expect(report.locator('.event.memory-change', { hasText: '</script>' }).first()).toBeVisible();
});

test('the JUnit report is well-formed XML with the same results', async ({ report, run }) => {
  const parsed = await report.evaluate((text) => {
    const xml = new DOMParser().parseFromString(text, 'text/xml');
    const count = (selector: string): number => xml.querySelectorAll(selector).length;
    const sum = (name: string): number =>
      [...xml.querySelectorAll('testsuite')].reduce((total, suite) => total + Number(suite.getAttribute(name)), 0);
    return {
      errors: count('parsererror'),
      suites: [...xml.querySelectorAll('testsuite')].map((suite) => suite.getAttribute('name')),
      cases: count('testcase'),
      tests: sum('tests'),
      failed: [...xml.querySelectorAll('testcase')].filter((one) => one.querySelector('failure') !== null).length,
      failures: sum('failures'),
      broken: count('testcase > error'),
      skipped: count('testcase > skipped'),
      declaredSkipped: sum('skipped'),
      messages: [...xml.querySelectorAll('failure')].map((failure) => failure.textContent),
    };
  }, junitReport(run));
  const withVerdict = (...verdicts: string[]): number =>
    run.results.filter(({ record }) => verdicts.includes(record.verdict)).length;
  expect(parsed.errors).toBe(0);
  expect(parsed.suites).toEqual(run.targets.map(({ target }) => target));
  expect([parsed.cases, parsed.tests]).toEqual([run.results.length, run.results.length]);
  expect([parsed.failed, parsed.failures]).toEqual([withVerdict('fail'), withVerdict('fail')]);
  expect(parsed.broken).toBe(withVerdict('error'));
  const skipped = withVerdict('inconclusive', 'not-run', 'not-applicable');
  expect([parsed.skipped, parsed.declaredSkipped]).toEqual([skipped, skipped]);
  expect(parsed.messages.join('\n')).toContain('</script><img src=x onerror="window.taken=1">');
});

test('copies the command that runs a finding again', async ({ report, run, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const button = report.locator('.copy').first();
  await button.click();
  await expect(button).toHaveText('copied');
  const copied = await report.evaluate(() => navigator.clipboard.readText());
  expect(run.results.filter(({ record }) => record.findings.length > 0).map(({ record }) => record.rerun)).toContain(
    copied,
  );
});

test('bytes and fields that belong together light up together', async ({ report }) => {
  const message = report.locator('.finding .message details').first();
  await report.evaluate(() => {
    for (const part of document.querySelectorAll('.trace')) if (part instanceof HTMLDetailsElement) part.open = true;
  });
  await message.locator('summary').click();
  await message.locator('.dump span').nth(1).hover();
  await expect(message.locator('tr.on')).toContainText('flags');
  await message.locator('.fields tbody tr').first().hover();
  await expect(message.locator('.dump .on')).toHaveText(/^([0-9a-f]{2} ){3}[0-9a-f]{2}$/);
  await expect(message.locator('tr.on')).toContainText('request');
});
