import { Fragment, type JSX } from 'preact';

/** A long name that may go on in a new line behind each of its underscores. */
export function BreakingName({ name }: { readonly name: string }): JSX.Element {
  return (
    <>
      {name.split(/(?<=_)/).map((part, index) => (
        <Fragment key={index}>
          {index === 0 ? null : <wbr />}
          {part}
        </Fragment>
      ))}
    </>
  );
}
