import { expect, type Locator, type Page } from '@playwright/test';
import { test } from './report-page.ts';

/** The findings on the vhost-mdev target of the sample, their sequences open. */
async function opened(report: Page): Promise<Locator> {
  const article = report.locator('article.finding', { hasText: 'kernel-vhost-mdev' }).first();
  await article.locator('details.trace > summary').click();
  return article;
}

test('calls on a device are told in the words of its layout', async ({ report }) => {
  const article = await opened(report);
  await expect(article.locator('.lanes')).toContainText('driver · us');
  await expect(article.locator('.lanes')).toContainText('device · under test');
  const line = (text: string): Locator => article.locator('li.event', { hasText: text });
  await expect(line('VFIO_DEVICE_GET_REGION_INFO').last()).toContainText('index NOTIFY, flags read, write, mmap');
  await expect(line('VFIO_DEVICE_SET_IRQS')).toContainText('VQ, vector 1 event');
  await expect(line('VHOST_SET_VRING_NUM').first()).toContainText('EINVAL');
  await expect(line('write NOTIFY +0x1000')).toContainText('queue 1');
  await expect(line('store NOTIFY +0x1000')).toContainText('queue 1');
});

test('the answer at which a check failed is open, field by field', async ({ report }) => {
  const article = await opened(report);
  const failing = article.locator('li.failing');
  await expect(failing).toContainText('VHOST_GET_VRING_BASE answer');
  await expect(failing.locator('details')).toHaveAttribute('open', '');
  await expect(failing.locator('tbody tr')).toHaveText([
    /request0xc008af12VHOST_GET_VRING_BASE/,
    /flags0/,
    /size8/,
    /index0/,
    /num1/,
  ]);
});

test('an argument is shown as it was given and as the call left it', async ({ report }) => {
  const article = await opened(report);
  const info = article.locator('li.event', { hasText: 'VFIO_DEVICE_GET_INFO' }).first();
  await info.locator('summary').click();
  await expect(info.locator('h5')).toHaveText(['as given', 'as the call left it']);
  const [given, left] = [info.locator('.bytes').nth(0), info.locator('.bytes').nth(1)];
  await left.locator('tbody tr').nth(1).hover();
  await expect(left.locator('.dump .on')).toHaveText('41 00 00 00');
  await expect(given.locator('.on')).toHaveCount(0);
});

test('a kernel’s log is shown from its beginning', async ({ report }) => {
  const log = report.locator('.kernel-log pre').first();
  await expect(log).toContainText('Kernel panic');
  await expect(log).toContainText('</TASK>');
  expect(await log.evaluate((pre) => pre.scrollTop)).toBe(0);
});

test('what has many lines stands below what was expected', async ({ report }) => {
  const tall = report.locator('.compare.tall').first();
  const expected = await tall.locator('.expected').boundingBox();
  const actual = await tall.locator('.actual').boundingBox();
  expect(actual?.y).toBeGreaterThan((expected?.y ?? 0) + (expected?.height ?? 0) - 1);
  expect(actual?.width).toBe(expected?.width);
  expect(await report.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
});

test('a trace that is cut can be seen whole, at the event that failed', async ({ report }) => {
  const button = report.locator('button[data-deflated]').first();
  const id = await button.evaluate((one) => one.closest('article')?.id);
  const article = report.locator(`#${id}`);
  await article.locator('.trace > summary').click();
  const total = Number(/all (\d+) events/.exec((await button.textContent()) ?? '')?.[1]);
  expect(await article.locator('.sequence .event').count()).toBeLessThan(total);
  await article.locator('button[data-deflated]').click();
  const lines = article.locator('.whole pre');
  await expect(lines).toBeFocused();
  const text = (await lines.textContent()) ?? '';
  expect(text.split('\n').filter((line) => /^ *\d+ +[\d.]+ ms /.test(line)).length).toBe(total);
  await expect(lines.locator('mark')).toContainText('a check failed here');
});

test('rings are drawn as they were, and stepped through by keyboard', async ({ report }) => {
  const rings = report.locator('details.rings').first();
  await rings.locator('summary').click();
  const ring = rings.locator('.ring').first();
  const descriptors = ring.locator('table[data-area="descriptor"] tr');
  const shown = await descriptors.count();
  expect(shown).toBeGreaterThan(0);
  await expect(ring.locator('.step')).toContainText(/event \d+, write \d+ of \d+/);
  const range = ring.locator('input[type=range]');
  await range.focus();
  await report.keyboard.press('Home');
  await expect(ring.locator('.step')).toHaveText('before its first write');
  await expect(descriptors).toHaveCount(0);
  await ring.getByRole('button', { name: 'on' }).click();
  await expect(ring.locator('.step')).toContainText('write 1 of');
  await expect(ring.locator('tr.fresh')).toHaveCount(1);
  await expect(descriptors).toContainText(['addr 0x1000']);
});

test('indirect tables are drawn with their ring, and memory that changed below', async ({ report }) => {
  const rings = report.locator('details.rings', { has: report.locator('[data-area="indirect"]') }).first();
  await rings.locator('summary').click();
  const entries = rings.locator('[data-area="indirect"] tr');
  await expect(entries).toContainText(['1 [0]addr 0x6000, len 16', '1 [1]addr 0x7000, len 512, flags WRITE']);
  await rings.getByRole('button', { name: 'back' }).click();
  await rings.locator('input[type=range]').press('Home');
  await expect(entries).toHaveCount(0);
  await expect(rings.locator('.changed li')).toContainText(['512 bytes at offset 0x1a40 of region 1']);
});
