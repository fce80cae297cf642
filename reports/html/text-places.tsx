import { Fragment, type JSX } from 'preact';
import type { RequirementPlace } from '../requirement-places.ts';

/** `The text: virtio-1.4 2.7.8.2 (source) · unverified; source read 2026-11-30`, with links to page and source of each version; a text without numbers has its heading there. */
export function TextPlaces({ places }: { readonly places: readonly RequirementPlace[] }): JSX.Element | null {
  if (places.length === 0) return null;
  return (
    <p class="origin">
      {'The text: '}
      {places.map((place, index) => (
        <Fragment key={place.version}>
          {index === 0 ? '' : ', '}
          <Place place={place} />
        </Fragment>
      ))}
      {` · ${lookedAt(places)}`}
    </p>
  );
}

function Place({
  place: { version, number, title, published, source },
}: {
  readonly place: RequirementPlace;
}): JSX.Element {
  const name = `${version} ${number === '' ? title : number}`;
  return (
    <>
      {published === undefined ? name : <Link address={published} text={name} />}
      {source === undefined ? null : (
        <>
          {' ('}
          <Link address={source.address} text="source" />)
        </>
      )}
    </>
  );
}

/** What nobody opened is unverified, by name where others were opened; then when the sources were read. */
function lookedAt(places: readonly RequirementPlace[]): string {
  const unopened = places.filter(({ published, opened }) => published !== undefined && opened === undefined);
  const opened = places.flatMap((place) =>
    place.opened === undefined ? [] : [`${place.version} opened ${place.opened}`],
  );
  const days = [...new Set(places.flatMap(({ source }) => source?.read ?? []))].sort();
  const unverified =
    opened.length === 0 ? 'unverified' : `${unopened.map(({ version }) => version).join(', ')} unverified`;
  return [
    ...(places.every(({ published }) => published === undefined) ? ['no address is known'] : []),
    ...opened,
    ...(unopened.length === 0 ? [] : [unverified]),
    ...(days.length === 0 ? [] : [`source read ${days.join(', ')}`]),
  ].join('; ');
}

/** The page's own policy keeps what is opened from learning where it was linked. */
function Link({ address, text }: { readonly address: string; readonly text: string }): JSX.Element {
  return <a href={address}>{text}</a>;
}
