import type { JSX } from 'preact';
import type { FeatureGroup, FeatureRow, FeatureVerdict } from '../feature-verdicts.ts';
import type { FindingGroup } from '../findings.ts';
import type { TargetRecord } from '../record/record.ts';
import { ForeignText } from './foreign-text.tsx';
import { findingsFor, type ReportView, requirementAnchor } from './report-view.ts';
import { featureMark, VerdictMark } from './verdict-mark.tsx';

const groupTitles: Readonly<Record<string, string>> = {
  common: 'Common to all devices',
  net: 'Network device',
  blk: 'Block device',
  block: 'Block device',
  'vhost-user': 'vhost-user protocol',
  vhost: 'vhost',
};

/** Feature bits by targets. */
export function FeatureMatrix({ view }: { readonly view: ReportView }): JSX.Element {
  return (
    <section id="matrix" aria-labelledby="matrix-title">
      <h2 id="matrix-title">Feature bits</h2>
      <p class="hint">
        A bit passes when every requirement of the target’s device and transport that hangs on it and can be observed
        has a case that passed, and the bit’s own function was seen to work in a session that took it. Expectations that
        are ours and not the text’s do not count here. A name opens what hangs on the bit.
      </p>
      <section class="scroll" aria-label="Matrix of feature bits and targets">
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
                  <ForeignText text={target.target} />
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
  return (
    <>
      <tr
        class={isQuiet(row) ? 'quiet' : undefined}
        data-item="feature"
        data-v={cells.map(({ kind }, index) => `${index}:${kind}`).join(' ')}
      >
        <td class="bit">{feature.bit}</td>
        <th scope="row" class="name">
          {requirements.length === 0 ? (
            <span class="plain">{feature.name}</span>
          ) : (
            <button type="button" class="expand" aria-expanded="false" aria-controls={detail}>
              {feature.name}
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
  const { text, sentence } = featureMark(cell);
  const target = view.targets[index];
  const [first] = target === undefined || cell.kind !== 'fail' ? [] : findingsOfFeature(view, row, target);
  const mark = <VerdictMark kind={cell.kind} text={text} />;
  return (
    <td data-t={index} title={sentence}>
      {first === undefined ? mark : <a href={`#${first.anchor}`}>{mark}</a>}
      {cell.kind === 'partial' ? <span class="unseen"> requirements passed</span> : null}
      {cell.kind === 'fail' ? (
        <small>
          {' '}
          {cell.failed}/{cell.of}
        </small>
      ) : null}
      {cell.kind === 'elsewhere' ? <span class="unseen">does not concern this target</span> : null}
    </td>
  );
}

function findingsOfFeature(view: ReportView, { requirements }: FeatureRow, { target }: TargetRecord): FindingGroup[] {
  return requirements.flatMap(({ id }) => findingsFor(view, target, id));
}

/** What hangs on the bit, with the verdict on each target. */
function DetailRow(props: { readonly view: ReportView; readonly row: FeatureRow; readonly id: string }): JSX.Element {
  const { view, row, id } = props;
  const hanging = new Set(row.requirements.map((requirement) => requirement.id));
  const rows = view.areas.flatMap((area) => area.rows).filter(({ requirement }) => hanging.has(requirement.id));
  return (
    <tr class="detail" id={id}>
      <td class="bit" />
      <td colSpan={1 + view.targets.length}>
        <ul>
          {rows.map(({ requirement, verdicts }) => (
            <li key={requirement.id}>
              <a href={`#${requirementAnchor(requirement.id)}`}>{requirement.text}</a>{' '}
              {verdicts.map(({ verdict }, index) =>
                row.cells[index]?.kind === 'elsewhere' || verdict === 'no-case' || verdict === 'elsewhere' ? null : (
                  <span class="of" data-t={index} key={view.targets[index]?.target}>
                    <ForeignText text={view.targets[index]?.target ?? ''} /> <VerdictMark kind={verdict} />
                  </span>
                ),
              )}
              {verdicts.every(({ verdict }) => verdict === 'no-case') ? <VerdictMark kind="no-case" /> : null}
            </li>
          ))}
        </ul>
      </td>
    </tr>
  );
}
