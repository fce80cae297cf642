import type { JSX } from 'preact';
import type { CampaignBucket, CampaignInstance, CampaignRecord } from '../record/campaign-record.ts';
import { CampaignCells } from './campaign-cells.tsx';
import { CampaignChart, signalsOver, speedOver } from './campaign-chart.tsx';
import { countWords, kindWords, timeWords } from './campaign-words.ts';
import { ForeignText } from './foreign-text.tsx';
import { Rerun } from './rerun.tsx';
import { ScrollingText } from './scrolling-text.tsx';

/** What fuzz campaigns found, and how far they came. */
export function CampaignSection({ campaigns }: { readonly campaigns: readonly CampaignRecord[] }): JSX.Element | null {
  if (campaigns.length === 0) return null;
  return (
    <section id="fuzzing" aria-labelledby="fuzzing-title">
      <h2 id="fuzzing-title" tabIndex={-1}>
        Fuzzing
      </h2>
      <p class="hint">
        Programs are mutated, run and judged. Each bucket is a cause that was confirmed on fresh processes, with the
        least program found that shows it.
      </p>
      {campaigns.map((campaign, number) => (
        <Campaign key={number} campaign={campaign} number={number} />
      ))}
    </section>
  );
}

interface CampaignProps {
  readonly campaign: CampaignRecord;
  readonly number: number;
}

function Campaign({ campaign, number }: CampaignProps): JSX.Element {
  const { target, identity, buckets, instances, untriaged } = campaign;
  const elapsedMs = Math.max(0, ...instances.map((one) => one.elapsedMs));
  const anchor = (at: number): string => `bucket-${number}-${at}`;
  return (
    <section class="campaign" aria-labelledby={`campaign-${number}`}>
      <h3 id={`campaign-${number}`}>
        <ForeignText text={target} />
      </h3>
      <p class="identity">
        <ForeignText text={identity} />
      </p>
      <Counts campaign={campaign} elapsedMs={elapsedMs} />
      <div class="charts">
        <CampaignChart
          title="signals"
          lines={instances.map(({ history }) => signalsOver(history))}
          buckets={buckets}
          elapsedMs={elapsedMs}
        />
        <CampaignChart
          title="programs per second"
          lines={instances.map(({ history }) => speedOver(history))}
          buckets={buckets}
          elapsedMs={elapsedMs}
        />
      </div>
      {untriaged.length === 0 ? null : (
        <div class="warning">
          <p>
            Not looked into, because the time was over:{' '}
            {untriaged.map((name) => (
              <code key={name}>
                <ForeignText text={name} />{' '}
              </code>
            ))}
          </p>
        </div>
      )}
      {buckets.length === 0 ? <p class="found none">no buckets</p> : null}
      <ol class="index">
        {buckets.map((bucket, at) => (
          <li key={bucket.name}>
            <span class={`how ${bucket.kind}`}>{bucket.kind}</span>{' '}
            <a href={`#${anchor(at)}`}>
              <ForeignText text={bucket.name} />
            </a>
            <span class="muted">
              found after {timeWords(bucket.afterMs)} · {rateWords(bucket)} · seen again{' '}
              {countWords(bucket.seenAgain, 'time')}
            </span>
          </li>
        ))}
      </ol>
      {buckets.map((bucket, at) => (
        <BucketArticle key={bucket.name} bucket={bucket} anchor={anchor(at)} />
      ))}
      <CampaignCells campaign={campaign} />
    </section>
  );
}

function Counts({
  campaign,
  elapsedMs,
}: {
  readonly campaign: CampaignRecord;
  readonly elapsedMs: number;
}): JSX.Element {
  const { device, transport, instances, corpus, buckets } = campaign;
  const sum = (of: (instance: CampaignInstance) => number): number => instances.reduce((all, one) => all + of(one), 0);
  const runs = sum((one) => one.runs);
  const judged =
    (100 * sum((one) => one.judgedCalls)) /
    Math.max(
      sum((one) => one.calls),
      1,
    );
  const rows: readonly [string, string][] = [
    ['device', `${device} over ${transport}`],
    ['took', timeWords(elapsedMs)],
    ['ran', `${countWords(runs, 'program')}, ${Math.round(runs / Math.max(elapsedMs / 1000, 0.001))} per second`],
    ['instances', String(instances.length)],
    ['calls judged', `${Math.round(judged)} %`],
    ['corpus', String(corpus)],
    ['buckets', String(buckets.length)],
    ['unconfirmed', String(sum((one) => one.unconfirmed))],
    ['restarts', String(sum((one) => one.restarts))],
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
    </div>
  );
}

function BucketArticle({ bucket, anchor }: { readonly bucket: CampaignBucket; readonly anchor: string }): JSX.Element {
  const { name, kind, what, requirement, isMinimal, afterRuns, afterMs, replay, program, inC, log } = bucket;
  return (
    <article class="finding" id={anchor} tabIndex={-1} aria-labelledby={`${anchor}-title`}>
      <p class="tags">
        <span class={`how ${kind}`}>{kind}</span>
        <span class="on">{rateWords(bucket)}</span>
        {bucket.shown < bucket.runs ? <span class="beyond">flaky</span> : null}
        {isMinimal ? null : <span class="beyond">not minimal</span>}
      </p>
      <h3 id={`${anchor}-title`}>
        <ForeignText text={name} />
      </h3>
      <p class="meta">
        {kindWords(kind)}
        {requirement === undefined ? null : (
          <>
            {' '}
            (<code>{requirement}</code>)
          </>
        )}
        ; found after {timeWords(afterMs)} and {countWords(afterRuns, 'program')}, seen again{' '}
        {countWords(bucket.seenAgain, 'time')}
      </p>
      <p class="what">
        <ForeignText text={what} />
      </p>
      <h4>program</h4>
      <ScrollingText kind="program" text={program} label="program" />
      {log === undefined ? null : (
        <section class="stderr">
          <h4>what the process wrote</h4>
          <ScrollingText text={log} label="what the process wrote" />
        </section>
      )}
      {inC === undefined ? null : (
        <details class="places">
          <summary>C program that shows it at a socket</summary>
          <ScrollingText kind="program" text={inC} label="C program" />
        </details>
      )}
      <Rerun command={replay} />
    </article>
  );
}

const rateWords = ({ shown, runs }: CampaignBucket): string => `${shown} of ${countWords(runs, 'run')}`;
