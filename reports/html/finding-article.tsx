import type { JSX } from 'preact';
import { join } from 'shlex';
import { findingWeights, weightOf } from '../finding-causes.ts';
import type { FindingGroup } from '../findings.ts';
import { apartWords } from '../judged-by-texts.ts';
import { type MemoryChange, memoryChanges, type RingHistory, ringHistories } from '../rings/ring-steps.ts';
import type { Trace } from '../trace/trace.ts';
import { FindingIndex, How } from './finding-index.tsx';
import { ForeignText } from './foreign-text.tsx';
import { factsOfFinding } from './item-facts.ts';
import { type Ends, endsOf, MessageSequence } from './message-sequence.tsx';
import { type ReportView, requirementAnchor } from './report-view.ts';
import { Level, Provenance, Unwitnessed } from './requirement-provenance.tsx';
import { Rerun } from './rerun.tsx';
import { Rings } from './ring-drawing.tsx';
import { ScrollingText } from './scrolling-text.tsx';
import { type TraceExcerpt, traceExcerpt } from './trace-excerpt.ts';
import { type WholeTrace, WholeTraces } from './whole-traces.ts';

/** Returns the trace of a finding, or why it cannot be shown. */
export type TraceSource = (group: FindingGroup) => Trace | string | undefined;

/** Rows of traces in the whole page: bounds its size for any number of findings. */
const rowsOfAllTraces = 2400;
const fewestRows = 9;
const mostRows = 48;

export function Findings({ view, traces }: { readonly view: ReportView; readonly traces: TraceSource }): JSX.Element {
  const { findings } = view;
  const whole = new WholeTraces();
  const rows = Math.floor(rowsOfAllTraces / Math.max(1, findings.length));
  const rowsEach = Math.min(mostRows, Math.max(fewestRows, rows));
  const articles = findings.map((group) => (
    <FindingArticle
      key={group.anchor}
      view={view}
      group={group}
      told={toldOf(view, traces(group), group, rowsEach, whole)}
    />
  ));
  return (
    <section id="findings" aria-labelledby="findings-title">
      <h2 id="findings-title">Findings</h2>
      {findings.length === 0 ? <p class="hint">Nothing was found.</p> : null}
      {findingWeights.map((weight) => (
        <FindingIndex key={weight} view={view} weight={weight} />
      ))}
      {articles}
      <div id="trace-texts" hidden data-texts={whole.texts.compressed()} />
    </section>
  );
}

/** What the page says of a trace: a part of it as a sequence, and all of it as lines. */
interface ToldTrace {
  readonly excerpt: TraceExcerpt;
  readonly rings: readonly RingHistory[];
  readonly changes: readonly MemoryChange[];
  /** The last event that the check saw. */
  readonly at: number;
  readonly whole: WholeTrace | undefined;
}

function toldOf(
  view: ReportView,
  trace: Trace | string | undefined,
  group: FindingGroup,
  rows: number,
  whole: WholeTraces,
): ToldTrace | string {
  if (trace === undefined) {
    const isLost = group.finding.kernelLog !== undefined;
    return isLost ? 'Its trace went down with the kernel.' : 'No trace was recorded.';
  }
  if (typeof trace === 'string') return trace;
  const excerpt = traceExcerpt(trace, group.finding.traceEvent, rows);
  const isAll = excerpt.items.every(({ kind }) => kind === 'event');
  const { owner } = endsOfTarget(view, group.target);
  const at = group.finding.traceEvent ?? trace.events.at(-1)?.seq ?? 0;
  return {
    excerpt,
    rings: ringHistories(trace),
    changes: memoryChanges(trace),
    at,
    whole: isAll ? undefined : whole.of(trace, owner, group.finding.traceEvent),
  };
}

function FindingArticle(props: {
  readonly view: ReportView;
  readonly group: FindingGroup;
  readonly told: ToldTrace | string;
}): JSX.Element {
  const { view, group, told } = props;
  const { anchor, finding, requirement, target, caseId, title, places } = group;
  const [first] = places;
  return (
    <article
      class="finding"
      id={anchor}
      tabIndex={-1}
      aria-labelledby={`${anchor}-title`}
      data-item="finding"
      {...factsOfFinding(view.targets, group)}
    >
      <header>
        <p class="tags">
          <How group={group} />{' '}
          <span class="on">
            <ForeignText text={target} />
          </span>
          {weightOf(group) === 'beyond' ? <span class="beyond">{finding.basis}, beyond any text</span> : null}
          {finding.apart === undefined ? null : <span class="beyond">{apartWords(finding.apart)}</span>}
          {requirement === undefined ? null : <Unwitnessed requirement={requirement} />}
          <Known group={group} />
        </p>
        <h3 id={`${anchor}-title`}>
          {requirement === undefined ? finding.requirement : <Level requirement={requirement} />} {requirement?.text}
        </h3>
        <p class="meta">
          <a href={`#${requirementAnchor(finding.requirement)}`}>
            <code>{finding.requirement}</code>
          </a>{' '}
          in <code>{caseId}</code>, {title}
        </p>
        {requirement === undefined ? null : <Provenance view={view} requirement={requirement} />}
      </header>
      <p class="what">
        <ForeignText text={finding.what} />
      </p>
      <div class={isTall(finding) ? 'compare tall' : 'compare'}>
        <div class="expected">
          <h4>expected</h4>
          <Told text={finding.expected} label="expected" />
        </div>
        <div class="actual">
          <h4>actual</h4>
          <Told text={finding.actual} label="actual" />
        </div>
      </div>
      <Places group={group} />
      {finding.stderr === undefined || finding.stderr === '' ? null : (
        <section class="stderr">
          <h4>the end of its standard error</h4>
          <ScrollingText text={finding.stderr} label="standard error" />
        </section>
      )}
      {finding.kernelLog === undefined || finding.kernelLog === '' ? null : (
        <section class="kernel-log">
          <h4>its kernel’s log</h4>
          <ScrollingText text={finding.kernelLog} label="log of the kernel" />
        </section>
      )}
      <TraceSection told={told} ends={endsOfTarget(view, target)} name={first?.result.record.key ?? caseId} />
      {first === undefined ? null : <Rerun command={first.result.record.rerun} />}
      <p class="back">
        <a href="#matrix">Back to the matrix</a>
      </p>
    </article>
  );
}

