import type { JSX } from 'preact';
import { apartWords } from '../judged-by-texts.ts';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { Outcome } from '../record/record.ts';
import type { RequirementArea, RequirementRow, RequirementVerdict } from '../requirement-verdicts.ts';
import { levelWord, outcomeWord, reasonsOf } from '../result-explanation.ts';
import { ForeignText } from './foreign-text.tsx';
import { apartIn, findingsFor, type ReportView, requirementAnchor } from './report-view.ts';
import { markWord, VerdictMark } from './verdict-mark.tsx';

/** All requirements by area: those with cases one by one, the others below with why they have none. */
export function RequirementList({ view }: { readonly view: ReportView }): JSX.Element {
  const judged = view.areas.filter(isJudged);
  const others = view.areas.filter((area) => !isJudged(area));
  return (
    <section id="requirements" aria-labelledby="requirements-title">
      <h2 id="requirements-title">Requirements</h2>
      <p class="hint">
        In our words, by area of the specifications. A requirement opens the cases that cite it and what each gave.
        {view.areas.some(hasUnwitnessed)
          ? ' Unwitnessed is what only our own implementations have passed so far: there we may be the ones who are wrong.'
          : ''}
      </p>
      {judged.map((area) => (
        <Area key={area.area} view={view} area={area} />
      ))}
      {others.length === 0 ? null : (
        <details class="others" data-group>
          <summary>
            {others.length} {others.length === 1 ? 'area' : 'areas'} in which this run judged nothing
          </summary>
          {others.map((area) => (
            <Area key={area.area} view={view} area={area} />
          ))}
        </details>
      )}
    </section>
  );
}

function hasUnwitnessed({ rows }: RequirementArea): boolean {
  return rows.some(({ requirement }) => requirement.unwitnessed === true);
}

function isJudged({ rows }: RequirementArea): boolean {
  return rows.some(({ verdicts }) => verdicts.some(hasEvidence));
}

const areaKinds = ['fail', 'error', 'inconclusive', 'not-run', 'pass'] as const;

function Area({ view, area }: { readonly view: ReportView; readonly area: RequirementArea }): JSX.Element {
  const withCases = area.rows.filter(({ cases, verdicts }) => cases.length > 0 || verdicts.some(hasEvidence));
  const without = area.rows.filter((row) => !withCases.includes(row));
  const counts = areaKinds.map((kind) => ({
    kind,
    count: withCases.filter(({ verdicts }) => verdicts.some(({ verdict }) => verdict === kind)).length,
  }));
  return (
    <details class="area" data-group>
      <summary>
        <h3>{area.area}</h3>
        <span class="counts">
          {counts.map(({ kind, count }) =>
            count === 0 ? null : <VerdictMark key={kind} kind={kind} text={`${count} ${markWord(kind)}`} />,
          )}
          <span class="muted">
            {withCases.length} of {area.rows.length} with a case
          </span>
        </span>
      </summary>
      {withCases.length === 0 ? null : (
        <div class="columns" aria-hidden="true">
          <span>requirement</span>
          {view.targets.map(({ target }, index) => (
            <span key={target} data-t={index}>
              <ForeignText text={target} />
            </span>
          ))}
        </div>
      )}
      {withCases.map((row) => (
        <Requirement key={row.requirement.id} view={view} row={row} />
      ))}
      {without.length === 0 ? null : <Uncited rows={without} />}
    </details>
  );
}

function hasEvidence({ evidence }: RequirementVerdict): boolean {
  return evidence.length > 0;
}

function Requirement({ view, row }: { readonly view: ReportView; readonly row: RequirementRow }): JSX.Element {
  const { requirement, verdicts } = row;
  return (
    <details
      class="requirement"
      id={requirementAnchor(requirement.id)}
      data-item="requirement"
      data-v={verdicts.map(({ verdict }, index) => `${index}:${verdict}`).join(' ')}
    >
      <summary>
        <span class="text">
          <Level requirement={requirement} /> {requirement.text}
          <span class="meta">
            <code>{requirement.id}</code>
            {requirement.unwitnessed === true ? <span class="unwitnessed"> unwitnessed</span> : null}
            <Apart view={view} requirement={requirement} />
          </span>
        </span>
        {verdicts.map(({ target, verdict }, index) => (
          <span
            class="cell"
            key={target}
            data-t={index}
            title={verdict === 'elsewhere' ? 'does not concern this target' : undefined}
          >
            <span class="whose">
              <ForeignText text={target} />{' '}
            </span>
            <VerdictMark kind={verdict} />
            {verdict === 'elsewhere' ? <span class="unseen">does not concern this target</span> : null}
          </span>
        ))}
      </summary>
      <div class="evidence">
        <Provenance view={view} requirement={requirement} />
        {requirement.unwitnessed === true ? (
          <p>
            <Unwitnessed requirement={requirement} />
          </p>
        ) : null}
        {verdicts.filter(hasEvidence).map((verdict) => (
          <Evidence key={verdict.target} view={view} requirement={requirement} verdict={verdict} />
        ))}
        {verdicts.some(hasEvidence) ? null : (
          <p class="muted">
            {verdicts.some(({ verdict }) => verdict === 'elsewhere')
              ? 'Its cases are about another transport or device: '
              : 'No case of it was part of this run: '}
            {row.cases.join(', ')}
          </p>
        )}
      </div>
    </details>
  );
}

