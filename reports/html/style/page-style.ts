/** Colours, type, header, filter bar, marks. Every pair of text and ground has a contrast of 4.5 or more. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fbfaf8, #131518);
  --panel: light-dark(#ffffff, #1a1d21);
  --well: light-dark(#f3f1ed, #0e1012);
  --ink: light-dark(#1a1d21, #e9e7e2);
  --soft: light-dark(#575c64, #a6abb3);
  --rule: light-dark(#dedad3, #30343a);
  --firm: light-dark(#8f8b83, #6d737c);
  --link: light-dark(#0a5a78, #86c9e6);
  --pass: light-dark(#17623a, #86d3a2);
  --pass-ground: light-dark(#e1f2e6, #14301f);
  --pass-fill: light-dark(#3c9a63, #3f9d67);
  --fail: light-dark(#9b1710, #ffaba2);
  --fail-ground: light-dark(#fde5e2, #4a1a19);
  --fail-fill: light-dark(#c9372e, #e0574c);
  --error: light-dark(#6a2480, #dcaaef);
  --error-ground: light-dark(#f4e4f9, #3a1f46);
  --error-fill: light-dark(#9445ad, #b169c9);
  --warn: light-dark(#774600, #f1c879);
  --warn-ground: light-dark(#fdeecd, #3c2e10);
  --warn-fill: light-dark(#d99b2b, #c78f2c);
  --part: light-dark(#0a5470, #92d2ec);
  --part-ground: light-dark(#deeff6, #11303d);
  --idle: light-dark(#50565f, #b3b9c2);
  --idle-ground: light-dark(#ecedef, #2a2e34);
  --idle-fill: light-dark(#b9bec6, #565d67);
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Source Serif 4", Charter, "DejaVu Serif", Georgia, serif;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 0 clamp(1rem, 4vw, 3rem) 6rem; max-width: 82rem;
  background: var(--paper); color: var(--ink);
  font: 0.9375rem/1.55 var(--sans); font-variant-numeric: tabular-nums;
}
code, pre { font-family: var(--mono); font-size: 0.85em; font-variant-ligatures: none; }
code { overflow-wrap: anywhere; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 0.2em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
h1, h2, h3, h4, p, ul, ol, dl, dd { margin: 0; padding: 0; }
h1, h2, h3, h4 { overflow-wrap: anywhere; }
ul, ol { list-style: none; }
main > section { margin-top: 4rem; }
main > section > h2 {
  font: 600 1.6rem/1.2 var(--serif); letter-spacing: -0.01em;
  padding-bottom: 0.5rem; border-bottom: 1px solid var(--firm);
}
.hint { color: var(--soft); max-width: 48rem; margin: 0.75rem 0 1.25rem; }
.muted { color: var(--soft); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: 0.6rem 1rem; background: var(--panel); z-index: 9; }
.skip:focus { top: 0.5rem; }
.invisible {
  font: 0.72em/1 var(--mono); padding: 0.1em 0.35em; margin: 0 0.1em; border: 1px solid currentcolor;
  border-radius: 3px; color: var(--warn); background: var(--warn-ground); white-space: nowrap;
}

.mark, .signs > b { white-space: nowrap; font-size: 0.84rem; color: var(--soft); }
.mark::before, .signs > b::before { content: "·" / ""; display: inline-block; width: 1.3em; text-align: center; font-weight: 700; }
:is(.mark, .signs > b).pass { color: var(--pass); } :is(.mark, .signs > b).pass::before { content: "✓" / ""; }
:is(.mark, .signs > b).fail { color: var(--fail); font-weight: 650; } :is(.mark, .signs > b).fail::before { content: "✕" / ""; }
:is(.mark, .signs > b).error { color: var(--error); font-weight: 650; } :is(.mark, .signs > b).error::before { content: "!" / ""; }
:is(.mark, .signs > b).inconclusive { color: var(--warn); } :is(.mark, .signs > b).inconclusive::before { content: "?" / ""; }
:is(.mark, .signs > b).partial { color: var(--part); } :is(.mark, .signs > b).partial::before { content: "◐" / ""; }
.signs > .not-run::before, .mark.not-run::before, .mark.no-result::before { content: "…" / ""; }
.mark.not-offered::before { content: "–" / ""; }
.mark.owned::before { content: "↗" / ""; }
.mark.no-case::before { content: "○" / ""; }
.mark.untestable::before { content: "◇" / ""; }

.top { padding-top: clamp(1.5rem, 4vw, 3rem); }
.wordmark { font: 600 0.8125rem var(--mono); letter-spacing: 0.02em; }
.wordmark span { color: var(--soft); font-weight: 400; }
h1 { font: 600 clamp(1.9rem, 5vw, 3rem)/1.1 var(--serif); letter-spacing: -0.02em; margin: 1.1rem 0 0.6rem; }
.lead { color: var(--soft); font-size: 1.0625rem; max-width: 60rem; }
.warning {
  margin-top: 1.25rem; padding: 0.7rem 1rem; border-left: 4px solid var(--warn-fill);
  background: var(--warn-ground); color: var(--warn);
}
.warning ul { margin-top: 0.5rem; }
.targets { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); margin-top: 2rem; }
.target {
  background: var(--panel); border: 1px solid var(--rule); border-top: 3px solid var(--ink);
  padding: 1rem 1.1rem 0.9rem; min-width: 0; display: flex; flex-direction: column;
}
.target :is(h2, h3) { font: 600 1.0625rem/1.3 var(--mono); overflow-wrap: anywhere; letter-spacing: -0.01em; }
.identity { color: var(--soft); overflow-wrap: anywhere; }
.shown { white-space: pre-wrap; overflow-wrap: anywhere; font: 0.75rem/1.4 var(--mono); }
.tally { margin: 0.8rem 0 0.7rem; }
.tally svg { display: block; width: 100%; height: 9px; background: var(--idle-ground); }
.tally rect { stroke: var(--panel); stroke-width: 0.35; fill: var(--idle-ground); }
.tally rect.pass { fill: var(--pass-fill); } .tally rect.fail { fill: var(--fail-fill); }
.tally rect.error { fill: var(--error-fill); } .tally rect.inconclusive { fill: var(--warn-fill); }
.tally rect.not-run { fill: var(--idle-fill); }
.tally ul { display: flex; flex-wrap: wrap; gap: 0 0.9rem; margin-top: 0.4rem; }
.facts { font-size: 0.8125rem; line-height: 1.6; }
.facts dt { color: var(--soft); }
.target .facts { display: grid; grid-template-columns: max-content 1fr; gap: 0 0.8rem; }
.facts dd { overflow-wrap: anywhere; min-width: 0; }
.found { margin-top: auto; padding-top: 0.7rem; font-weight: 600; }
.found a { color: var(--fail); }
.found.none { color: var(--pass); }
.provenance { margin-top: 1.5rem; }
.provenance .facts { display: flex; flex-wrap: wrap; gap: 0.1rem 1.6rem; }
.provenance .facts div { display: flex; gap: 0.5rem; }
.command { margin-top: 0.4rem; color: var(--soft); }
.command::before { content: "$ " / ""; font-family: var(--mono); font-size: 0.85em; }
.weights { margin-top: 0.9rem; display: grid; gap: 0.15rem; }
.weights li { padding-left: 3.2rem; position: relative; }
.weights b { position: absolute; left: 0; width: 2.6rem; text-align: right; font-weight: 650; }
.weights .of-text b { color: var(--fail); }
.weights .none { color: var(--soft); }
`;
