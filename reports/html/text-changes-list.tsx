import type { JSX } from 'preact';
import type { CatalogueSnapshot, SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import { formerlyWords } from '../requirement-places.ts';
import { levelWord } from '../result-explanation.ts';
import { successiveChanges, type TextChanges } from '../text-changes.ts';
import { requirementAnchor } from './report-view.ts';

/** What each version of a text brought, changed and dropped. */
export function TextChangesList({ catalogue }: { readonly catalogue: CatalogueSnapshot }): JSX.Element {
  return (
    <section id="changes" aria-labelledby="changes-title">
      <h2 id="changes-title">From version to version</h2>
      <p class="hint">
        Rules of the catalogue that a version brought, says at another level than the one before, or no longer has. A
        new wording of the same rule is no change.
      </p>
      {successiveChanges(catalogue).map((changes) => (
        <Changes key={changes.to} changes={changes} />
      ))}
    </section>
  );
}

function Changes({ changes }: { readonly changes: TextChanges }): JSX.Element {
  const { from, to, appeared, changed, went } = changes;
  return (
    <details class="changes" id={`changes-${to}`}>
      <summary>
        <h3>
          {from} <span aria-hidden="true">→</span>
          <span class="unseen">to</span> {to}
        </h3>{' '}
        <span class="muted">
          {appeared.length} appeared, {changed.length} changed, {went.length} went
        </span>
      </summary>
      <Rules title="Changed" rules={changed} words={(rule) => `${formerlyWords(rule)}, now ${levelWord(rule)}`} />
      <Rules title="Went" rules={went} words={levelWord} />
      <Rules title="Appeared" rules={appeared} words={levelWord} />
    </details>
  );
}

function Rules(props: {
  readonly title: string;
  readonly rules: readonly SnapshotRequirement[];
  readonly words: (rule: SnapshotRequirement) => string;
}): JSX.Element | null {
  const { title, rules, words } = props;
  if (rules.length === 0) return null;
  return (
    <>
      <h4>{title}</h4>
      <ul>
        {rules.map((rule) => (
          <li key={rule.id}>
            <a href={`#${requirementAnchor(rule.id)}`}>{rule.id}</a> <span class="muted">{words(rule)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
