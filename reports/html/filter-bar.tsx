import type { JSX } from 'preact';
import { levelWord } from '../result-explanation.ts';
import { visibleText } from '../visible-text.ts';
import type { ReportView } from './report-view.ts';
import { type MarkKind, markWord } from './verdict-mark.tsx';

const verdictChoices: readonly MarkKind[] = [
  'fail',
  'pass',
  'partial',
  'inconclusive',
  'error',
  'not-run',
  'not-applicable',
  'not-offered',
  'owned',
  'no-case',
  'untestable',
];

interface Choice {
  readonly id: string;
  readonly name: string;
  readonly none: string;
  readonly values: readonly string[];
}

/** What the rules of this run have: nothing is offered that nothing could match. */
function choicesOf({ run, findings }: ReportView): Choice[] {
  const { requirements, sources = [] } = run.catalogue;
  const since = new Set(requirements.flatMap((one) => one.since ?? []));
  const named = sources.map(({ name }) => name).filter((name) => since.has(name));
  const texts = named.length > 0 ? named : [...since].sort();
  const levels = [...new Set(requirements.map(levelWord))].sort();
  const bases = [...new Set(requirements.map(({ basis }) => basis))].sort();
  const hows = [...new Set(findings.map(({ finding }) => finding.how))].sort();
  return [
    { id: 'level', name: 'level', none: 'any', values: levels },
    { id: 'basis', name: 'basis', none: 'any', values: bases },
    { id: 'how', name: 'how it failed', none: 'any', values: hows },
    { id: 'since', name: 'text since', none: 'any version', values: texts },
  ];
}

/** Where one is, and what of the page is shown. */
export function FilterBar(props: { readonly view: ReportView; readonly hasCampaigns: boolean }): JSX.Element {
  const { view, hasCampaigns } = props;
  return (
    <div class="bar">
      <nav aria-label="Parts of this report">
        <a href="#matrix">Feature bits</a>
        <a href="#requirements">Requirements</a>
        <a href="#findings">Findings</a>
        {hasCampaigns ? <a href="#fuzzing">Fuzzing</a> : null}
        <a href="#unjudged">Not judged</a>
        <a href="#untested">Untested</a>
      </nav>
      <search>
        <label>
          <span>text</span>
          <input type="search" id="filter-text" placeholder="words, or bit 28" autocomplete="off" spellcheck={false} />
        </label>
        <label>
          <span>target</span>
          <select id="filter-target">
            <option value="">all</option>
            {view.targets.map(({ target }, index) => (
              <option key={target} value={String(index)} dir="auto">
                {visibleText(target)}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>verdict</span>
          <select id="filter-verdict">
            <option value="">any</option>
            {verdictChoices.map((kind) => (
              <option key={kind} value={kind}>
                {markWord(kind)}
              </option>
            ))}
          </select>
        </label>
        <details class="more">
          <summary>more filters</summary>
          <div>
            {choicesOf(view).map(({ id, name, none, values }) => (
              <label key={id}>
                <span>{name}</span>
                <select id={`filter-${id}`} data-filter={id}>
                  <option value="">{none}</option>
                  {values.map((value) => (
                    <option key={value} value={value}>
                      {value}
                    </option>
                  ))}
                </select>
              </label>
            ))}
          </div>
        </details>
        <button type="button" id="filter-reset">
          show all
        </button>
        <output id="filter-count" aria-live="polite" />
      </search>
      <button type="button" id="theme" aria-label="Colours: auto, as the system">
        auto
      </button>
    </div>
  );
}
