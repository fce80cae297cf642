export const campaignStyle = `
.campaign { margin-top: 2rem; }
.campaign > h3 { font: 600 1.0625rem/1.3 var(--mono); overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem 2rem; margin: 1.5rem 0; }
.chart { margin: 0; min-width: 0; }
.chart figcaption { font-size: 0.84rem; font-weight: 600; }
.chart figcaption .muted { font-weight: 400; }
.chart svg { display: block; width: 100%; height: 8.5rem; overflow: visible; background: var(--panel); border: 1px solid var(--rule); padding: 0.4rem 0; }
.chart path { fill: none; vector-effect: non-scaling-stroke; }
.chart .axis { stroke: var(--rule); }
.chart .line { stroke: var(--link); stroke-width: 1.5; }
.chart .found-at { stroke: var(--fail-fill); stroke-width: 2; }
.chart .span { display: flex; justify-content: space-between; font-size: 0.75rem; }
.finding .what + h4 { margin-top: 0.8rem; }
.program {
  background: var(--well); padding: 0.7rem 0.9rem; margin: 0.3rem 0 1rem; max-height: 26rem; overflow: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5;
}
.cells { margin-top: 2rem; border-block: 1px solid var(--rule); }
.cells > summary { padding: 0.6rem 0; font-weight: 600; }
.cells > summary .muted { font-weight: 400; }
.cells > p { margin: 0.4rem 0; }
.cells table { border-collapse: collapse; font-size: 0.75rem; margin: 0.8rem 0 1.2rem; }
.cells th { font: 0.75rem/1.4 var(--sans); color: var(--soft); text-align: left; padding: 0.1rem 0.35rem; white-space: nowrap; }
.cells thead th + th { border-left: 1px solid var(--rule); }
.cells thead tr:nth-last-child(-n + 2) th { writing-mode: vertical-rl; }
.cells tbody th { font-family: var(--mono); color: var(--ink); }
.cells td { text-align: center; padding: 0; min-width: 1.3rem; color: var(--part); border-bottom: 1px solid var(--rule); }
.cells tbody tr:hover > * { background: var(--well); }
`;
