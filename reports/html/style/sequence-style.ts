/** The two lanes are the edges of the events' box; arrows cross from one to the other. */
export const sequenceStyle = `
.sequence { --time: 6.2rem; padding: 0.4rem 0 1.2rem; font-size: 0.8125rem; }
.lanes { display: flex; justify-content: space-between; margin-left: var(--time); padding-bottom: 0.5rem; font-weight: 600; }
.sequence ol { position: relative; }
.sequence ol::before, .sequence ol::after { content: "" / ""; position: absolute; top: -0.3rem; bottom: -0.4rem; width: 2px; background: var(--firm); }
.sequence ol::before { left: var(--time); }
.sequence ol::after { right: 0; }
.event, .gap { position: relative; margin-left: var(--time); padding: 0.3rem 0; }
.event time { position: absolute; left: calc(-1 * var(--time)); top: 0.45rem; width: calc(var(--time) - 0.8rem); text-align: right; color: var(--soft); font: 0.72rem/1.5 var(--mono); }
.gap { text-align: center; color: var(--soft); padding: 0.6rem 0; }
.gap::before, .gap::after { content: " ⋮ " / ""; }
.arrow {
  display: block; position: relative; padding: 0.12rem 1.2rem 0.3rem; margin: 0 2px; text-align: center; list-style: none;
  border-bottom: 1.5px solid var(--ink); overflow-wrap: anywhere;
}
.arrow::-webkit-details-marker { display: none; }
.arrow::after { content: "" / ""; position: absolute; bottom: -5px; border: 4px solid transparent; }
.to .arrow::after { right: -1px; border-left: 8px solid var(--ink); border-right: 0; }
.from .arrow::after { left: -1px; border-right: 8px solid var(--ink); border-left: 0; }
.round .arrow::after { right: -1px; border-left: 8px solid var(--ink); border-right: 0; }
.round .arrow::before { content: "" / ""; position: absolute; bottom: -5px; left: -1px; border: 4px solid transparent; border-right: 8px solid var(--ink); border-left: 0; }
.answer { font: 600 0.75rem var(--mono); }
.notification .arrow { border-bottom-style: dashed; }
.arrow b { font: 600 0.8125rem var(--mono); }
summary.arrow:hover { background: var(--well); }
.brief { font-family: var(--mono); font-size: 0.75rem; color: var(--soft); }
.size { color: var(--soft); white-space: nowrap; }
.own { display: inline-block; max-width: calc(100% - 1.6rem); padding: 0.12rem 0.6rem; margin: 0 0.8rem; background: var(--well); border-radius: 3px; overflow-wrap: anywhere; }
.own b { font-weight: 600; }
.iut { text-align: right; }
.iut .own { text-align: left; }
.both { text-align: center; }
.connection .own { border: 1px solid var(--rule); }
.note .own { background: none; font-style: italic; color: var(--soft); }
.own.died { background: var(--fail-ground); color: var(--fail); }
.failing { background: linear-gradient(90deg, transparent, var(--fail-ground) 15% 85%, transparent); }
.failing .arrow { border-bottom-color: var(--fail-fill); }
.failing .verdict { display: block; text-align: center; color: var(--fail); font-size: 0.8125rem; padding-top: 0.3rem; }
.bytes { text-align: left; background: var(--well); margin: 0.4rem 1rem 0.6rem; padding: 0.7rem 0.9rem; }
.bytes h5 { margin: 0 0 0.3rem; font: 600 0.75rem var(--sans); color: var(--soft); }
.dump { margin: 0 0 0.6rem; font-size: 0.8125rem; line-height: 1.9; white-space: pre-wrap; }
.dump span { padding: 0.15em 0.2em; border-bottom: 2px solid var(--firm); }
.dump span:nth-of-type(odd) { background: var(--panel); }
.fields { border-collapse: collapse; font: 0.75rem/1.5 var(--mono); min-width: 60%; }
.fields th { font: 0.75rem var(--sans); color: var(--soft); text-align: left; }
.fields th, .fields td { padding: 0.12rem 1.2rem 0.12rem 0.3rem; vertical-align: baseline; }
.fields td:first-child { color: var(--soft); white-space: nowrap; }
.fields td:nth-child(3) { min-width: 10rem; }
.fields td:last-child { font-family: var(--sans); }
.bytes .on, .fields .on td { background: var(--part-ground); color: var(--part); }
@media (max-width: 46rem) {
  .sequence { --time: 0rem; }
  .event time { position: static; display: block; width: auto; text-align: center; }
  .lanes { font-size: 0.75rem; }
  .bytes { margin-inline: 0.5rem; padding: 0.5rem; }
  .arrow { padding-inline: 0.8rem; }
}

.event details[data-fields][open]::after { content: 'The script of this page shows these fields.'; display: block; padding: 0.4rem; color: var(--soft); }
.whole { padding: 0 0 1rem; }
.whole p { margin-top: 0.5rem; font-size: 0.84rem; }
.whole pre { background: var(--well); padding: 0.7rem 0.9rem; max-height: 34rem; overflow: auto; font-size: 0.75rem; line-height: 1.55; }
.whole mark { background: var(--fail-ground); color: var(--fail); }
@media print { .whole button { display: none; } .bytes { break-inside: avoid; } }
`;
