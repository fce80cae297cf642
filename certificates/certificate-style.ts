/** One sheet of A4, on screen and on paper. */
export const certificateStyle = `
@page { size: A4; margin: 0; }
body { max-width: none; padding: 0; background: var(--well); font-size: 9.2pt; line-height: 1.42; }
.sheet {
  width: 210mm; min-height: 296mm; margin: 1.5rem auto; padding: 15mm 16mm 12mm; background: var(--panel);
  border: 1px solid var(--rule); display: flex; flex-direction: column; gap: 4mm;
}
.sheet > section { margin-top: 0; }
.sheet h1 { font-size: 23pt; margin: 3mm 0 4mm; }
.sheet > section > h2 { font: 600 10.5pt/1.3 var(--serif); border-bottom: 1px solid var(--firm); padding-bottom: 0.8mm; margin-bottom: 1.4mm; }
.standing { font-weight: 650; padding: 1.6mm 3mm; border-left: 4px solid var(--pass-fill); background: var(--pass-ground); color: var(--pass); }
.standing.self { border-color: var(--warn-fill); background: var(--warn-ground); color: var(--warn); }
.standing.none { border-color: var(--fail-fill); background: var(--fail-ground); color: var(--fail); }
.sheet dl { display: grid; grid-template-columns: 33mm 1fr; gap: 0.4mm 3mm; }
.sheet dt { color: var(--soft); }
.sheet dd { overflow-wrap: anywhere; }
.sheet table + dl { margin-top: 2mm; }
.sheet table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.sheet th, .sheet td { text-align: left; vertical-align: top; padding: 0.7mm 2.5mm 0.7mm 0; border-bottom: 1px solid var(--rule); }
.sheet th { font-weight: 600; color: var(--soft); }
.sheet td { overflow-wrap: anywhere; }
.sheet td.count { white-space: nowrap; font-weight: 650; }
.foot { margin-top: auto; color: var(--soft); font-size: 7.8pt; border-top: 1px solid var(--rule); padding-top: 2mm; }
@media print {
  body { background: none; font-size: 9.2pt; }
  .sheet { margin: 0; border: 0; min-height: 0; height: 295mm; }
}
`;
