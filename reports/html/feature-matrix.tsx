import type { JSX } from 'preact';
import type { FeatureGroup, FeatureRow, FeatureVerdict } from '../feature-verdicts.ts';
import type { FindingGroup } from '../findings.ts';
import type { TargetRecord } from '../record/record.ts';
import { BreakingName } from './breaking-name.tsx';
import { ForeignText } from './foreign-text.tsx';
import { itemFacts, kindsOf } from './item-facts.ts';
import { findingsFor, type ReportView, requirementAnchor } from './report-view.ts';
import { On } from './requirement-evidence.tsx';
import { featureMark, type MarkKind, VerdictMark } from './verdict-mark.tsx';

const groupTitles: Readonly<Record<string, string>> = {
  common: 'Common to all devices',
  net: 'Network device',
  blk: 'Block device',
  block: 'Block device',
  'vhost-user': 'vhost-user protocol',
  vhost: 'vhost',
};

/** Of narrow columns, where a sign stands alone. */
const legend: readonly MarkKind[] = ['pass', 'partial', 'fail', 'not-offered', 'no-case', 'untestable', 'owned'];

/** Feature bits by targets. */
export function FeatureMatrix({ view }: { readonly view: ReportView }): JSX.Element {
  return (
    <section id="matrix" aria-labelledby="matrix-title">
      <h2 id="matrix-title">Feature bits</h2>
      <p class="hint">
        A bit passes when every requirement of the target’s device and transport that hangs on it and can be observed
        has a case that passed, and the bit’s own function was seen to work in a session that took it. Expectations that
        are ours and not the text’s do not count here. <i>n/m</i> is always: of m requirements that count, n passed. A
        name opens what hangs on the bit.
      </p>
      <p class="legend" aria-hidden="true">
        {legend.map((kind) => (
          <VerdictMark key={kind} kind={kind} />
        ))}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so by keyboard as well */}
      <section class="scroll" aria-label="Matrix of feature bits and targets" tabIndex={0}>
        <table class="matrix">
          <thead>
            <tr>
              <th scope="col" class="bit">
                bit
              </th>
              <th scope="col" class="name">
                feature
              </th>
              {view.targets.map((target, index) => (
                <th scope="col" key={target.target} data-t={index}>
                  <span class="head">
                    <ForeignText text={target.target} />
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          {view.features.map((group) => (
            <MatrixGroup key={group.device} view={view} group={group} />
          ))}
        </table>
      </section>
    </section>
  );
}

function MatrixGroup({ view, group }: { readonly view: ReportView; readonly group: FeatureGroup }): JSX.Element {
  return (
    <tbody data-group>
      <tr class="group">
        <th scope="rowgroup" colSpan={2 + view.targets.length}>
          {groupTitles[group.device] ?? group.device}
        </th>
      </tr>
      {group.rows
        .filter((row) => !isQuiet(row))
        .map((row) => (
          <MatrixRow key={row.feature.name} view={view} row={row} />
        ))}
      <QuietRows view={view} rows={group.rows.filter(isQuiet)} />
    </tbody>
  );
}

/** Bits of which there is nothing to say: no target offers them. */
function isQuiet({ cells }: FeatureRow): boolean {
  return cells.every(({ kind }) => kind === 'not-offered' || kind === 'elsewhere');
}

function QuietRows({
  view,
  rows,
}: {
  readonly view: ReportView;
  readonly rows: readonly FeatureRow[];
}): JSX.Element | null {
  if (rows.length === 0) return null;
  return (
    <>
      <tr class="quiet-head">
        <td class="bit" />
        <td colSpan={1 + view.targets.length}>
          <button type="button" class="expand" aria-expanded="false" data-quiet>
            {rows.length} {rows.length === 1 ? 'bit' : 'bits'} that no target offers
          </button>
        </td>
      </tr>
      {rows.map((row) => (
        <MatrixRow key={row.feature.name} view={view} row={row} />
      ))}
    </>
  );
}

function MatrixRow({ view, row }: { readonly view: ReportView; readonly row: FeatureRow }): JSX.Element {
  const { feature, requirements, cells } = row;
  const detail = `feature-${feature.device}-${feature.name}`;
  const kinds = cells.map(({ kind }) => kind);
  const found = view.targets.flatMap((target, index) =>
    cells[index]?.kind === 'fail' ? findingsOfFeature(view, row, target) : [],
  );
  return (
    <>
      <tr
        class={isQuiet(row) ? 'quiet' : undefined}
        data-item="feature"
        {...itemFacts(kindsOf(kinds, view.targets, found), requirements)}
      >
        <td class="bit">
          <span class="unseen">bit </span>
          {feature.bit}{' '}
        </td>
        <th scope="row" class="name">
          {requirements.length === 0 ? (
            <span class="plain">
              <BreakingName name={feature.name} />
            </span>
          ) : (
            <button type="button" class="expand" aria-expanded="false" aria-controls={detail}>
              <BreakingName name={feature.name} />
            </button>
          )}
          {feature.text === undefined ? null : <span class="promise">{feature.text}</span>}
        </th>
        {cells.map((cell, index) => (
          <MatrixCell key={view.targets[index]?.target} view={view} row={row} cell={cell} index={index} />
        ))}
      </tr>
      {requirements.length === 0 ? null : <DetailRow view={view} row={row} id={detail} />}
    </>
  );
}

function MatrixCell(props: {
  readonly view: ReportView;
  readonly row: FeatureRow;
  readonly cell: FeatureVerdict;
  readonly index: number;
}): JSX.Element {
  const { view, row, cell, index } = props;
  const { text, counts, sentence } = featureMark(cell);
  const target = view.targets[index];
  const [first] = target === undefined || cell.kind !== 'fail' ? [] : findingsOfFeature(view, row, target);
  const mark = <VerdictMark kind={cell.kind} text={text} />;
  return (
    <td data-t={index} title={sentence === '' ? undefined : sentence}>
      {first === undefined ? mark : <a href={`#${first.anchor}`}>{mark}</a>}
      {counts === undefined ? null : <small> {counts}</small>}
      {cell.kind === 'elsewhere' ? <span class="unseen">does not concern this target</span> : null}
    </td>
  );
}

function findingsOfFeature(view: ReportView, { requirements }: FeatureRow, { target }: TargetRecord): FindingGroup[] {
  return requirements.flatMap(({ id }) => findingsFor(view, target, id));
}

/** What hangs on the bit, with the targets by their verdict. */
function DetailRow(props: { readonly view: ReportView; readonly row: FeatureRow; readonly id: string }): JSX.Element {
  const { view, row, id } = props;
  return (
    <tr class="detail" id={id}>
      <td class="bit" />
      <td colSpan={1 + view.targets.length}>
        <ul>
          {row.requirements.map((requirement) => (
            <li key={requirement.id}>
              <a href={`#${requirementAnchor(requirement.id)}`}>{requirement.text}</a>{' '}
              <VerdictsByKind view={view} row={row} id={requirement.id} />
            </li>
          ))}
          {row.cells.map((cell, index) =>
            cell.kind === 'partial' && cell.unseen !== undefined ? (
              <li class="muted" data-t={index} key={view.targets[index]?.target}>
                <ForeignText text={view.targets[index]?.target ?? ''} />: its function was not seen to work:{' '}
                {cell.unseen}
              </li>
            ) : null,
          )}
        </ul>
      </td>
    </tr>
  );
}

/** `fail a b · pass c`: what does not concern a target, or has no case, is left out. */
function VerdictsByKind(props: {
  readonly view: ReportView;
  readonly row: FeatureRow;
  readonly id: string;
}): JSX.Element | null {
  const { view, row, id } = props;
  const verdicts = view.rowsById.get(id)?.verdicts ?? [];
  if (verdicts.every(({ verdict }) => verdict === 'no-case')) return <VerdictMark kind="no-case" />;
  const kinds = new Map<MarkKind, number[]>();
  for (const [index, { verdict }] of verdicts.entries()) {
    if (row.cells[index]?.kind === 'elsewhere' || verdict === 'no-case' || verdict === 'elsewhere') continue;
    kinds.set(verdict, [...(kinds.get(verdict) ?? []), index]);
  }
  return (
    <>
      {[...kinds].map(([kind, indices]) => (
        <span class="of" key={kind}>
          <VerdictMark kind={kind} />
          <On view={view} indices={indices} />
        </span>
      ))}
    </>
  );
}
