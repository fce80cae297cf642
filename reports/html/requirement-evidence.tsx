import type { JSX } from 'preact';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { Outcome } from '../record/record.ts';
import { type RequirementVerdict, strongestFirst } from '../requirement-verdicts.ts';
import { reasonsOf } from '../result-explanation.ts';
import { ForeignText } from './foreign-text.tsx';
import { findingsFor, type ReportView } from './report-view.ts';
import { VerdictMark } from './verdict-mark.tsx';

/**
 * What the cases gave on each target, the failures first: all that did not pass one by one, the others as a count for
 * each case. Targets on which a line is the same share it.
 */
export function Evidence(props: {
  readonly view: ReportView;
  readonly requirement: SnapshotRequirement;
  readonly verdicts: readonly RequirementVerdict[];
}): JSX.Element {
  const { view, requirement, verdicts } = props;
  return (
    <ul class="results">
      {linesOf(verdicts).map((line) => (
        <li key={`${line.outcome} ${line.name} ${line.count} ${line.why ?? ''}`}>
          <VerdictMark kind={line.outcome} /> <code>{line.name}</code>
          {line.count > 1 ? <span class="muted"> {line.count} results</span> : null}
          {view.targets.length === 1 ? null : <On view={view} indices={line.on} />}
          {line.why === undefined ? null : (
            <span class="muted">
              {' '}
              <ForeignText text={line.why} />
            </span>
          )}
        </li>
      ))}
      {view.targets.map(({ target }, index) =>
        findingsFor(view, target, requirement.id).map(({ anchor, finding }) => (
          <li key={anchor}>
            <a href={`#${anchor}`}>
              {finding.how}: <ForeignText text={finding.what} />
            </a>
            {view.targets.length === 1 ? null : <On view={view} indices={[index]} />}
          </li>
        )),
      )}
    </ul>
  );
}

/** Names where they are few: of many, the exceptions have lines of their own. */
const mostNames = 6;

export function On({ view, indices }: { readonly view: ReportView; readonly indices: readonly number[] }): JSX.Element {
  if (indices.length > mostNames) return <span class="on-targets"> on {indices.length} targets</span>;
  return (
    <span class="on-targets">
      {indices.map((index) => (
        <span key={index} data-t={index}>
          {' '}
          <ForeignText text={view.targets[index]?.target ?? ''} />
        </span>
      ))}
    </span>
  );
}

interface EvidenceLine {
  readonly outcome: Outcome;
  readonly name: string;
  readonly count: number;
  readonly why: string | undefined;
}

function linesOf(verdicts: readonly RequirementVerdict[]): (EvidenceLine & { readonly on: readonly number[] })[] {
  const shared = new Map<string, EvidenceLine & { on: number[] }>();
  for (const [index, verdict] of verdicts.entries()) {
    for (const line of summaries(verdict)) {
      const id = JSON.stringify([line.outcome, line.name, line.count, line.why]);
      const known = shared.get(id);
      if (known === undefined) shared.set(id, { ...line, on: [index] });
      else known.on.push(index);
    }
  }
  return strongestFirst.flatMap((outcome) => [...shared.values()].filter((line) => line.outcome === outcome));
}

function summaries({ evidence }: RequirementVerdict): EvidenceLine[] {
  const lines = new Map<string, EvidenceLine>();
  for (const { result, outcome } of evidence) {
    const { caseId, key } = result.record;
    const isQuiet = outcome === 'pass' || outcome === 'not-applicable';
    const own = result.record.outcomes.find((one) => one.outcome === outcome && one.why !== undefined)?.why;
    const why = outcome === 'pass' ? undefined : (own ?? reasonsOf(result.record)[0]);
    const name = isQuiet ? caseId : key;
    const id = JSON.stringify([outcome, name, why]);
    lines.set(id, { outcome, name, count: (lines.get(id)?.count ?? 0) + 1, why });
  }
  return [...lines.values()];
}
