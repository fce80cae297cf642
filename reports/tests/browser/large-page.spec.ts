import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@playwright/test';
import { htmlReport } from '../../html/html-report.ts';
import { mergeRuns } from '../../merge-runs.ts';
import { writeSampleRun } from '../sample-run.ts';

/**
 * 20,000 results of 40 targets. Times are those that the page's thread was at work: what else this machine does is not
 * counted.
 */
test('a page of 20,000 results is made, shown and filtered in time', async ({ page }, info) => {
  const scratch = mkdtempSync(join(tmpdir(), 'vhost-conformance-page-'));
  try {
    writeSampleRun(join(scratch, 'run'), { cases: 650, failing: 40, times: 10 });
    const before = process.cpuUsage();
    const run = mergeRuns([join(scratch, 'run')]);
    const html = htmlReport(run);
    const { user, system } = process.cpuUsage(before);
    expect(run.results.length).toBeGreaterThan(20_000);
    const path = join(scratch, 'report.html');
    writeFileSync(path, html);

    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const work = async (): Promise<number> => {
      const { metrics } = await session.send('Performance.getMetrics');
      return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
    };
    await page.goto(pathToFileURL(path).href);
    const load = await work();
    const shareBeforePaint = await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType('navigation');
      const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
      return paint === undefined || navigation === undefined ? Number.NaN : paint / navigation.duration;
    });
    // By the clock on a machine that does nothing else: of the work of the load, what was done before.
    const firstPaint = load * Math.min(1, shareBeforePaint);
    await page.waitForFunction(() => document.documentElement.dataset['searchable'] !== undefined);
    await page.locator('#filter-text').focus();
    const settled = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0))));
    await settled();
    const idle = await work();
    await page.keyboard.press('u');
    await settled();
    const firstKey = (await work()) - idle;
    const measured = { made: (user + system) / 1000, bytes: html.length, load, firstPaint, firstKey };
    info.annotations.push({ type: 'measured', description: JSON.stringify(measured) });
    expect(measured.made, 'milliseconds to read the records and to make the page').toBeLessThan(8000);
    expect(Buffer.byteLength(html), 'bytes').toBeLessThan(6_000_000);
    expect(load, 'milliseconds to load').toBeLessThan(3000);
    expect(firstPaint, 'milliseconds to the first paint').toBeLessThan(1000);
    expect(firstKey, 'milliseconds for the first key').toBeLessThan(100);
    await expect(page.locator('#filter-count')).toContainText('findings');
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
