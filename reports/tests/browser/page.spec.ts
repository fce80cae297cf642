import { expect, type Locator, type Page } from '@playwright/test';
import { htmlReport } from '../../html/html-report.ts';
import { mergeRuns } from '../../merge-runs.ts';
import { splitRun } from '../split-run.ts';
import { test } from './report-page.ts';

async function openEverything(report: Page): Promise<void> {
  await report.evaluate(() => {
    for (const part of document.querySelectorAll('details')) part.open = true;
    for (const button of document.querySelectorAll<HTMLElement>('button.expand')) button.click();
  });
}

test('asks the network for nothing and has nothing to complain about', async ({ report, noise }) => {
  await openEverything(report);
  await report.locator('#filter-text').fill('used');
  await report.locator('#theme').click();
  expect(noise.requests).toEqual([]);
  expect(noise.complaints).toEqual([]);

  await test.step('and would be seen if it did', async () => {
    await report.evaluate(() => {
      const image = document.createElement('img');
      image.src = 'http://127.0.0.1:9/image.png';
      document.body.append(image);
    });
    await expect.poll(() => noise.complaints.join()).toContain('Content Security Policy');
  });
});

test('its policy stops scripts, styles and connections that are not its own', async ({ report, noise }) => {
  const outcome = await report.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.taken = 1';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.taken = 1">');
    const style = document.createElement('style');
    style.textContent = 'body { display: none }';
    document.head.append(style);
    const fetched = await fetch('http://127.0.0.1:9/').then(
      () => 'fetched',
      () => 'refused',
    );
    return { taken: 'taken' in window, shown: getComputedStyle(document.body).display, fetched };
  });
  expect(outcome).toEqual({ taken: false, shown: 'block', fetched: 'refused' });
  expect(noise.complaints.length).toBeGreaterThanOrEqual(4);
});

/** Presses Tab until what has the focus matches, as somebody without a mouse would. */
async function tabTo(report: Page, selector: string, most = 400): Promise<Locator> {
  for (let presses = 0; presses < most; presses += 1) {
    await report.keyboard.press('Tab');
    const isThere = await report.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector);
    if (isThere) return report.locator(':focus');
  }
  throw new Error(`${most} presses of Tab did not reach ${selector}`);
}

test('leads from the matrix over a finding to the bytes of its trace by keyboard', async ({ report }) => {
  const links = report.locator('.matrix td a[href^="#finding-"]');
  // Of some findings the trace begins with the message that failed, which is open from the start.
  const anchors = await links.evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
  const withOthers = await Promise.all(
    anchors.map((each) => report.locator(`${each} .message:not(.failing) summary`).count()),
  );
  const anchor = anchors.find((_each, index) => (withOthers[index] ?? 0) > 0) ?? '';
  expect(anchor, 'a feature bit that failed, with a trace of several messages').toMatch(/^#finding-/);

  const skip = await tabTo(report, '.skip');
  await expect(skip).toBeInViewport();
  await report.keyboard.press('Enter');

  const link = await tabTo(report, `.matrix td a[href="${anchor}"]`);
  const outline = await link.evaluate((focused) => getComputedStyle(focused).outlineStyle);
  expect(outline).toBe('solid');
  await report.keyboard.press('Enter');

  const article = report.locator(anchor);
  await expect(article).toBeFocused();
  await expect(article).toBeInViewport();

  const summary = await tabTo(report, '.trace > summary');
  expect(await summary.evaluate((focused) => `#${focused.closest('article')?.id}`)).toBe(anchor);
  await report.keyboard.press('Enter');
  await expect(article.locator('.trace')).toHaveAttribute('open');

  const message = await tabTo(report, '.message:not(.failing) summary');
  const bytes = message.locator('xpath=..').locator('.bytes');
  await expect(bytes).toBeHidden();
  await report.keyboard.press('Space');
  await expect(bytes).toBeVisible();
  await expect(bytes.locator('tbody tr').first()).toContainText('request');
  await expect(bytes.locator('.dump')).toHaveText(/^([0-9a-f]{2} ?)+/);

  await tabTo(report, '.back a');
  await report.keyboard.press('Enter');
  await expect(report.locator('#matrix-title')).toBeInViewport();
});

test('opens and closes what hangs on a bit with Enter and Space', async ({ report }) => {
  const button = await tabTo(report, '.matrix tr:not(.quiet) button.expand[aria-controls]');
  const detail = report.locator(`[id="${await button.getAttribute('aria-controls')}"]`);
  await expect(detail).toBeHidden();
  await report.keyboard.press('Enter');
  await expect(button).toHaveAttribute('aria-expanded', 'true');
  await expect(detail).toBeVisible();
  await report.keyboard.press('Space');
  await expect(detail).toBeHidden();
});

test('a link to a requirement opens the parts that hold it', async ({ report }) => {
  const link = report.locator('.finding .meta a').first();
  const requirement = report.locator((await link.getAttribute('href')) ?? '');
  await expect(requirement).toBeHidden();
  await link.click();
  await expect(requirement).toBeVisible();
  await expect(requirement).toBeInViewport();
  await expect(requirement).toHaveAttribute('open');
  await expect(requirement.locator('summary').first()).toBeFocused();
});

test('made from shards it is the same page, byte for byte', async ({ runRoot, run }, info) => {
  const shards = splitRun(runRoot, info.outputDir, 3);
  const direct = htmlReport(run);
  expect(htmlReport(mergeRuns(shards)) === direct).toBe(true);
  expect(htmlReport(mergeRuns(shards.slice(1))) === direct).toBe(false);
});

test('says of every target and every finding what the records say', async ({ report, run }) => {
  await expect(report.locator('.target :is(h2, h3)')).toHaveText(run.targets.map(({ target }) => target));
  const found = run.results.flatMap(({ record }) =>
    record.findings.map(({ requirement, what, how }) => [record.target, record.caseId, requirement, how, what].join()),
  );
  await expect(report.locator('article.finding')).toHaveCount(new Set(found).size);
  const rerun = await report.locator('.rerun code').allTextContents();
  const commands = new Set(run.results.map(({ record }) => record.rerun));
  for (const command of rerun) expect(commands).toContain(command);
});

test('fits windows from 360 pixels on', async ({ report }) => {
  const overflow = (): Promise<number> =>
    report.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await openEverything(report);
  await report.locator('#filter-text').fill('e');
  for (const width of [360, 736, 800, 1024, 1200, 1248, 1280, 1920]) {
    await report.setViewportSize({ width, height: 740 });
    expect(await overflow(), `at ${width} pixels`).toBeLessThanOrEqual(0);
  }
  await test.step('and one line too long would be seen', async () => {
    await report.evaluate(() => {
      const block = document.createElement('p');
      block.textContent = 'x'.repeat(500);
      document.body.append(block);
    });
    expect(await overflow()).toBeGreaterThan(0);
  });
});

test('ids are unique and every link within the page leads somewhere', async ({ report }) => {
  const broken = await report.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
    const links = [...document.querySelectorAll<HTMLAnchorElement>('a[href^="#"]')].map(({ hash }) => hash.slice(1));
    return { repeated, dangling: links.filter((id) => document.getElementById(id) === null) };
  });
  expect(broken).toEqual({ repeated: [], dangling: [] });
});
