export const comparisonStyle = `
.step > .facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0 0.8rem; margin: 0.9rem 0; }
.changes { border-bottom: 1px solid var(--rule); padding: 0.3rem 0; }
.changes > summary { padding: 0.5rem 0; }
.changes h3 { display: inline; font: 600 1.0625rem var(--serif); }
.changes:is(.broke, .appeared-failing, .fails-otherwise) h3 { color: var(--fail); }
.changes.mended h3 { color: var(--pass); }
.changes li { padding: 0.45rem 0 0.45rem 1.1rem; border-top: 1px solid var(--rule); overflow-wrap: anywhere; }
.changes li > .muted { display: block; font-size: 0.84rem; }
.changes .rerun { margin-top: 0.4rem; }
.changes .rerun h4 { display: none; }
.history { border-collapse: collapse; margin: 1rem 0 2rem; font-size: 0.875rem; min-width: 60%; }
.history th, .history td { text-align: left; padding: 0.35rem 1rem 0.35rem 0; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
.history thead th { color: var(--soft); font-weight: 600; border-bottom-color: var(--firm); white-space: nowrap; }
.history tbody th { font-weight: 400; min-width: 10rem; overflow-wrap: anywhere; }
.history td { white-space: nowrap; }
.history th .muted { display: block; font-size: 0.8rem; }
main section > h3 { font: 600 1.0625rem var(--serif); margin-top: 1.6rem; }
`;