export function Level({ requirement }: { readonly requirement: SnapshotRequirement }): JSX.Element {
  const kind = requirement.basis === 'keyword' ? 'keyword' : 'reading';
  return <span class={`level ${kind}`}>{levelWord(requirement)}</span>;
}

/** A warning beside what only our own implementations have passed; nothing beside anything else. */
export function Unwitnessed({ requirement }: { readonly requirement: SnapshotRequirement }): JSX.Element | null {
  if (requirement.unwitnessed !== true) return null;
  return (
    <span class="unwitnessed">
      no independent implementation has passed this yet; the requirement itself may be wrong
    </span>
  );
}

const basisSentences: Readonly<Record<string, string>> = {
  keyword: 'the text says so in this word',
  fact: 'the text states it as a fact; the level is our reading',
  choice: 'no text says it; of several lawful behaviours it is the one that we chose',
  robustness: 'no text says it; we expect it of any implementation',
};

/** Why a violation does not count under the texts that were chosen; nothing beside what counts. */
function Apart(props: { readonly view: ReportView; readonly requirement: SnapshotRequirement }): JSX.Element | null {
  const apart = apartIn(props.view, props.requirement);
  return apart === undefined ? null : <span class="unwitnessed"> {apartWords(apart)}</span>;
}

/** Where a requirement comes from. */
export function Provenance(props: {
  readonly view: ReportView;
  readonly requirement: SnapshotRequirement;
}): JSX.Element {
  const { view, requirement } = props;
  const { clause, origin, basis, binds, features } = requirement;
  return (
    <p class="origin">
      {clause} · {levelWord(requirement)}: {basisSentences[basis] ?? basis}
      {versionsOf(view, requirement)} · binds the {binds}
      {features.length === 0 ? '' : ` · hangs on ${features.join(', ')}`}
      {origin.length === 0 ? null : (
        <>
          {' '}
          · <code>{origin.join(', ')}</code>
        </>
      )}
    </p>
  );
}

/** ` · since virtio 1.2 (2022-07-01)`, and why a violation does not count, where it does not. */
function versionsOf(view: ReportView, requirement: SnapshotRequirement): string {
  const { since, until } = requirement;
  if (since === undefined) return '';
  const date = view.run.catalogue.sources?.find(({ name }) => name === since)?.date;
  const apart = apartIn(view, requirement);
  return [
    ` · since ${since}${typeof date === 'string' ? ` (${date})` : ''}`,
    typeof until === 'string' ? `, until ${until}` : '',
    apart === undefined ? '' : `, ${apartWords(apart)}: not counted as a violation`,
  ].join('');
}

/** The results on one target: all that did not pass one by one, the others as a count for each case. */
function Evidence(props: {
  readonly view: ReportView;
  readonly requirement: SnapshotRequirement;
  readonly verdict: RequirementVerdict;
}): JSX.Element {
  const { view, requirement, verdict } = props;
  const index = view.targets.findIndex(({ target }) => target === verdict.target);
  const found = findingsFor(view, verdict.target, requirement.id);
  return (
    <div class="results" data-t={index}>
      <h4>
        <ForeignText text={verdict.target} />
      </h4>
      <ul>
        {summaries(verdict).map((line) => (
          <li key={`${line.outcome} ${line.name} ${line.why ?? ''}`}>
            <VerdictMark kind={line.outcome} /> <code>{line.name}</code>
            {line.count > 1 ? <span class="muted"> {line.count} results</span> : null}
            {line.why === undefined ? null : (
              <span class="muted">
                {' '}
                <ForeignText text={line.why} />
              </span>
            )}
          </li>
        ))}
        {found.map(({ anchor, finding }) => (
          <li key={anchor}>
            <a href={`#${anchor}`}>
              {finding.how}: <ForeignText text={finding.what} />
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface EvidenceLine {
  readonly outcome: Outcome;
  readonly name: string;
  readonly count: number;
  readonly why: string | undefined;
}

function summaries({ evidence }: RequirementVerdict): EvidenceLine[] {
  const lines = new Map<string, EvidenceLine>();
  for (const { result, outcome } of evidence) {
    const { caseId, key } = result.record;
    const isQuiet = outcome === 'pass' || outcome === 'not-applicable';
    const own = result.record.outcomes.find((one) => one.outcome === outcome && one.why !== undefined)?.why;
    const why = outcome === 'pass' ? undefined : (own ?? reasonsOf(result.record)[0]);
    const name = isQuiet ? caseId : key;
    const id = JSON.stringify([outcomeWord(outcome), name, why]);
    lines.set(id, { outcome, name, count: (lines.get(id)?.count ?? 0) + 1, why });
  }
  return [...lines.values()];
}

/** Requirements that no case cites, with the reason that the catalogue gives. */
function Uncited({ rows }: { readonly rows: readonly RequirementRow[] }): JSX.Element {
  return (
    <details class="uncited">
      <summary>{rows.length} without a case</summary>
      <ul>
        {rows.map(({ requirement }) => (
          <li key={requirement.id} id={requirementAnchor(requirement.id)} data-item="requirement" data-v="*:no-case">
            <Level requirement={requirement} /> {requirement.text}{' '}
            <span class="muted">{requirement.untested ?? 'no reason given'}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
