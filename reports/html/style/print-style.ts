/** On paper: dark on light, nothing that scrolls, rows and findings in one piece. */
export const printStyle = `
@page { margin: 14mm 12mm; }
@media print {
  :root, :root[data-theme] { color-scheme: light; }
  * { print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  .bar, .skip, .copy, .back, #filter-none { display: none !important; }
  main > section { margin-top: 2rem; }
  .target, tr, .requirement, .index li, .compare, .matrix thead { break-inside: avoid; }
  .finding { content-visibility: visible; }
  .finding header { break-after: avoid; }
  .matrix thead { display: table-header-group; }
  .matrix thead th { position: static; }
  .scroll { overflow: visible !important; max-height: none !important; }
  .stderr pre, .kernel-log pre, .compare.tall pre, .program { max-height: none; white-space: pre-wrap; }
}
`;
