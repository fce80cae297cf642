import { Fragment, type JSX } from 'preact';
import type { FindingCause, FindingWeight } from '../finding-causes.ts';
import type { FindingGroup } from '../findings.ts';
import { apartWords } from '../judged-by-texts.ts';
import { levelWord } from '../result-explanation.ts';
import { ForeignText } from './foreign-text.tsx';
import { factsOfFinding } from './item-facts.ts';
import { isKnown, type ReportView } from './report-view.ts';

export const weightTitles: Readonly<Record<FindingWeight, string>> = {
  text: 'Violations of the text',
  apart: 'Of other versions of a text, not counted',
  beyond: 'Beyond any text: choices and robustness',
};

/** Findings as a list: by weight, what one cause explains together. */
export function FindingIndex({
  view,
  weight,
}: {
  readonly view: ReportView;
  readonly weight: FindingWeight;
}): JSX.Element | null {
  const causes = view.causes.filter((cause) => cause.weight === weight);
  if (causes.length === 0) return null;
  const findings = causes.reduce((sum, cause) => sum + cause.findings.length, 0);
  return (
    <div data-group>
      <h3 class="weight" id={`findings-${weight}`} tabIndex={-1}>
        {weightTitles[weight]}{' '}
        <span class="muted">
          {countOf(findings, 'finding')}
          {findings === causes.length ? '' : ` of ${countOf(causes.length, 'cause')}`}
        </span>
      </h3>
      <ol class="index">
        {causes.map((cause) => (
          <Cause key={cause.findings[0].anchor} view={view} cause={cause} />
        ))}
      </ol>
    </div>
  );
}

function Cause({ view, cause }: { readonly view: ReportView; readonly cause: FindingCause }): JSX.Element {
  const [first, ...others] = cause.findings;
  const rules = new Set(cause.findings.map(({ finding }) => finding.requirement));
  return (
    <>
      <Entry view={view} group={first}>
        {others.length === 0 ? null : (
          <span class="muted">
            {`${countOf(cause.findings.length, 'finding')} ${rules.size === 1 ? 'against this rule' : 'with one last word of the process'}`}
            {`, in ${countOf(cause.results, 'result')}`}
          </span>
        )}
      </Entry>
      {others.map((group) => (
        <Entry key={group.anchor} view={view} group={group} isFurther={true} />
      ))}
    </>
  );
}

function Entry(props: {
  readonly view: ReportView;
  readonly group: FindingGroup;
  readonly isFurther?: boolean;
  readonly children?: JSX.Element | null;
}): JSX.Element {
  const { view, group, isFurther, children } = props;
  const { finding, requirement, target, places, caseId } = group;
  const results = new Set(places.map(({ result }) => result)).size;
  return (
    <li class={isFurther === true ? 'further' : undefined} data-item="entry" {...factsOfFinding(view.targets, group)}>
      <How group={group} /> <LevelOf group={group} />{' '}
      <a href={`#${group.anchor}`}>{isFurther === true ? caseId : (requirement?.text ?? finding.requirement)}</a>
      <span class="muted">
        <ForeignText text={target} /> · <ForeignText text={finding.what} />
        {results > 1 ? ` · ${results} results` : ''}
        {finding.apart === undefined ? '' : ` · ${apartWords(finding.apart)}`}
        {isKnown(group) ? ' · known' : ''}
      </span>
      {children ?? <Fragment />}
    </li>
  );
}

function LevelOf({ group: { finding } }: { readonly group: FindingGroup }): JSX.Element {
  return <span class={`level ${finding.basis === 'keyword' ? 'keyword' : 'reading'}`}>{levelWord(finding)}</span>;
}

export function How({ group }: { readonly group: FindingGroup }): JSX.Element {
  const { how, exit } = group.finding;
  const ending = exit?.signal ?? (exit?.code === undefined ? undefined : `exit ${exit.code}`);
  return (
    <span class={`how ${how}`}>
      {how}
      {ending === undefined ? '' : ` ${ending}`}
    </span>
  );
}

export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
