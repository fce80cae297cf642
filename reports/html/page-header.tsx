import { Fragment, type JSX } from 'preact';
import type { TargetRecord } from '../record/record.ts';
import { isApart } from '../result-explanation.ts';
import { commandLines } from './command-lines.ts';
import { ForeignText } from './foreign-text.tsx';
import { findingCounts, isBeyondText, isKnown, type ReportView } from './report-view.ts';
import { Tally, tallyWords } from './tally.tsx';

/** What was found, on what, and with which tools: the first thing to read. */
export function PageHeader({ view }: { readonly view: ReportView }): JSX.Element {
  const { run, cases } = view;
  const planned = run.plan.results.length;
  const done = planned - run.missing.length;
  return (
    <header class="top">
      <p class="wordmark">
        {run.facts.suite.name} <span>conformance report</span>
      </p>
      <h1>{headline(view)}</h1>
      <p class="lead">
        {done} of {planned} planned results:{' '}
        {tallyWords(cases)
          .map(({ text }) => text)
          .join(', ')}
        .{beyondTheText(view)}
        {known(view)}
      </p>
      <Missing view={view} />
      <ul class="targets">
        {view.targets.map((target, index) => (
          <TargetCard key={target.target} view={view} target={target} index={index} />
        ))}
      </ul>
      <Facts view={view} />
    </header>
  );
}

function headline({ findings, targets }: ReportView): string {
  const on = `${targets.length} ${targets.length === 1 ? 'target' : 'targets'}`;
  if (findings.length === 0) return `No findings on ${on}`;
  const { violations } = findingCounts(findings);
  if (violations === 0) return `No violations on ${on}`;
  const violating = findings.filter((group) => !isBeyondText(group) && !isApart(group.finding));
  const affected = new Set(violating.map(({ target }) => target)).size;
  const count = violations === 1 ? '1 violation' : `${violations} violations`;
  return `${count} on ${affected === targets.length ? on : `${affected} of ${on}`}`;
}

/** Our expectations are not requirements of a text, and a text may be newer than the target: both stand apart. */
function beyondTheText({ findings }: ReportView): string {
  const { violations, beyond, apart } = findingCounts(findings);
  if (beyond + apart === 0) return '';
  const others = [
    beyond === 0 ? [] : [`${beyond} against what we expect beyond any text`],
    apart === 0 ? [] : [`${apart} against what the chosen texts do not hold, not counted`],
  ].flat();
  return ` Of ${findings.length} findings ${violations} ${violations === 1 ? 'is' : 'are'} against the text, ${others.join(', ')}.`;
}

function known({ findings }: ReportView): string {
  const count = findings.filter(isKnown).length;
  return count === 0 ? '' : ` ${count} ${count === 1 ? 'is' : 'are'} known and expected.`;
}

function Missing({ view }: { readonly view: ReportView }): JSX.Element | null {
  const { missing, unfinished, remarks, facts } = view.run;
  if (missing.length === 0 && remarks.length === 0 && facts.ended === 'completed') return null;
  const unfinishedKeys = new Set(unfinished);
  return (
    <div class="warning" role="note">
      {facts.ended === 'completed' ? null : <p>This run was {facts.ended} before it was complete.</p>}
      {remarks.map((remark) => (
        <p key={remark}>
          <ForeignText text={remark} />
        </p>
      ))}
      {missing.length === 0 ? null : (
        <details>
          <summary>
            {missing.length} planned {missing.length === 1 ? 'result' : 'results'} that no shard ran
          </summary>
          <ul>
            {missing.map((result) => (
              <li key={`${result.target} ${result.key} ${result.repetition}`}>
                <code>
                  <ForeignText text={result.target} />: <ForeignText text={result.key} />
                </code>
                {unfinishedKeys.has(result) ? ' (begun, not finished)' : ''}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function TargetCard(props: {
  readonly view: ReportView;
  readonly target: TargetRecord;
  readonly index: number;
}): JSX.Element {
  const { view, target, index } = props;
  const cases = view.cases.filter((result) => result.target === target.target);
  const found = view.findings.filter((group) => group.target === target.target);
  const undefinedBits = target.offered.filter((name) => /^bit \d+$/.test(name));
  return (
    <li class="target" data-t={index}>
      <h2>
        <ForeignText text={target.target} />
      </h2>
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
          <a href={`#${found[0].anchor}`}>{found.length === 1 ? '1 finding' : `${found.length} findings`}</a>
        </p>
      )}
    </li>
  );
}

function Facts({ view }: { readonly view: ReportView }): JSX.Element {
  const { facts, catalogue } = view.run;
  const rows: readonly [string, string][] = [
    ['started', facts.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['took', duration(facts.durationMs)],
    ['suite', `${facts.suite.name} ${facts.suite.version}`],
    ['catalogue', `${facts.catalogueHash.slice(0, 12)} (${catalogue.requirements.length} requirements)`],
    ['plan', facts.planHash.slice(0, 12)],
    ['texts', facts.texts.length === 0 ? 'what all versions since its first say' : facts.texts.join(', ')],
    ['seed', String(facts.seed)],
  ];
  return (
    <div class="provenance">
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {commandLines(facts.command).map((command) => (
        <p class="command" key={command}>
          <code>
            <ForeignText text={command} />
          </code>
        </p>
      ))}
    </div>
  );
}

function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  return seconds < 90 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