/** A check that says nothing of one side says so. */
function Told({ text, label }: { readonly text: string; readonly label: string }): JSX.Element {
  if (text.trim() === '') return <p class="muted">nothing</p>;
  if (text.split('\n').length > mostLinesBesideEachOther) return <ScrollingText text={text} label={label} />;
  return (
    <pre>
      <ForeignText text={text} />
    </pre>
  );
}

const mostLinesBesideEachOther = 4;

/** Whether one side is so long (a log, say) that the two stand better below each other. */
function isTall({ expected, actual }: FindingGroup['finding']): boolean {
  return [expected, actual].some((text) => text.split('\n').length > mostLinesBesideEachOther);
}

/** What an expectations file says of it. */
function Known({ group }: { readonly group: FindingGroup }): JSX.Element | null {
  const expected = group.places.find(({ result }) => result.record.expected !== undefined)?.result.record.expected;
  if (expected === undefined) return null;
  const { reason, link } = expected;
  const isWeb = link !== undefined && /^https?:\/\//.test(link);
  return (
    <span class="beyond">
      known: <ForeignText text={reason} />{' '}
      {isWeb ? (
        <a href={link}>
          <ForeignText text={link} />
        </a>
      ) : (
        <ForeignText text={link ?? ''} />
      )}
    </span>
  );
}

function endsOfTarget(view: ReportView, name: string): Ends {
  return endsOf(view.targets.find((one) => one.target === name));
}

function TraceSection(props: {
  readonly told: ToldTrace | string;
  readonly ends: Ends;
  readonly name: string;
}): JSX.Element {
  const { told, ends, name } = props;
  if (typeof told === 'string') {
    return (
      <p class="muted">
        <ForeignText text={told} />
      </p>
    );
  }
  const { excerpt, rings, changes, at, whole } = told;
  return (
    <>
      <details class="trace">
        <summary>
          Message sequence{' '}
          <span class="muted">
            {excerpt.shown === excerpt.total
              ? `${excerpt.total} events`
              : `${excerpt.shown} of ${excerpt.total} events`}
          </span>
        </summary>
        <MessageSequence excerpt={excerpt} ends={ends} />
        <div class="whole">
          {whole === undefined ? null : (
            <button type="button" data-deflated={whole.data}>
              show all {excerpt.total} events as lines
            </button>
          )}
          <p class="muted">
            With every field, or for Wireshark, beside this page:{' '}
            <code>
              <ForeignText text={join(['npx', 'vhost-conformance', 'trace', '.', '--case', name])} />
            </code>{' '}
            (<code>--pcap --out FILE</code>)
          </p>
        </div>
      </details>
      <Rings rings={rings} changes={changes} at={at} />
    </>
  );
}

const mostPlaces = 40;

/** All variants, repetitions and points with this finding, when there is more than one. */
function Places({ group }: { readonly group: FindingGroup }): JSX.Element | null {
  const lines = group.places.map(({ result, finding }) => {
    const { key, repetition } = result.record;
    const again = repetition === 0 ? '' : ` (repetition ${repetition})`;
    return { name: `${key}${again}`, points: finding.points ?? [], of: result.record.points?.count };
  });
  const points = lines.reduce((sum, line) => sum + line.points.length, 0);
  if (lines.length === 1 && points === 0) {
    return lines[0]?.name === group.caseId ? null : (
      <p class="places">
        with <code>{lines[0]?.name}</code>
      </p>
    );
  }
  const [only] = lines;
  if (only !== undefined && lines.length === 1 && points === 1) {
    return (
      <p class="places">
        at point <PointList points={only.points} />
      </p>
    );
  }
  const head = [
    lines.length === 1 ? '' : `in ${lines.length} results`,
    points === 0 ? '' : `at ${points} ${points === 1 ? 'point' : 'points'}`,
  ];
  return (
    <details class="places">
      <summary>the same {head.filter((part) => part !== '').join(', ')}</summary>
      <ul>
        {lines.slice(0, mostPlaces).map(({ name, points: failed, of }) => (
          <li key={name}>
            <code>
              <ForeignText text={name} />
            </code>
            {failed.length === 0 ? null : (
              <>
                {' '}
                {failed.length} of {of ?? 'its'} points: <PointList points={failed} />
              </>
            )}
          </li>
        ))}
        {lines.length > mostPlaces ? <li>{lines.length - mostPlaces} more</li> : null}
      </ul>
    </details>
  );
}

function PointList({ points }: { readonly points: readonly string[] }): JSX.Element {
  return (
    <span class="points">
      {points.slice(0, mostPlaces).map((point) => (
        <code key={point}>
          <ForeignText text={point} />
        </code>
      ))}
      {points.length > mostPlaces ? `and ${points.length - mostPlaces} more` : ''}
    </span>
  );
}
