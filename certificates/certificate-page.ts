import { createHash } from 'node:crypto';
import { h } from 'preact';
import { render } from 'preact-render-to-string';
import { pageStyle } from '../reports/html/style/page-style.ts';
import { CertificateSheet } from './certificate-sheet.tsx';
import { certificateStyle } from './certificate-style.ts';
import type { Verification } from './verification.ts';

/** The page about a bundle: one file without scripts, which needs no network. */
export function certificatePage(of: Verification): string {
  const style = pageStyle + certificateStyle;
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const { vendor, name } = of.claim.device;
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">\n`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    '<meta name="color-scheme" content="light dark">\n',
    render(h('title', null, `Certificate: ${vendor} ${name}`)),
    `\n<style>${style}</style>\n</head>\n<body>\n`,
    render(h(CertificateSheet, { of })),
    '\n</body>\n</html>\n',
  ].join('');
}
