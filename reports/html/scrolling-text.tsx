import type { JSX } from 'preact';
import { ForeignText } from './foreign-text.tsx';

/** Text that may be too long to be shown at once: it scrolls by mouse and by keyboard. */
export function ScrollingText(props: {
  readonly text: string;
  readonly label: string;
  readonly kind?: string;
}): JSX.Element {
  const { text, label, kind } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so by keyboard as well
    // biome-ignore lint/a11y/useSemanticElements: no element of HTML is a group of preformatted text
    <pre class={kind} role="group" aria-label={label} tabIndex={0}>
      <ForeignText text={text} />
    </pre>
  );
}
