import { createContext, h, type JSX } from 'preact';
import { useContext } from 'preact/hooks';
import { render } from 'preact-render-to-string';
import { AnnotatedBytes, type AnnotatedBytesProps } from './annotated-bytes.tsx';
import { SharedTexts } from './shared-texts.ts';

/** Fields of messages and calls that are closed: most of them are in many sequences of a page. */
export const SharedFields = createContext(new SharedTexts());

/** A message or call whose fields can be opened. Where it is closed they are in the page once, for all that have the same. */
export function WithFields(props: {
  readonly summary: JSX.Element;
  readonly blocks: readonly AnnotatedBytesProps[];
  readonly isOpen: boolean;
}): JSX.Element {
  const { summary, blocks, isOpen } = props;
  const shared = useContext(SharedFields);
  const fields = blocks.map((block) => <AnnotatedBytes key={block.title} {...block} />);
  if (isOpen) {
    return (
      <details open>
        <summary class="arrow">{summary}</summary>
        {fields}
      </details>
    );
  }
  return (
    <details data-fields={shared.place(fields.map((one) => render(one)).join(''))}>
      <summary class="arrow">{summary}</summary>
    </details>
  );
}

/** What `WithFields` left out of the page, for its script. */
export function LeftOutFields({ of }: { readonly of: SharedTexts }): JSX.Element | null {
  const data = of.compressed();
  return data === undefined ? null : h('div', { id: 'fields', hidden: true, 'data-texts': data });
}
