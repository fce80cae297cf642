import type { JSX } from 'preact';
import { changeGroups, changeTitles, setLines, targetsInWords } from '../compare/difference-words.ts';
import { type ChangeKind, changeKinds, regressions } from '../compare/run-difference.ts';
import { type HistoryStep, historyRows, type NamedOutline } from '../compare/run-history.ts';
import { countOf } from './finding-index.tsx';
import { ForeignText } from './foreign-text.tsx';
import { Rerun } from './rerun.tsx';

interface ComparisonProps {
  readonly runs: readonly NamedOutline[];
  readonly steps: readonly HistoryStep[];
}

/** Runs one after the other: what changed last comes first. */
export function ComparisonPage({ runs, steps }: ComparisonProps): JSX.Element {
  const last = steps.at(-1);
  return (
    <>
      <a class="skip" href="#changes">
        Skip to what changed
      </a>
      <header class="top">
        <p class="wordmark">
          vhost-conformance <span>comparison of {runs.length} runs</span>
        </p>
        <h1>{last === undefined ? 'Nothing to compare' : headline(last)}</h1>
      </header>
      <main>
        {runs.length > 2 ? <History runs={runs} steps={steps} /> : null}
        <div id="changes">
          {[...steps].reverse().map((step) => (
            <Step key={`${step.before.name} ${step.after.name}`} step={step} />
          ))}
        </div>
      </main>
    </>
  );
}

function headline({ difference: { changes } }: HistoryStep): string {
  const count = (...kinds: readonly ChangeKind[]): number => changes.filter(({ kind }) => kinds.includes(kind)).length;
  const worse = count(...regressions);
  const mended = count('mended');
  if (changes.length === 0) return 'Nothing changed';
  return `${worse === 0 ? 'Nothing broke' : `${countOf(worse, 'result')} broke`}, ${mended === 0 ? 'none' : mended} mended`;
}

function Step({ step }: { readonly step: HistoryStep }): JSX.Element {
  const { before, after, difference } = step;
  return (
    <section class="step">
      <h2>
        <ForeignText text={before.name} /> <span aria-hidden="true">→</span>
        <span class="unseen">to</span> <ForeignText text={after.name} />
      </h2>
      <dl class="facts">
        <dt>before</dt>
        <dd>
          <ForeignText text={targetsInWords(before.run)} />, {dayOf(before)}
        </dd>
        <dt>now</dt>
        <dd>
          <ForeignText text={targetsInWords(after.run)} />, {dayOf(after)}
        </dd>
      </dl>
      {setLines(difference, [before.run, after.run]).map((line) => (
        <p class="hint" key={line}>
          <ForeignText text={line} />
        </p>
      ))}
      {changeKinds.map((kind) => (
        <Changes key={kind} step={step} kind={kind} />
      ))}
      <FeatureChanges step={step} />
      <p class="muted">{difference.same === 1 ? '1 result is' : `${difference.same} results are`} as before.</p>
    </section>
  );
}

const dayOf = ({ run }: NamedOutline): string => run.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');

function Changes({ step, kind }: { readonly step: HistoryStep; readonly kind: ChangeKind }): JSX.Element | null {
  const changes = step.difference.changes.filter((change) => change.kind === kind);
  if (changes.length === 0) return null;
  return (
    <details class={`changes ${kind}`} open={regressions.has(kind) || kind === 'mended'}>
      <summary>
        <h3>{changeTitles[kind]}</h3> <span class="muted">{countOf(changes.length, 'result')}</span>
      </summary>
      <ul>
        {changeGroups(changes).map(({ first, keys, words }) => (
          <li key={`${first.target} ${first.key}`}>
            <code>
              <ForeignText text={first.key} />
            </code>
            {keys.length === 1 ? null : <span class="muted"> and {keys.length - 1} more like it</span>}
            <span class="muted">
              <ForeignText text={first.target} /> · <ForeignText text={words} />
            </span>
            {regressions.has(kind) && first.after?.rerun !== undefined ? <Rerun command={first.after.rerun} /> : null}
          </li>
        ))}
      </ul>
    </details>
  );
}

function FeatureChanges({ step }: { readonly step: HistoryStep }): JSX.Element | null {
  const { features } = step.difference;
  if (features.length === 0) return null;
  return (
    <details class="changes" open>
      <summary>
        <h3>Feature bits</h3> <span class="muted">{features.length} changed</span>
      </summary>
      <ul>
        {features.map(({ target, feature, before, after }) => (
          <li key={`${target} ${feature}`}>
            <code>{feature}</code> {before} <span aria-hidden="true">→</span>
            <span class="unseen">now</span> <b>{after}</b>
            <span class="muted">
              <ForeignText text={target} />
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

const mostRows = 400;

/** All runs, the oldest first, and the results that were not the same in all of them. */
function History({ runs, steps }: ComparisonProps): JSX.Element {
  const rows = historyRows(runs, steps);
  return (
    <section>
      <h2>Runs</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so by keyboard as well */}
      <section class="scroll" aria-label="Counts of each run" tabIndex={0}>
        <table class="history">
          <thead>
            <tr>
              {['run', 'started', 'targets', 'pass', 'fail', 'broke', 'mended'].map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map((one, index) => (
              <RunRow key={one.name} one={one} step={steps[index - 1]} />
            ))}
          </tbody>
        </table>
      </section>
      <h3>Results that changed</h3>
      {rows.length === 0 ? <p class="hint">All results are the same in all runs.</p> : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so by keyboard as well */}
      <section class="scroll" aria-label="Results by run" tabIndex={0}>
        <table class="history">
          <thead>
            <tr>
              <th scope="col">result</th>
              {runs.map(({ name }) => (
                <th scope="col" key={name}>
                  <ForeignText text={name} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, mostRows).map(({ target, key, verdicts }) => (
              <tr key={`${target} ${key}`}>
                <th scope="row">
                  <code>
                    <ForeignText text={key} />
                  </code>
                  <span class="muted">
                    <ForeignText text={target} />
                  </span>
                </th>
                {verdicts.map((verdict, index) => (
                  <td key={runs[index]?.name}>
                    {verdict === undefined ? null : <span class={`mark ${verdict}`}>{verdict}</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {rows.length > mostRows ? <p class="muted">and {rows.length - mostRows} more</p> : null}
    </section>
  );
}

function RunRow({ one, step }: { readonly one: NamedOutline; readonly step: HistoryStep | undefined }): JSX.Element {
  const { results } = one.run;
  const changed = (isOf: (kind: ChangeKind) => boolean): string =>
    step === undefined ? '' : String(step.difference.changes.filter(({ kind }) => isOf(kind)).length);
  return (
    <tr>
      <th scope="row">
        <ForeignText text={one.name} />
      </th>
      <td>{dayOf(one)}</td>
      <td>
        <ForeignText text={targetsInWords(one.run)} />
      </td>
      <td>{results.filter(({ verdict }) => verdict === 'pass').length}</td>
      <td>{results.filter(({ standing }) => standing === 'failed' || standing === 'broken').length}</td>
      <td>{changed((kind) => regressions.has(kind))}</td>
      <td>{changed((kind) => kind === 'mended')}</td>
    </tr>
  );
}
