import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { h } from 'preact';
import { render } from 'preact-render-to-string';
import type { FindingGroup } from '../findings.ts';
import type { MergedRun } from '../merge-runs.ts';
import type { Trace } from '../trace/trace.ts';
import { readTrace, traceFile } from '../trace/trace-file.ts';
import { Page } from './page.tsx';
import { reportView } from './report-view.ts';
import { styleSheet } from './style/style-sheet.ts';

/** One self-contained page: it needs no network and runs no script but its own, which its policy enforces. */
export function htmlReport(run: MergedRun): string {
  const view = reportView(run);
  const style = styleSheet(view.targets.length);
  const early = "document.documentElement.classList.add('scripted')";
  const script = pageScript();
  const policy = [
    "default-src 'none'",
    `style-src ${sourceHash(style)}`,
    `script-src ${sourceHash(early)} ${sourceHash(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">\n`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    '<meta name="color-scheme" content="light dark">\n',
    render(h('title', null, `Conformance report: ${view.targets.map(({ target }) => target).join(', ')}`)),
    `\n<style>${style}</style>\n<script>${early}</script>\n</head>\n<body>\n`,
    render(h(Page, { view, traces: traceOf })),
    `\n<script type="module">${script}</script>\n</body>\n</html>\n`,
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
function pageScript(): string {
  const compiled = readFileSync(new URL('./page-script/page-script.js', import.meta.url), 'utf8');
  return compiled.replace(/^\/\/# sourceMappingURL=.*$/m, '');
}
