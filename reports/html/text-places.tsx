import { Fragment, type JSX } from 'preact';
import type { RequirementPlace } from '../requirement-places.ts';

/** `virtio-1.4 2.7.8.2 (unverified; source read 2026-11-30)`, with links to the published page and to the source. */
export function TextPlaces({ places }: { readonly places: readonly RequirementPlace[] }): JSX.Element | null {
  if (places.length === 0) return null;
  return (
    <p class="origin">
      {'The text: '}
      {places.map((place, index) => (
        <Fragment key={place.version}>
          {index === 0 ? '' : ' · '}
          <Place place={place} />
        </Fragment>
      ))}
    </p>
  );
}

function Place({ place }: { readonly place: RequirementPlace }): JSX.Element {
  const { version, number, published, opened, source } = place;
  const name = number === '' ? version : `${version} ${number}`;
  return (
    <>
      {published === undefined ? name : <Link address={published} text={name} />}
      {' ('}
      {published === undefined ? 'no address is known' : opened === undefined ? 'unverified' : `opened ${opened}`}
      {source === undefined ? null : (
        <>
          {'; '}
          <Link address={source.address} text="source" /> read {source.read}
        </>
      )}
      )
    </>
  );
}

/** The page's own policy keeps what is opened from learning where it was linked. */
function Link({ address, text }: { readonly address: string; readonly text: string }): JSX.Element {
  return <a href={address}>{text}</a>;
}
