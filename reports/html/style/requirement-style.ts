export const requirementStyle = `
summary { cursor: pointer; min-height: 1.6rem; }
.area { border-bottom: 1px solid var(--rule); }
.area > summary { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.2rem 1.4rem; padding: 0.7rem 0; list-style: none; }
.area > summary::-webkit-details-marker { display: none; }
.area > summary::before { content: "▸" / ""; color: var(--soft); width: 0.6em; margin-right: -0.6rem; }
.area[open] > summary::before { content: "▾" / ""; }
.area > summary:hover h3 { text-decoration: underline; text-underline-offset: 0.2em; }
.area h3 { font: 600 1.0625rem var(--serif); min-width: 11rem; }
.area .counts { display: flex; flex-wrap: wrap; gap: 0 1.1rem; margin-left: auto; font-size: 0.84rem; }
.area[open] { padding-bottom: 1.4rem; }
.columns, .requirement > summary { display: grid; grid-template-columns: minmax(0, 1fr) max-content; gap: 0 1rem; }
.cells { display: grid; grid-template-columns: repeat(var(--targets), 7.5rem); gap: 0 1rem; align-content: start; }
.cells.signs { grid-template-columns: repeat(var(--targets), 1.3rem); gap: 0; }
.signs > b::before { width: 1.3rem; }
.columns .signs .cell { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 9rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 1.3rem; }
.columns > span:last-child { align-content: end; }
:root[data-columns="one"] .cells { grid-template-columns: 10rem; }
:root[data-columns="one"] .cells > * { grid-column: 1; }
:root[data-columns="one"] .columns .signs .cell { writing-mode: initial; transform: none; }
.columns { font: 600 0.75rem/1.3 var(--mono); color: var(--soft); padding: 0.3rem 0 0.3rem 1.4rem; border-bottom: 1px solid var(--firm); overflow-wrap: anywhere; }
.columns > span:first-child { font: 0.8125rem var(--sans); }
.requirement { border-bottom: 1px solid var(--rule); }
.requirement > summary { padding: 0.5rem 0 0.5rem 1.4rem; list-style: none; position: relative; }
.requirement > summary::-webkit-details-marker { display: none; }
.requirement > summary::before { content: "▸" / ""; position: absolute; left: 0.2rem; top: 0.5rem; color: var(--soft); }
.requirement[open] > summary::before { content: "▾" / ""; }
.requirement > summary:hover { background: var(--well); }
:is(.requirement:target, .requirement.sought) > summary { background: var(--warn-ground); }
.requirement .meta { display: block; color: var(--soft); line-height: 1.4; }
.requirement .whose { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.level {
  font: 600 0.68rem/1 var(--sans); letter-spacing: 0.04em; padding: 0.18em 0.45em; border: 1px solid var(--firm);
  border-radius: 3px; white-space: nowrap; vertical-align: 0.1em; margin-right: 0.15rem;
}
.level.reading { border-style: dashed; color: var(--soft); }
.others { margin-top: 1.2rem; }
.others > summary { color: var(--soft); padding: 0.2rem 0; }
.others > .area { margin-left: 1.4rem; }
.evidence { padding: 0.2rem 0 1.2rem 1.4rem; }
.origin { color: var(--soft); font-size: 0.84rem; max-width: 60rem; overflow-wrap: anywhere; }
.results { margin-top: 0.8rem; }
.on-targets { font: 0.75rem var(--mono); color: var(--soft); }
.on-targets > span { margin-left: 0.6rem; overflow-wrap: anywhere; }
:root[data-columns="one"] .results li:not(:has([data-t]:not([hidden]))):has([data-t]) { display: none; }
.results li { padding: 0.1rem 0; overflow-wrap: anywhere; }
.uncited { margin-top: 0.8rem; padding-left: 1.4rem; }
.uncited > summary { color: var(--soft); }
.uncited .origin { margin-top: 0.1rem; }
.uncited .clause { padding: 0.9rem 0 0.3rem; }
.uncited li { padding: 0.35rem 0; border-top: 1px solid var(--rule); max-width: 66rem; }
.unjudged { border-bottom: 1px solid var(--rule); }
.unjudged > summary { display: grid; grid-template-columns: 8.5rem 13rem minmax(0, 1fr) max-content; gap: 0 1rem; padding: 0.4rem 0; list-style: none; }
.unjudged > summary::-webkit-details-marker { display: none; }
.unjudged > summary:hover { background: var(--well); }
.unjudged .whose { font: 0.8125rem/1.8 var(--mono); overflow-wrap: anywhere; }
.unjudged .reason { overflow-wrap: anywhere; }
.unjudged ul, .unjudged pre { padding: 0 0 0.8rem 1.4rem; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 60rem) {
  .unjudged > summary { display: block; }
  .unjudged > summary > span { margin-right: 0.8rem; }
  .columns { display: none; }
  .requirement > summary { display: block; }
  .cells, :root[data-columns="one"] .cells { display: flex; flex-wrap: wrap; }
  .requirement .cell { display: inline-block; margin: 0.2rem 1rem 0 0; }
  .requirement .whose { position: static; width: auto; height: auto; clip-path: none; font: 0.75rem var(--mono); color: var(--soft); }
  .area .counts { margin-left: 0; }
}
`;
