import type { JSX } from 'preact';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { RequirementArea, RequirementRow, RequirementVerdict } from '../requirement-verdicts.ts';
import { ForeignText } from './foreign-text.tsx';
import { itemFacts, kindsOf } from './item-facts.ts';
import { findingsFor, type ReportView, requirementAnchor } from './report-view.ts';
import { Evidence } from './requirement-evidence.tsx';
import { Apart, ClauseHead, Level, Provenance, Standing, Unwitnessed } from './requirement-provenance.tsx';
import { mostNamedColumns } from './style/column-style.ts';
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
          <span class={view.targets.length > mostNamedColumns ? 'cells signs' : 'cells'}>
            {view.targets.map(({ target }, index) => (
              <span key={target} class={`cell c${index}`} data-t={index}>
                <ForeignText text={target} />
              </span>
            ))}
          </span>
        </div>
      )}
      {withCases.map((row) => (
        <Requirement key={row.requirement.id} view={view} row={row} />
      ))}
      {without.length === 0 ? null : <Uncited view={view} rows={without} />}
    </details>
  );
}

function hasEvidence({ evidence }: RequirementVerdict): boolean {
  return evidence.length > 0;
}

function Requirement({ view, row }: { readonly view: ReportView; readonly row: RequirementRow }): JSX.Element {
  const { requirement, verdicts } = row;
  const kinds = verdicts.map(({ verdict }) => verdict);
  const found = view.targets.flatMap(({ target }) => findingsFor(view, target, requirement.id));
  return (
    <details
      class="requirement"
      id={requirementAnchor(requirement.id)}
      data-item="requirement"
      {...itemFacts(kindsOf(kinds, view.targets, found), [requirement])}
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
        <Cells view={view} verdicts={verdicts} />
      </summary>
      <div class="evidence">
        <Provenance view={view} requirement={requirement} />
        {requirement.unwitnessed === true ? (
          <p>
            <Unwitnessed requirement={requirement} />
          </p>
        ) : null}
        <Evidence view={view} requirement={requirement} verdicts={verdicts} />
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

/** The verdict on each target that it concerns, at its column; many targets have signs, and their names further in. */
function Cells(props: { readonly view: ReportView; readonly verdicts: readonly RequirementVerdict[] }): JSX.Element {
  const { view, verdicts } = props;
  if (view.targets.length > mostNamedColumns) return <Signs verdicts={verdicts} />;
  return (
    <span class="cells">
      {verdicts.map(({ target, verdict }, index) =>
        verdict === 'elsewhere' ? null : (
          <span class={`cell c${index}`} key={target} data-t={index}>
            <span class="whose">
              <ForeignText text={target} />{' '}
            </span>
            <VerdictMark kind={verdict} />
          </span>
        ),
      )}
    </span>
  );
}

const silent: readonly RequirementVerdict['verdict'][] = ['elsewhere', 'no-case', 'no-result'];

/** A sign for each target in its column; names stand in what the requirement opens. */
function Signs({ verdicts }: { readonly verdicts: readonly RequirementVerdict[] }): JSX.Element {
  return (
    <span class="cells signs" aria-hidden="true">
      {verdicts.map(({ target, verdict }, index) =>
        silent.includes(verdict) ? null : <b class={`c${index} ${verdict}`} key={target} />,
      )}
    </span>
  );
}

/** Requirements that no case cites, by clause, with the reason that the catalogue gives. */
function Uncited(props: { readonly view: ReportView; readonly rows: readonly RequirementRow[] }): JSX.Element {
  const { view, rows } = props;
  const requirements = rows.map(({ requirement }) => requirement);
  return (
    <details class="uncited">
      <summary>{rows.length} without a case</summary>
      {clausesOf(requirements).map(([first, ...others]) => (
        <div key={first.id} data-group>
          <ClauseHead view={view} requirement={first} />
          <ul>
            {[first, ...others].map((requirement) => (
              <UncitedRule key={requirement.id} view={view} requirement={requirement} />
            ))}
          </ul>
        </div>
      ))}
    </details>
  );
}

function UncitedRule(props: { readonly view: ReportView; readonly requirement: SnapshotRequirement }): JSX.Element {
  const { view, requirement } = props;
  return (
    <li
      id={requirementAnchor(requirement.id)}
      data-item="requirement"
      {...itemFacts(new Map([['no-case', '*']]), [requirement])}
    >
      <Level requirement={requirement} /> {requirement.text}{' '}
      <span class="muted">{requirement.untested ?? 'no reason given'}</span>
      <p class="origin">
        <code>{requirement.id}</code> · <Standing view={view} requirement={requirement} />
      </p>
    </li>
  );
}

type Clause = [SnapshotRequirement, ...SnapshotRequirement[]];

/** Requirements that follow each other in one clause of one text. */
function clausesOf(requirements: readonly SnapshotRequirement[]): Clause[] {
  const clauses: Clause[] = [];
  for (const requirement of requirements) {
    const last = clauses.at(-1);
    const [first] = last ?? [];
    const isSame = first?.clause === requirement.clause && first.until === requirement.until;
    if (last !== undefined && isSame) last.push(requirement);
    else clauses.push([requirement]);
  }
  return clauses;
}
