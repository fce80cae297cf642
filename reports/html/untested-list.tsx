import type { JSX } from 'preact';
import type { CatalogueSnapshot } from '../record/catalogue-snapshot.ts';
import { countOfUntested, type UntestedGroup, type UntestedReason, untestedGroups } from '../untested-rules.ts';
import { countOf } from './finding-index.tsx';
import { requirementAnchor } from './report-view.ts';

const kindWords: Readonly<Record<string, string>> = {
  '': 'No reason is given',
  'not-yet': 'A case can be written, and is not yet',
  'implied-by': 'Who breaks it also breaks another rule, which has cases',
  'out-of-scope': 'Not to be tested by this suite',
  'not-observable': 'The driver or front-end, which the suite plays, cannot see it broken',
};

/** Rules that no case tests, by the reason of that. */
export function UntestedList({ catalogue }: { readonly catalogue: CatalogueSnapshot }): JSX.Element {
  const groups = untestedGroups(catalogue);
  const count = countOfUntested(groups);
  return (
    <section id="untested" aria-labelledby="untested-title">
      <h2 id="untested-title">Rules without a case</h2>
      <p class="hint">
        {count} of the {catalogue.requirements.length} rules in the catalogue have no case in this suite. Each says why.
      </p>
      {groups.map((group) => (
        <Group key={group.kind} group={group} />
      ))}
    </section>
  );
}

function Group({ group }: { readonly group: UntestedGroup }): JSX.Element {
  const { kind, reasons } = group;
  return (
    <details class="untested">
      <summary>
        <h3>{kindWords[kind] ?? kind}</h3>{' '}
        <span class="muted">
          {countOf(countOfUntested([group]), 'rule')}, <code>{kind}</code>
        </span>
      </summary>
      {reasons.map((reason) => (
        <Reason key={reason.detail} reason={reason} />
      ))}
    </details>
  );
}

function Reason({ reason: { detail, rules } }: { readonly reason: UntestedReason }): JSX.Element {
  return (
    <div class="why">
      {detail === '' ? null : (
        <p>
          {detail}
          {rules.length === 1 ? '' : ` (${rules.length})`}
        </p>
      )}
      <ul>
        {rules.map(({ id }) => (
          <li key={id}>
            <a href={`#${requirementAnchor(id)}`}>{id}</a>
          </li>
        ))}
      </ul>
    </div>
  );
}
