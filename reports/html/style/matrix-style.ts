export const matrixStyle = `
.scroll { overflow-x: auto; position: relative; }
.matrix { border-collapse: collapse; width: 100%; table-layout: fixed; min-width: calc(13rem + var(--targets) * 8rem); }
.legend { display: none; flex-wrap: wrap; gap: 0 1rem; margin: 0 0 0.8rem; }
.matrix th, .matrix td { text-align: left; padding: 0.32rem 0.8rem; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
.matrix thead th {
  font: 600 0.8125rem/1.3 var(--mono); vertical-align: bottom; border-bottom: 1px solid var(--firm);
  overflow-wrap: anywhere; width: clamp(8rem, calc(38rem / var(--targets)), 10rem);
}
.matrix thead .bit, .matrix thead .name { font: 0.8125rem var(--sans); color: var(--soft); }
.matrix thead .name { width: auto; }
.matrix .bit, .matrix thead .bit { width: 3.2rem; text-align: right; color: var(--soft); font: 0.8125rem var(--mono); padding-left: 0; }
.matrix .name { font-weight: 400; }
.matrix tbody .name { font-family: var(--mono); font-size: 0.8125rem; overflow-wrap: anywhere; }
.matrix .group th {
  font: 600 1rem var(--serif); padding: 1.6rem 0 0.4rem; border-bottom: 1px solid var(--firm); background: none;
}
.matrix tbody tr[data-item]:hover > * { background: var(--well); }
.matrix td:has(.mark.pass) { background: var(--pass-ground); }
.matrix td:has(.mark.fail) { background: var(--fail-ground); }
.matrix td:has(.mark.partial) { background: var(--part-ground); }
.matrix td[data-t] { border-left: 3px solid var(--paper); padding-inline: 0.5rem; }
.matrix td small { color: var(--soft); white-space: nowrap; }
.matrix td:has(.mark.fail) small { color: var(--fail); }
.matrix td[data-t] a { color: var(--fail); display: inline-block; }
.expand {
  font: inherit; color: inherit; background: none; border: 0; padding: 0.1rem 0; min-height: 0; text-align: left;
  overflow-wrap: anywhere; white-space: normal;
}
.expand::before { content: "▸" / ""; display: inline-block; width: 1.1em; color: var(--soft); font-family: var(--sans); }
.expand[aria-expanded="true"]::before { content: "▾" / ""; }
.expand:hover { text-decoration: underline; text-underline-offset: 0.2em; }
.scripted .matrix tbody:not(.all) > .quiet:not(.found), .scripted .matrix tbody:not(.all) > .quiet:not(.found) + .detail { display: none; }
.quiet-head td { color: var(--soft); font-size: 0.84rem; }
.promise { display: block; font: 0.8125rem/1.4 var(--sans); color: var(--soft); padding-left: 1.4em; overflow-wrap: normal; }
.matrix .plain { padding-left: 1.1em; display: inline-block; }
.scripted .detail:not(.open) { display: none; }
.detail ul { padding: 0.2rem 0 0.6rem; display: grid; gap: 0.5rem; max-width: 60rem; }
.detail li { line-height: 1.45; }
.detail td { background: none !important; }
.detail .of { display: inline-block; margin-left: 0.6rem; color: var(--soft); font-size: 0.84rem; }
@media (max-width: 46rem) {
  .promise { display: none; }
  .matrix tbody tr[data-item] > * { vertical-align: top; }
  .matrix .name { position: sticky; left: 0; background: var(--paper); z-index: 1; }
  .matrix .group th { position: sticky; left: 0; }
}
`;

/** Column heads that stay in sight: only where all columns fit, because a box that scrolls sideways cannot have them. */
export const stickyMatrixHead = `
@media screen and (min-width: 83.5rem) {
  #matrix .scroll { overflow: visible; }
  .matrix { border-collapse: separate; border-spacing: 0; }
  .matrix thead th { position: sticky; top: 3rem; z-index: 2; background: var(--paper); padding-top: 0.7rem; }
}
`;
