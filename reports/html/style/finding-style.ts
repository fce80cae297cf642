export const findingStyle = `
.index { margin: 1rem 0 2.5rem; counter-reset: finding; }
.index li { counter-increment: finding; padding: 0.3rem 0 0.3rem 2.4rem; position: relative; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
.index li::before { content: counter(finding); position: absolute; left: 0; width: 1.7rem; text-align: right; color: var(--soft); }
h3.weight { font: 600 1.0625rem/1.4 var(--serif); margin-top: 1.8rem; }
.weight .muted { font: 0.84rem var(--sans); margin-left: 0.6rem; }
.index .further { margin-left: 2.4rem; padding-left: 2.4rem; }
.finding { content-visibility: auto; contain-intrinsic-size: auto 42rem; }
.index .muted { display: block; font-size: 0.84rem; }
.how {
  display: inline-block; font: 600 0.75rem/1.5 var(--mono); padding: 0 0.5em; border-radius: 3px; white-space: nowrap;
  color: var(--fail); background: var(--fail-ground);
}
.how.crash, .how.hang { color: var(--paper); background: var(--fail); }
.finding {
  background: var(--panel); border: 1px solid var(--rule); border-left: 4px solid var(--fail-fill);
  padding: 1.4rem clamp(1rem, 3vw, 2rem) 1.2rem; margin-top: 2rem;
}
:is(.finding:target, .finding.sought) { border-color: var(--firm); border-left-color: var(--fail-fill); }
.finding .tags { display: flex; flex-wrap: wrap; gap: 0.2rem 0.8rem; align-items: baseline; }
.beyond, .unwitnessed { color: var(--soft); font-size: 0.84rem; font-style: italic; }
.finding .on { font: 600 0.84rem var(--mono); overflow-wrap: anywhere; }
.finding h3 { font: 600 1.25rem/1.35 var(--serif); margin: 0.7rem 0 0.5rem; max-width: 56rem; }
.finding h3 .level { vertical-align: 0.25em; }
.finding .meta { overflow-wrap: anywhere; max-width: 60rem; }
.finding h4, .rerun h4 { font: 600 0.75rem var(--sans); color: var(--soft); }
.what { margin-top: 1.2rem; font-weight: 600; overflow-wrap: anywhere; }
.compare { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 0.8rem; margin: 0.5rem 0 1rem; }
.compare > div { background: var(--well); padding: 0.55rem 0.9rem 0.7rem; border-top: 2px solid; min-width: 0; }
.compare .expected { border-color: var(--pass-fill); }
.compare .actual { border-color: var(--fail-fill); }
.compare pre { margin: 0.15rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.875rem; }
.compare.tall { grid-template-columns: minmax(0, 1fr); }
.compare.tall pre { max-height: 26rem; overflow: auto; white-space: pre; overflow-wrap: normal; font-size: 0.8125rem; line-height: 1.5; }
.places { margin: 0.6rem 0; font-size: 0.875rem; }
.places summary { color: var(--soft); }
.places ul { padding: 0.4rem 0 0 1.1rem; display: grid; gap: 0.3rem; }
.points { display: inline-flex; flex-wrap: wrap; gap: 0.2rem 0.7rem; }
.stderr pre, .kernel-log pre {
  background: var(--well); padding: 0.7rem 0.9rem; margin: 0.3rem 0 1rem; max-height: 18rem; overflow: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5;
}
.trace { margin: 1rem 0; border-block: 1px solid var(--rule); }
.trace > summary { padding: 0.6rem 0; font-weight: 600; }
.trace > summary .muted { font-weight: 400; }
.rerun p { display: flex; gap: 0.8rem; align-items: center; background: var(--well); padding: 0.5rem 0.6rem 0.5rem 0.9rem; margin-top: 0.3rem; }
.rerun code { flex: 1; min-width: 0; user-select: all; }
.rerun code::before { content: "$ " / ""; color: var(--soft); }
.back { margin-top: 0.9rem; font-size: 0.84rem; }
`;
