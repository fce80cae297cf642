import { Fragment, type JSX } from 'preact';
import { weightOf } from '../finding-causes.ts';
import type { FindingGroup } from '../findings.ts';
import type { TargetRecord } from '../record/record.ts';
import { countOf } from './finding-index.tsx';
import { ForeignText } from './foreign-text.tsx';
import type { ReportView } from './report-view.ts';
import { Tally } from './tally.tsx';

/** Cards of more targets than these would stand between the reader and the matrix. */
const mostAhead = 2;

/** Whether the targets have a section of their own, behind the matrix. */
export const hasManyTargets = ({ targets }: ReportView): boolean => targets.length > mostAhead;

export function TargetSection({ view }: { readonly view: ReportView }): JSX.Element | null {
  if (!hasManyTargets(view)) return null;
  return (
    <section id="targets">
      <h2>Targets</h2>
      <TargetCards view={view} />
    </section>
  );
}

/** What each target is, and what came of it. */
export function TargetCards({ view }: { readonly view: ReportView }): JSX.Element {
  return (
    <ul class="targets">
      {view.targets.map((target, index) => (
        <TargetCard key={target.target} view={view} target={target} index={index} />
      ))}
    </ul>
  );
}

function TargetCard(props: {
  readonly view: ReportView;
  readonly target: TargetRecord;
  readonly index: number;
}): JSX.Element {
  const { view, target, index } = props;
  const Name = hasManyTargets(view) ? 'h3' : 'h2';
  const cases = view.cases.filter((result) => result.target === target.target);
  const found = view.findings.filter((group) => group.target === target.target);
  const undefinedBits = target.offered.filter((name) => /^bit \d+$/.test(name));
  return (
    <li class="target" data-t={index}>
      <Name>
        <ForeignText text={target.target} />
      </Name>
      <p class="identity">
        <ForeignText text={`${target.identity} ${target.version}`.trim()} />
      </p>
      <Tally cases={cases} />
      <dl class="facts">
        <dt>device</dt>
        <dd>
          {target.device} over {target.transport}
          {target.role === 'front-end' ? ', as front-end and driver' : ''}
        </dd>
        <dt>{target.role === 'front-end' ? 'took' : 'offers'}</dt>
        <dd>
          {target.offered.length} feature {target.offered.length === 1 ? 'bit' : 'bits'}
          {undefinedBits.length === 0 ? '' : `, of them undefined: ${undefinedBits.join(', ')}`}
        </dd>
        {target.texts === undefined ? null : (
          <>
            <dt>written to</dt>
            <dd>{target.texts.join(', ')}</dd>
          </>
        )}
        {target.latencyUs === undefined ? null : (
          <>
            <dt>round trip</dt>
            <dd>
              {target.latencyUs.toFixed(0)} µs
              {target.instances === undefined ? '' : `, with ${target.instances} instances at once`}
            </dd>
          </>
        )}
        {target.binaryHash === undefined ? null : (
          <>
            <dt>sha-256</dt>
            <dd>
              <code title={target.binaryHash}>{target.binaryHash.slice(0, 12)}…</code>
            </dd>
          </>
        )}
        {Object.entries(target.shown ?? {}).map(([command, text]) => (
          <Fragment key={command}>
            <dt>{command}</dt>
            <dd class="shown">
              <ForeignText text={text} />
            </dd>
          </Fragment>
        ))}
      </dl>
      {found[0] === undefined ? (
        <p class="found none">no findings</p>
      ) : (
        <p class="found">
          <a href={`#${found[0].anchor}`}>{foundWords(found)}</a>
        </p>
      )}
    </li>
  );
}

/** Violations of the text apart from what else was found. */
function foundWords(found: readonly FindingGroup[]): string {
  const violations = found.filter((group) => weightOf(group) === 'text').length;
  const others = found.length - violations;
  if (violations === 0) return `${countOf(others, 'finding')}, no violation`;
  return `${countOf(violations, 'violation')}${others === 0 ? '' : `, ${countOf(others, 'other finding')}`}`;
}
