export const ringStyle = `
.rings { margin: 0 0 1rem; border-bottom: 1px solid var(--rule); }
.rings > summary { padding: 0.6rem 0; font-weight: 600; }
.rings > summary .muted { font-weight: 400; }
.ring { padding: 0.4rem 0 1.2rem; font-size: 0.8125rem; }
.ring h5 { margin: 0; font: 600 0.8125rem var(--mono); }
.ring h5 .muted { font-weight: 400; }
.ring .controls { display: flex; gap: 0.6rem; align-items: center; margin: 0.5rem 0; }
.ring .controls input { flex: 1; min-width: 0; max-width: 30rem; accent-color: var(--link); }
.ring .step { font-family: var(--mono); font-size: 0.78rem; overflow-wrap: anywhere; }
.changed { padding: 0.4rem 0 1rem; font-size: 0.8125rem; }
.changed h5 { margin: 0 0 0.3rem; font: 600 0.8125rem var(--mono); }
.changed ul { margin: 0; padding: 0; list-style: none; }
.changed code { display: block; overflow-wrap: anywhere; color: var(--soft); }
.areas { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 0.8rem; margin-top: 0.6rem; }
.areas:has([data-area=indirect]) { grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); }
.areas tbody:empty::after { content: 'nothing'; color: var(--soft); }
.areas .scroll { max-height: 22rem; overflow: auto; background: var(--well); padding: 0.5rem 0.8rem; }
.areas table { border-collapse: collapse; width: 100%; font: 0.75rem/1.5 var(--mono); }
.areas caption { text-align: left; font: 600 0.75rem var(--sans); color: var(--soft); padding-bottom: 0.3rem; }
.areas th, .areas td { text-align: left; padding: 0.1rem 0.8rem 0.1rem 0; vertical-align: baseline; font-weight: 400; }
.areas th { color: var(--soft); white-space: nowrap; }
.areas td:last-child { font-family: var(--sans); white-space: nowrap; color: var(--soft); }
.areas .of-device td:last-child { color: var(--part); font-weight: 600; }
.areas .fresh > * { background: var(--part-ground); color: var(--part); }
@media print { .ring .controls { display: none; } .areas .scroll { max-height: none; } }
`;
