/** The list of rules without a case, of every page, and what the coverage page alone has. */
export const untestedStyle = `
.untested { border-bottom: 1px solid var(--rule); padding: 0.3rem 0; }
.untested > summary { padding: 0.5rem 0; }
.untested h3, .changes h3 { display: inline; font: 600 1.0625rem var(--serif); }
.untested .why { padding: 0.5rem 0 0.5rem 1.1rem; border-top: 1px solid var(--rule); }
.untested .why ul { display: flex; flex-wrap: wrap; gap: 0 1.4rem; font: 0.8125rem/1.8 var(--mono); }
.untested .why li { overflow-wrap: anywhere; }
`;

export const coverageStyle = `
.bar nav + button { margin-left: auto; }
.texts > div { display: grid; grid-template-columns: 13rem minmax(0, 1fr); gap: 0 1rem; padding: 0.35rem 0; border-bottom: 1px solid var(--rule); }
.texts dd { overflow-wrap: anywhere; }
.changes { border-bottom: 1px solid var(--rule); padding: 0.3rem 0; }
.changes > summary { padding: 0.5rem 0; }
.changes h4 { margin: 0.8rem 0 0.3rem 1.1rem; }
.changes ul { padding-left: 1.1rem; columns: 28rem; column-gap: 2rem; font-size: 0.875rem; }
.changes li { overflow-wrap: anywhere; break-inside: avoid; }
.rules > li { padding: 0.7rem 0 0.7rem 1.1rem; border-top: 1px solid var(--rule); max-width: 66rem; }
.rules > :is(li:target, li.sought) { background: var(--warn-ground); }
.rules .cases { padding-left: 1.1rem; font-size: 0.875rem; overflow-wrap: anywhere; }
.rules .why { font-size: 0.875rem; }
@media (max-width: 46rem) {
  .texts > div { grid-template-columns: minmax(0, 1fr); }
}
`;
