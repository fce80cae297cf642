import type { JSX } from 'preact';
import { type UnjudgedGroup, unjudgedGroups } from '../unjudged.ts';
import { ForeignText } from './foreign-text.tsx';
import type { ReportView } from './report-view.ts';
import { VerdictMark } from './verdict-mark.tsx';

/** Results that are neither pass nor fail, with the reason of each, and those that change from run to run. */
export function UnjudgedList({ view }: { readonly view: ReportView }): JSX.Element {
  const groups = unjudgedGroups(view.cases);
  const unstable = view.cases.filter(({ isUnstable }) => isUnstable);
  return (
    <section id="unjudged" aria-labelledby="unjudged-title">
      <h2 id="unjudged-title">Not judged</h2>
      <p class="hint">
        {groups.length === 0 && unstable.length === 0
          ? 'Every result is a pass or a finding.'
          : 'An error is our own failure and never counted against a target. Inconclusive means that the evidence was not enough for either verdict.'}
      </p>
      {unstable.length === 0 ? null : (
        <div class="warning">
          <p>
            Flicker: {unstable.length === 1 ? '1 result is' : `${unstable.length} results are`} not the same in every
            repetition. That is a defect of this suite, or a race of the target that the case does not decide.
          </p>
          <ul>
            {unstable.map(({ key, target, results }) => (
              <li key={`${target} ${key}`}>
                <code>
                  <ForeignText text={target} />: <ForeignText text={key} />
                </code>
                : {results.map(({ record }) => record.verdict).join(', ')}
              </li>
            ))}
          </ul>
        </div>
      )}
      {groups.map((group) => (
        <Group key={`${group.verdict} ${group.target} ${group.reason}`} view={view} group={group} />
      ))}
    </section>
  );
}

function Group({ view, group }: { readonly view: ReportView; readonly group: UnjudgedGroup }): JSX.Element {
  const { verdict, target, reason, keys } = group;
  const index = view.targets.findIndex((one) => one.target === target);
  return (
    <details class="unjudged" data-item="unjudged" data-v={`${index}:${verdict}`}>
      <summary>
        <VerdictMark kind={verdict} />
        <span class="whose">
          <ForeignText text={target} />
        </span>
        <span class="reason">
          <ForeignText text={firstLine(reason)} />
        </span>
        <span class="muted">{keys.length === 1 ? '1 result' : `${keys.length} results`}</span>
      </summary>
      {reason.includes('\n') ? (
        <pre>
          <ForeignText text={reason} />
        </pre>
      ) : null}
      <ul>
        {keys.map((key) => (
          <li key={key}>
            <code>
              <ForeignText text={key} />
            </code>
          </li>
        ))}
      </ul>
    </details>
  );
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
