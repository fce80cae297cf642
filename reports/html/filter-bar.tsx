import type { JSX } from 'preact';
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
];

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
      </nav>
      <search>
        <label>
          <span>text</span>
          <input type="search" id="filter-text" placeholder="name or words" autocomplete="off" spellcheck={false} />
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
        <button type="button" id="filter-reset">
          show all
        </button>
        <output id="filter-count" aria-live="polite" />
      </search>
      <button type="button" id="theme" aria-label="Colours: as the system">
        auto
      </button>
    </div>
  );
}
