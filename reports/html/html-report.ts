import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { h } from 'preact';
import { render } from 'preact-render-to-string';
import type { HistoryStep, NamedOutline } from '../compare/run-history.ts';
import type { CoveredCatalogue } from '../covered-catalogue.ts';
import type { FindingGroup } from '../findings.ts';
import type { MergedRun } from '../merge-runs.ts';
import type { CampaignRecord } from '../record/campaign-record.ts';
import type { Trace } from '../trace/trace.ts';
import { readTrace, traceFile } from '../trace/trace-file.ts';
import { CampaignPage } from './campaign-page.tsx';
import { ComparisonPage } from './comparison-page.tsx';
import { CoveragePage } from './coverage-page.tsx';
import { Page } from './page.tsx';
import { reportView } from './report-view.ts';
import { LeftOutFields, SharedFields } from './shared-fields.tsx';
import { SharedTexts } from './shared-texts.ts';
import { comparisonStyle } from './style/comparison-style.ts';
import { coverageStyle } from './style/coverage-style.ts';
import { styleSheet } from './style/style-sheet.ts';

/** The page of a run, with what campaigns found beside it. */
export function htmlReport(run: MergedRun, campaigns: readonly CampaignRecord[] = []): string {
  const view = reportView(run);
  const fields = new SharedTexts();
  const page = h(SharedFields.Provider, { value: fields }, h(Page, { view, traces: traceOf, campaigns }));
  return htmlPage({
    title: `Conformance report: ${view.targets.map(({ target }) => target).join(', ')}`,
    style: styleSheet(view.targets.length),
    scripts: ['filter-script', 'page-script', 'copy-script', 'trace-script', 'ring-script'].map(compiled),
    // In this order: what the page leaves out is known once it is made.
    body: `${render(page)}\n${render(h(LeftOutFields, { of: fields }))}`,
  });
}

/** The page of campaigns alone. */
export function campaignReport(campaigns: readonly CampaignRecord[]): string {
  return htmlPage({
    title: `Fuzz report: ${campaigns.map(({ target }) => target).join(', ')}`,
    style: styleSheet(1),
    scripts: [compiled('copy-script')],
    body: render(h(CampaignPage, { campaigns })),
  });
}

/** The page of runs that follow each other: what changed from each to the next. */
export function comparisonReport(runs: readonly NamedOutline[], steps: readonly HistoryStep[]): string {
  return htmlPage({
    title: `Comparison: ${runs.map(({ name }) => name).join(', ')}`,
    style: `${styleSheet(1)}\n${comparisonStyle}`,
    scripts: [compiled('copy-script')],
    body: render(h(ComparisonPage, { runs, steps })),
  });
}

/** The page of the texts: each rule with what tests it, or why nothing does. */
export function coverageReport(covered: CoveredCatalogue): string {
  return htmlPage({
    title: 'Coverage of the texts',
    style: `${styleSheet(1)}\n${coverageStyle}`,
    scripts: [compiled('page-script')],
    body: render(h(CoveragePage, { covered })),
  });
}

interface HtmlPage {
  readonly title: string;
  readonly style: string;
  readonly scripts: readonly string[];
  readonly body: string;
}

/** One self-contained page: it needs no network and runs no script but its own, which its policy enforces. */
function htmlPage({ title, style, scripts, body }: HtmlPage): string {
  const early = "document.documentElement.classList.add('scripted')";
  const policy = [
    "default-src 'none'",
    `style-src ${sourceHash(style)}`,
    `script-src ${[early, ...scripts].map(sourceHash).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">\n`,
    '<meta name="referrer" content="no-referrer">\n',
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    '<meta name="color-scheme" content="light dark">\n',
    render(h('title', null, title)),
    `\n<style>${style}</style>\n<script>${early}</script>\n</head>\n<body>\n`,
    body,
    ...scripts.map((script) => `\n<script type="module">${script}</script>`),
    '\n</body>\n</html>\n',
  ].join('');
}

/** The trace of the first place in which the finding was made. */
function traceOf({ places }: FindingGroup): Trace | string | undefined {
  const [first] = places;
  if (first?.result.record.trace === undefined) return undefined;
  const { root, record } = first.result;
  try {
    return readTrace(traceFile(root, first.result.record.trace));
  } catch {
    return `The trace ${record.trace} cannot be read.`;
  }
}

function sourceHash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}

/** Compiled beside this module; it imports nothing, so that it can stand in the page. */
function compiled(name: string): string {
  const script = readFileSync(new URL(`./page-script/${name}.js`, import.meta.url), 'utf8');
  return script.replace(/^\/\/# sourceMappingURL=.*$/m, '');
}
