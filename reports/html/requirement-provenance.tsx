import type { JSX } from 'preact';
import { apartWords } from '../judged-by-texts.ts';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import { newestPlace, requirementPlaces } from '../requirement-places.ts';
import { levelWord } from '../result-explanation.ts';
import { apartIn, type ReportView } from './report-view.ts';
import { TextPlaces } from './text-places.tsx';

export function Level({ requirement }: { readonly requirement: SnapshotRequirement }): JSX.Element {
  const kind = requirement.basis === 'keyword' ? 'keyword' : 'reading';
  return <span class={`level ${kind}`}>{levelWord(requirement)}</span>;
}

/** A warning beside what only our own implementations have passed; nothing beside anything else. */
export function Unwitnessed({ requirement }: { readonly requirement: SnapshotRequirement }): JSX.Element | null {
  if (requirement.unwitnessed !== true) return null;
  return (
    <span class="unwitnessed">
      no independent implementation has passed this yet; the requirement itself may be wrong
    </span>
  );
}

const basisSentences: Readonly<Record<string, string>> = {
  keyword: 'the text says so in this word',
  fact: 'the text states it as a fact; the level is our reading',
  choice: 'no text says it; of several lawful behaviours it is the one that we chose',
  robustness: 'no text says it; we expect it of any implementation',
};

/** Why a violation does not count under the texts that were chosen; nothing beside what counts. */
export function Apart(props: {
  readonly view: ReportView;
  readonly requirement: SnapshotRequirement;
}): JSX.Element | null {
  const apart = apartIn(props.view, props.requirement);
  return apart === undefined ? null : <span class="unwitnessed"> {apartWords(apart)}</span>;
}

/** Where a requirement comes from, and where the newest text says it. */
export function Provenance(props: {
  readonly view: ReportView;
  readonly requirement: SnapshotRequirement;
}): JSX.Element {
  const { view, requirement } = props;
  return (
    <>
      <p class="origin">
        {requirement.clause} · <Standing view={view} requirement={requirement} />
      </p>
      <NewestPlace view={view} requirement={requirement} />
    </>
  );
}

/** The clause of several requirements, and where the newest text has it. */
export function ClauseHead(props: {
  readonly view: ReportView;
  readonly requirement: SnapshotRequirement;
}): JSX.Element {
  return (
    <div class="clause">
      <p class="origin">{props.requirement.clause}</p>
      <NewestPlace {...props} />
    </div>
  );
}

function NewestPlace(props: {
  readonly view: ReportView;
  readonly requirement: SnapshotRequirement;
}): JSX.Element | null {
  const newest = newestPlace(requirementPlaces(props.view.run.catalogue, props.requirement));
  return newest === undefined ? null : <TextPlaces places={[newest]} />;
}

/** How the text says a requirement, since when, to whom, and on which features it hangs. */
export function Standing(props: { readonly view: ReportView; readonly requirement: SnapshotRequirement }): JSX.Element {
  const { view, requirement } = props;
  const { origin, basis, binds, features } = requirement;
  return (
    <>
      {levelWord(requirement)}: {basisSentences[basis] ?? basis}
      <Versions view={view} requirement={requirement} /> · binds the {binds}
      {features.length === 0 ? '' : ` · hangs on ${features.map((name) => withBit(view, name)).join(', ')}`}
      {origin.length === 0 ? null : (
        <>
          {' '}
          · <code>{origin.join(', ')}</code>
        </>
      )}
    </>
  );
}

/** `VIRTIO_F_EVENT_IDX (bit 29)` */
function withBit({ run }: ReportView, name: string): string {
  const bit = run.catalogue.features.find((feature) => feature.name === name)?.bit;
  return bit === undefined ? name : `${name} (bit ${bit})`;
}

/** ` · since virtio 1.2 (2022-07-01)`, where that is published, and why a violation does not count, where it does not. */
function Versions(props: { readonly view: ReportView; readonly requirement: SnapshotRequirement }): JSX.Element | null {
  const { view, requirement } = props;
  const { since, until } = requirement;
  if (since === undefined) return null;
  const source = view.run.catalogue.sources?.find(({ name }) => name === since);
  const apart = apartIn(view, requirement);
  return (
    <>
      {` · since ${since}`}
      {typeof source?.date === 'string' ? ` (${source.date})` : ''}
      {typeof until === 'string' ? `, until ${until}` : ''}
      {apart === undefined ? '' : `, ${apartWords(apart)}: not counted as a violation`}
    </>
  );
}
