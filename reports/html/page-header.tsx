import type { JSX } from 'preact';
import { countOnce } from '../case-verdicts.ts';
import { type FindingWeight, findingWeights, resultsWith } from '../finding-causes.ts';
import { commandLines } from './command-lines.ts';
import { countOf, weightTitles } from './finding-index.tsx';
import { ForeignText } from './foreign-text.tsx';
import { isKnown, type ReportView } from './report-view.ts';
import { tallyWords } from './tally.tsx';
import { hasManyTargets, TargetCards } from './target-cards.tsx';

/** What was found, on what, and with which tools: the first thing to read. */
export function PageHeader({ view }: { readonly view: ReportView }): JSX.Element {
  const { run, cases } = view;
  const planned = countOnce(run.plan.results);
  const times = run.plan.results.length / planned;
  const done = planned - countOnce(run.missing);
  return (
    <header class="top">
      <p class="wordmark">
        {run.facts.suite.name} <span>conformance report</span>
      </p>
      <h1>{headline(view)}</h1>
      <p class="lead">
        {done === planned ? planned : `${done} of ${planned} planned`} results
        {times > 1 ? `, each ${times} times` : ''}:{' '}
        {tallyWords(cases)
          .map(({ text }) => text)
          .join(', ')}
        .{known(view)}
      </p>
      <Weights view={view} />
      <Missing view={view} />
      {hasManyTargets(view) ? null : <TargetCards view={view} />}
      <Facts view={view} />
    </header>
  );
}

function headline({ causes, targets }: ReportView): string {
  const on = countOf(targets.length, 'target');
  if (causes.length === 0) return `No findings on ${on}`;
  const violations = causes.filter(({ weight }) => weight === 'text').flatMap(({ findings }) => findings);
  if (violations.length === 0) return `No violations on ${on}`;
  const affected = new Set(violations.map(({ target }) => target)).size;
  return `${countOf(violations.length, 'violation')} on ${affected === targets.length ? on : `${affected} of ${on}`}`;
}

/** Findings by weight, each with the results in which they were made: a result may hold several findings. */
function Weights({ view }: { readonly view: ReportView }): JSX.Element | null {
  const rows = findingWeights.map((weight) => ({ weight, ...countsOf(view, weight) }));
  if (rows.every(({ findings }) => findings === 0)) return null;
  return (
    <ul class="weights">
      {rows.map(({ weight, findings, causes, results }) => (
        <li key={weight} class={findings === 0 ? 'none' : `of-${weight}`}>
          <b>{findings}</b>{' '}
          {findings === 0 ? weightTitles[weight] : <a href={`#findings-${weight}`}>{weightTitles[weight]}</a>}
          {findings === 0 ? null : (
            <span class="muted">
              {' '}
              {countOf(causes, 'cause')}, in {countOf(results, 'result')}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function countsOf(view: ReportView, weight: FindingWeight): { findings: number; causes: number; results: number } {
  const causes = view.causes.filter((cause) => cause.weight === weight);
  const findings = causes.flatMap((cause) => cause.findings);
  return { findings: findings.length, causes: causes.length, results: resultsWith(findings) };
}

function known({ findings }: ReportView): string {
  const count = findings.filter(isKnown).length;
  return count === 0 ? '' : ` ${countOf(count, 'finding')} ${count === 1 ? 'is' : 'are'} known and expected.`;
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
